"""Where policies are."""

from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "packages-policy.yaml"


def policy_paths(environment: Mapping[str, str], folder: Path, named: str = "") -> list[Path]:
    """Return the files that count; a version has to be admitted by all of them.

    Args:
        environment: Variables.
        folder: Of the project: the nearest file of it and of the folders above it counts.
        named: One that a caller names; empty for none.
    """
    settings = Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/") / ".config")
    own = settings / "outrider" / FILE_NAME
    project = next((one / FILE_NAME for one in (folder, *folder.parents) if (one / FILE_NAME).is_file()), None)
    found = [own if own.is_file() else None, project, folder / named if named else None]
    return [*{one.resolve(): one for one in found if one is not None}.values()]
