"""bun.lock: https://bun.com/docs/install/lockfile. It is JSON with commas before closing brackets.

Packages stand under their places in node_modules: `a/b` is a `b` that only `a` sees.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, Need, UnusableEntry, reached, table_at, table_of
from outrider.operators.packages.locks.hashes import integrity
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.npm_names import source_of, split_name

FORM = "bun.lock"
_INTEGRITY = re.compile(r"sha\d+-")
# What belongs to a member in whose place something else stands is behind a dot.
_NAME = re.compile(r"(?:\./)?(?:@[^/]+/)?[^/]+")
_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_DEEPEST = 64
_MEMBERS = ("workspace:", "link:", "root:")


def read(text: str) -> Lock:
    """Return the packages of a file; what only the development of its workspaces needs is for that.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text, lenient=True)
    findings = Findings(FORM, "npm")
    packages = findings.section(document, "packages")
    needs: dict[str, list[str]] = {}
    for place, entry in packages.items():
        with findings.entry(place):
            needs[place] = list(_places(packages, place, _aliases(_table(entry), _NEEDS)))
            if not _table(entry).get("bundled"):
                _note_lacking(findings, packages, place, _table(entry), ["dependencies"])
    starts: dict[str, list[str]] = {"main": [], "development": []}
    for path, workspace in findings.section(document, "workspaces").items():
        with findings.entry(f"workspaces: {path}"):
            table = table_of(workspace)
            name = place_of(packages, str(table.get("name", "")), path) if path else ""
            starts["main"] += _places(packages, name, _aliases(table, _NEEDS))
            starts["development"] += _places(packages, name, _aliases(table, ["devDependencies"]))
            _note_lacking(findings, packages, name, table, ["dependencies", "devDependencies"])
    findings.ask(_identities(packages, [*starts["main"], *starts["development"]]))
    only = reached(starts["development"], needs) - reached(starts["main"], needs)
    for place in needs:
        with findings.entry(place):
            _take(findings, packages, place, is_development=place in only)
    return findings.lock()


def _note_lacking(
    findings: Findings, packages: Mapping[str, Any], place: str, table: dict[str, Any], fields: Sequence[str]
) -> None:
    """Note what is needed and is nowhere; what is optional bun may have left out."""
    left_out = table_at(table, "optionalDependencies")
    for alias in _aliases(table, fields):
        if alias not in left_out and not [*_places(packages, place, [alias])]:
            findings.lack(alias, place or "the project")


def place_of(packages: Mapping[str, Any], name: str, folder: str) -> str:
    """Return where a member of a workspace stands, by its name and its folder."""
    entry = packages.get(name)
    return name if not isinstance(entry, list) or entry[:1] == [f"{name}@workspace:{folder}"] else f"./{name}"


def names_in(place: str) -> list[str]:
    """Return the packages that a place is in, the outermost first, and itself."""
    return _NAME.findall(place)


def folders_of(inside: Sequence[str]) -> list[str]:
    """Return the folders in which what is needed there is looked for, the nearest first."""
    return ["/".join([*inside[:depth], ""]) for depth in range(len(inside), -1, -1)]


def _take(findings: Findings, packages: dict[str, Any], place: str, *, is_development: bool) -> None:
    """Take an entry: what it is, and behind it, by where it comes from, an address, what it needs, and a hash."""
    entry = packages[place]
    name, version = split_name(entry[0])
    if version.startswith(_MEMBERS):
        return
    table = _table(entry)
    last = entry[-1] if isinstance(entry[-1], str) else ""
    optional = table.get("optionalPeers")
    left_out = {one for one in optional if isinstance(one, str)} if isinstance(optional, list) else set()
    needs = _places(packages, place, (one for one in _aliases(table, _NEEDS) if one not in left_out))
    findings.add(
        name, version, source=source_of(version), needs=_identities(packages, [*needs]),
        # An entry of git ends with its commit instead.
        hashes=lambda: integrity(last) if _INTEGRITY.match(last) else {}, development=is_development,
    )  # fmt: skip


def _identities(packages: dict[str, Any], places: Sequence[str]) -> Iterator[Need]:
    """Yield names and versions of what stands at places; members are no packages."""
    entries = (packages[place] for place in places)
    said = (
        split_name(entry[0]) for entry in entries if isinstance(entry, list) and entry and isinstance(entry[0], str)
    )
    yield from (one for one in said if not one[1].startswith(_MEMBERS))


def _table(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
        raise UnusableEntry("it is no list that begins with a name")
    return next((one for one in entry[1:] if isinstance(one, dict)), {})


def _aliases(table: dict[str, Any], fields: Iterable[str]) -> Iterator[str]:
    for field in fields:
        yield from table_at(table, field)


def _places(packages: Mapping[str, Any], place: str, aliases: Iterable[str]) -> Iterator[str]:
    """Yield where the dependencies of a package are: with it, or with one of those that it is in."""
    inside = names_in(place)
    if len(inside) > _DEEPEST:
        raise UnusableEntry("it is nested too deeply")
    folders = folders_of(inside)
    for alias in aliases:
        found = next((one for folder in folders if (one := f"{folder}{alias}") in packages), "")
        if found:
            yield found
