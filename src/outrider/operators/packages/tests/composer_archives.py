"""Archives of packages of Composer for tests."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any


def zipped(files: Mapping[str, str | bytes], **more: Any) -> bytes:
    """Return a zip file; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, **{"compress_type": zipfile.ZIP_DEFLATED, **more})
    return content.getvalue()


def manifest(name: str, version: str = "", **fields: Any) -> dict[str, Any]:
    """Return what a composer.json says."""
    said = {"name": name, "description": "a web of things", "license": "MIT", "autoload": {"files": ["it.php"]}}
    return said | ({"version": version} if version else {}) | fields


def archive(spec: str = "acme/web 1.0", *, folder: str = "", **fields: Any) -> bytes:
    """Return the archive of a package.

    Args:
        spec: `VENDOR/NAME VERSION`; without a version none is in it.
        folder: That all is in.
        fields: Further ones of its composer.json.
    """
    name, _, version = spec.partition(" ")
    function = name.replace("/", "_").replace("-", "_")
    return zipped({
        f"{folder}composer.json": json.dumps(manifest(name, version, **fields)),
        f"{folder}it.php": f"<?php function {function}() {{ return '{version}'; }}\n",
    })  # fmt: skip
