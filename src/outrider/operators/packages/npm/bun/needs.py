"""What a package.json needs, as bun sees it: `Package::from_npm` and `Package::parse_with_json` of bun 1.4."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.catalogs import Catalogs, from_catalogs
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.versions.ecosystems import scheme_of

# In the order in which bun places them: those of a workspace come first, and peers last.
WORKSPACE, DEV, OPTIONAL, PROD, PEER, OPTIONAL_PEER = range(6)
FIELDS = {"dependencies": PROD, "devDependencies": DEV, "optionalDependencies": OPTIONAL, "peerDependencies": PEER}
# For what is not heeded here.
REMEDY = "have bun write the lock file: bun install --lockfile-only"
_ANY = "*"


class Wanted(NamedTuple):
    """What is asked of a package.

    Attributes:
        package: Its name in the registry; empty where it comes from elsewhere.
        text: A range or a tag.
        is_tag: Whether it is a tag.
        is_alias: Whether it is a range of a package that is named, as in `npm:NAME@RANGE`.
    """

    package: str
    text: str
    is_tag: bool
    is_alias: bool


class BunNeed(NamedTuple):
    """One thing that a package needs.

    Attributes:
        name: By which it is found.
        text: What is asked of it, as it is written there or in a catalog.
        kind: WORKSPACE, DEV, OPTIONAL, PROD, PEER or OPTIONAL_PEER.
        wanted: What that means.
        is_bundled: Whether it came within the tarball of whoever needs it.
        catalog: What names the catalog that it is taken from; empty where it is taken from none.
    """

    name: str
    text: str
    kind: int
    wanted: Wanted
    is_bundled: bool = False
    catalog: str = ""

    @property
    def written(self) -> str:
        """What a manifest has of it."""
        return self.catalog or self.text

    @property
    def is_peer(self) -> bool:
        """Whether it has to stand beside."""
        return self.kind >= PEER

    @property
    def order(self) -> tuple[int, bytes]:
        """What bun sorts by."""
        return min(self.kind, PEER), self.name.encode()


def read_wanted(name: str, text: str) -> Wanted:
    """Return what is asked of a name."""
    text = text.strip()
    spec = read_spec(name, text)
    is_tag = not is_range(spec.text)
    return Wanted(spec.package, spec.text, is_tag, text.startswith("npm:") and not is_tag)


def is_range(text: str) -> bool:
    """Return whether a text is a range, and no tag."""
    try:
        scheme_of("npm").range(text)
    except InvalidConfigError:
        return False
    return True


def needs_of_version(said: Mapping[str, Any]) -> list[BunNeed]:
    """Return what a version of a registry needs: what may be left out counts more than what may not, and peers count least."""
    optional = texts(said, "optionalDependencies")
    plain = {name: text for name, text in texts(said, "dependencies").items() if name not in optional}
    found = [
        BunNeed(name, text, kind, read_wanted(name, text))
        for kind, some in ((PROD, plain), (OPTIONAL, optional))
        for name, text in some.items()
    ]
    found += [one for one in _peers(said) if one.name not in plain and one.name not in optional]
    bundled = _bundled(said)
    return [one._replace(is_bundled=bundled is None or one.name in bundled) for one in found]


def needs_of_manifest(document: Mapping[str, Any], catalogs: Catalogs, *, is_member: bool = False) -> list[BunNeed]:
    """Return what a project needs, or a member of its workspace; a name may stand in several fields.

    Args:
        document: The package.json.
        catalogs: Of the project, which have what is asked of them.
        is_member: Whether it is that of a member.
    """
    fields = {field: texts(document, field) for field, kind in FIELDS.items() if kind != PEER}
    for name in () if is_member else fields["optionalDependencies"]:
        # What may be left out takes the place of what may not, but not in members.
        next((fields[field] for field in fields if name in fields[field] and FIELDS[field] != OPTIONAL), {}).pop(
            name, ""
        )
    found = [
        BunNeed(name, text, FIELDS[field], read_wanted(name, text))
        for field, some in fields.items()
        for name, text in some.items()
    ]
    needs = [_from_catalog(one, catalogs) for one in (*found, *_peers(document))]
    return sorted(needs, key=lambda one: one.order)


def _from_catalog(need: BunNeed, catalogs: Catalogs) -> BunNeed:
    text = from_catalogs(catalogs, need.name, need.text)
    if text is need.text:
        return need
    return need._replace(text=text, wanted=read_wanted(need.name, text), catalog=need.text)


def _peers(said: Mapping[str, Any]) -> Iterator[BunNeed]:
    meta = said.get("peerDependenciesMeta")
    metas = meta.items() if isinstance(meta, dict) else ()
    optional = {name for name, one in metas if isinstance(one, dict) and one.get("optional") is True}
    peers = texts(said, "peerDependencies")
    # One that only its meta speaks of is any version.
    for name, text in {**dict.fromkeys(sorted(optional - peers.keys()), _ANY), **peers}.items():
        yield BunNeed(name, text, OPTIONAL_PEER if name in optional else PEER, read_wanted(name, text))


def texts(said: Mapping[str, Any], field: str) -> dict[str, str]:
    """Return what of a field has texts."""
    found = said.get(field)
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def _bundled(said: Mapping[str, Any]) -> set[str] | None:
    """Return the names of what came within a tarball; None where that is all of it."""
    found = said.get("bundleDependencies")
    found = said.get("bundledDependencies") if found is None else found
    if found is True:
        return None
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
