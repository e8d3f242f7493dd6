"""What a package.json asks for as Yarn 1 reads it: `cleanDependencies` in `normalize-manifest/validate.js` of Yarn 1.22.22."""

from collections.abc import Mapping
from typing import Any

# Who stands in several of these is taken from the first one, in the range of the first one that names any.
KINDS = ("optionalDependencies", "dependencies", "devDependencies")


def cleaned(said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what a manifest needs by kind, each name once."""
    texts = {kind: _texts(said.get(kind)) for kind in KINDS}
    telling: dict[str, str] = {}
    for some in texts.values():
        for name, text in some.items():
            if text not in ("", "*"):
                telling.setdefault(name, text)
    seen: set[str] = set()
    found = {}
    for kind, some in texts.items():
        found[kind] = {name: telling.get(name, text) for name, text in some.items() if name not in seen}
        seen |= some.keys()
    return found


def _texts(said: Any) -> dict[str, str]:
    """Return names and ranges; a comment among them is none."""
    if not isinstance(said, dict):
        return {}
    return {name: text for name, text in said.items() if isinstance(text, str) and name != "//"}
