"""What of a path is a root: a folder with package databases in it, or an image of a container."""

from pathlib import Path

from outrider.operators.packages.distributions.files import Root
from outrider.operators.packages.distributions.folders import FolderRoot
from outrider.operators.packages.distributions.images import image_root, is_image
from outrider.operators.packages.distributions.inventories import has_inventory


def root_at(path: Path) -> Root | None:
    """Return the root at a path; None where there is something else, or nothing.

    Raises:
        OutriderError: There is one, and it cannot be read.
    """
    if is_image(path):
        return image_root(path)
    return FolderRoot(path) if is_root(path) else None


def is_root(path: Path) -> bool:
    """Return whether a path is that of a folder that is a root."""
    return path.is_dir() and has_inventory(FolderRoot(path))
