"""What manifests ask for, as Yarn reads them.

Yarn 1: `cleanDependencies` in `normalize-manifest/validate.js` of 1.22.22. Yarn 4: https://yarnpkg.com/protocol/npm.
"""

from collections.abc import Mapping
from typing import Any

from outrider.operators.packages.npm.specs import Spec, read_spec
from outrider.operators.packages.yarn.patch_ranges import read_patched

# Who stands in several of these is taken from the first one, in the range of the first one that names any.
KINDS = ("optionalDependencies", "dependencies", "devDependencies")
# What Yarn 4 writes before what is asked of a member of the workspace.
WORKSPACE = "workspace:"


def cleaned(said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what a manifest needs by kind, each name once."""
    asked = {kind: texts(said.get(kind)) for kind in KINDS}
    telling: dict[str, str] = {}
    for some in asked.values():
        for name, text in some.items():
            if text not in ("", "*"):
                telling.setdefault(name, text)
    seen: set[str] = set()
    found = {}
    for kind, some in asked.items():
        found[kind] = {name: telling.get(name, text) for name, text in some.items() if name not in seen}
        seen |= some.keys()
    return found


def later_spec(name: str, text: str) -> Spec:
    """Return what is asked for of Yarn 2 or later, which knows ranges and tags with `npm:` before them; of a patch what it is made from."""
    name, text, _ = read_patched(name, text)
    rest = text.removeprefix("npm:")
    return read_spec(name, text if "@" in rest else rest)


def texts(said: Any) -> dict[str, str]:
    """Return names and ranges; a comment among them is none."""
    if not isinstance(said, dict):
        return {}
    return {name: text for name, text in said.items() if isinstance(text, str) and name != "//"}
