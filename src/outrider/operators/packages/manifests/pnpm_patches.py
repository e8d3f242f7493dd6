"""Where a project of pnpm has patches: https://pnpm.io/10.x/settings#patcheddependencies."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.whole_files import read_bounded

FIELD = "patchedDependencies"
_LARGEST = 16 << 20


class Patch(NamedTuple):
    """A patch.

    Attributes:
        hash: Of the file, whatever ends its lines.
        path: Of it, from the folder of the project.
    """

    hash: str
    path: str


def read_patches(own: Mapping[str, Any], workspace: Mapping[str, Any], folder: Path) -> dict[str, Patch]:
    """Return the patches of a project, by what they are for; what package.json says counts for all.

    Args:
        own: What pnpm is told in the package.json.
        workspace: The pnpm-workspace.yaml.
        folder: Of the project.

    Raises:
        InvalidConfigError: It cannot be read, or a file cannot.
        NotFoundError: A file is not there.
    """
    said, file = (own[FIELD], FORM) if own.get(FIELD) else (workspace.get(FIELD) or {}, "pnpm-workspace.yaml")
    if not isinstance(said, dict) or not all(isinstance(path, str) and path for path in said.values()):
        raise InvalidConfigError(
            f"{file}: {FIELD} cannot be read", path=FIELD, found=type(said).__name__, expected="packages with the paths of patches",
            suggestions=["correct it"],
        )  # fmt: skip
    return {key: _patch(folder / path, folder) for key, path in sorted(said.items())}


def _patch(file: Path, folder: Path) -> Patch:
    # Whatever is no UTF-8 is replaced before it is hashed, as Node.js reads it.
    text = read_bounded(file, _LARGEST).decode(errors="replace").replace("\r\n", "\n")
    return Patch(hashlib.sha256(text.encode()).hexdigest(), Path(os.path.relpath(file, folder)).as_posix())
