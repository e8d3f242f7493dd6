"""Outrider runs agents beside the systems they look after. The public names are those of `outrider.api`."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Give `from outrider import call, connect` what `outrider.api` has, without importing it before."""
    if name in ("OutriderError", "Platform", "call", "connect"):
        from outrider import api  # noqa: PLC0415 - nothing may be imported with the package itself

        return getattr(api, name)
    raise AttributeError(f"outrider has no public name '{name}'")
