"""Patches of a project of bun 1.4: https://bun.com/docs/pm/cli/patch."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.manifests.package_json import FORM, texts_of
from outrider.operators.packages.npm.bun.trusting import in_order_of_slots

FIELD = "patchedDependencies"


def patches_by(document: dict[str, Any], needed: Iterable[str]) -> dict[str, str]:
    """Return the paths of patches as bun.lock has them: of the versions alone that are needed, in the order of a table of slots.

    Args:
        document: The package.json of the project.
        needed: What it needs as `NAME@VERSION`, in the order in which bun comes upon it.

    Raises:
        InvalidConfigError: They cannot be read.
    """
    said = texts_of(document, FIELD, FORM)
    return {name: said[name] for name in in_order_of_slots((one for one in needed if one in said), len(said))}


def patch_files(document: dict[str, Any], folder: Path) -> list[Path]:
    """Return the files of patches, used or not.

    Args:
        document: The package.json of the project.
        folder: Of it.

    Raises:
        InvalidConfigError: They cannot be read, or lead out of the folder.
        NotFoundError: One is not there, with which bun ends too.
    """
    found = []
    for name, path in texts_of(document, FIELD, FORM).items():
        file = folder / path
        if not path or Path(path).is_absolute() or ".." in Path(path).parts:
            raise InvalidConfigError(
                f"{FORM}: {FIELD}.{name} leads out of the project", path=f"{FIELD}.{name}", found=path, expected="a path in the project",
                suggestions=["have the patch there: bun patch"],
            )  # fmt: skip
        if not file.is_file():
            raise NotFoundError(
                f"{FORM}: {FIELD}.{name} is not there", path=f"{FIELD}.{name}", found=f"no {file}", expected="a patch",
                suggestions=[f"make it anew: bun patch {name}", "remove it"],
            )  # fmt: skip
        found.append(file)
    return found
