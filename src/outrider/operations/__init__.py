"""Families as Python: `from outrider.operations import host`, then `await host.file_read("/etc/hostname")`.

The functions are made from the registry when they are used; the stubs beside this file tell type checkers what they take and
give.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return a family by its name or alias, with `_` in place of `-`."""
    if name.startswith("__"):
        raise AttributeError(name)
    from outrider.surfaces.python.typed import family_functions  # noqa: PLC0415 - nothing is imported before it is used

    return family_functions(name)
