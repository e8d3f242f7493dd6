"""Where the files that come with Outrider are: the plugin catalogue and the examples.

In a wheel they lie inside the package, in a checkout at its top.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """Return the folder `plugins` or `examples`."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / name
