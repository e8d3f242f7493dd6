"""Records of advisories, made up, in the form of OSV."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from outrider.core.timestamps import timestamp
from outrider.ports.clock import SystemClock


def ecosystem_range(*events: tuple[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    """Return a range by its events, such as `("introduced", "0"), ("fixed", "1.2")`."""
    return {"type": kind, "events": [{name: version} for name, version in events]}


def affected(
    *ranges: dict[str, Any], versions: Iterable[str] = (), name: str = "web", ecosystem: str = "PyPI"
) -> dict[str, Any]:
    """Return what a record says of one package."""
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": list(ranges), "versions": list(versions)}


def record(identity: str, *packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a record, which was changed just now."""
    return {
        "schema_version": "1.7.0", "id": identity, "modified": timestamp(SystemClock().now()), "summary": f"{identity} is bad",
        "affected": list(packages), **more,
    }  # fmt: skip


def zipped(path: Path, *records: dict[str, Any]) -> Path:
    """Write records as OSV publishes them, all in one file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    return path
