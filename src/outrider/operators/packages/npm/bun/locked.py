"""What each package needs in which version, as a bun.lock has it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from outrider.operators.packages.locks.bun import folders_of, names_in, place_of
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.bun.choosing import PROJECT

_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_ALL_NEEDS = (*_NEEDS, "devDependencies")
# Name and version, an address, what is told of it, and a hash.
_LENGTH = 4


def locked_needs(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return who needs what in which version, by NAME@VERSION or the folder of a member, and by name; of what stands in several places the first one."""
    packages, workspaces = document.get("packages"), document.get("workspaces")
    everyone = workspaces if isinstance(workspaces, dict) else {}
    some = packages if isinstance(packages, dict) else {}
    known = {place: entry for place, entry in some.items() if is_of_registry(entry)}
    found: dict[str, dict[str, str]] = {PROJECT: {}}
    for folder, said in everyone.items():
        if isinstance(said, dict):
            place = place_of(some, str(said.get("name") or ""), folder) if folder else ""
            found[folder or PROJECT] = dict(_met(known, place, said, _ALL_NEEDS))
    for place, entry in known.items():
        if entry[0] not in found:
            found[entry[0]] = dict(_met(known, place, entry[2], _NEEDS))
    return found


def is_of_registry(entry: Any) -> bool:
    """Return whether an entry looks like one of a package of a registry."""
    return (
        isinstance(entry, list) and len(entry) == _LENGTH and isinstance(entry[0], str) and isinstance(entry[2], dict)
    )


def _met(
    packages: Mapping[str, Any], place: str, said: Mapping[str, Any], fields: Sequence[str]
) -> Iterator[tuple[str, str]]:
    folders = folders_of(names_in(place))
    for name in dict.fromkeys(name for field in fields for name in said.get(field) or ()):
        found = next((one for folder in folders if (one := f"{folder}{name}") in packages), "")
        if found and name not in (said.get("unresolved") or ()):
            yield name, split_name(packages[found][0])[1]
