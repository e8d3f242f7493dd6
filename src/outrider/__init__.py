"""Outrider runs agents beside the systems they look after. The public names are those of `outrider.api`."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Give `from outrider import call, connect` what `outrider.api` has, without importing it before."""
    if name in ("After", "Operator", "OutriderError", "Platform", "TerminalError", "call", "connect", "crd"):
        # By name, because nothing may be imported with the package itself.
        return getattr(importlib.import_module("outrider.api"), name)
    raise AttributeError(f"outrider has no public name '{name}'")
