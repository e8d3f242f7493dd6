"""Libraries of plugins in Python: distributions beside Outrider, which the sandbox lets them read and import."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from outrider.core.errors import MissingRequirementError
from outrider.runtime.plugins.manifest import PluginManifest


def library_folders(manifest: PluginManifest) -> list[Path]:
    """Return the folders of the distributions that a plugin requires.

    Raises:
        MissingRequirementError: One is not installed.
    """
    folders: dict[Path, None] = {}
    for name in manifest.runtime.requirements:
        try:
            found = distribution(name)
        except PackageNotFoundError as error:
            raise MissingRequirementError(
                f"plugin '{manifest.id}' needs the Python distribution '{name}', which is not installed here",
                found=f"no {name}", expected=name,
                suggestions=["pip install 'outrider[plugins]' has what the catalogue needs", f"pip install {name}"],
            ) from error  # fmt: skip
        folders[Path(str(found.locate_file(""))).resolve()] = None
    return list(folders)
