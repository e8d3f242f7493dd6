"""What versions of a package say of themselves, as repositories write it.

https://getcomposer.org/doc/05-repositories.md#composer and https://getcomposer.org/doc/04-schema.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.branches import DEFAULT_BRANCH, branch_alias
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.versions.composer import normal_form

SELF = "self.version"
MINIFIED, UNSET = "composer/2.0", "__unset"
_LONGEST_VERSION = 200
_MOST_VERSIONS = 20_000
# Of one version; and of all versions of a package, and the letters of their constraints.
_MOST_LINKS, _MOST_LINKS_IN_ALL, _MOST_LETTERS_IN_ALL = 5_000, 1_000_000, 4 << 20
_KINDS = ("require", "conflict", "provide", "replace")
# All that is read of a version: what else there is need not be carried from one to the next.
_READ = frozenset(
    (*_KINDS, "name", "version", "version_normalized", "dist", "license", "time", "abandoned", "extra", "default-branch", "uid")
)  # fmt: skip
_MOST_ALIASES = 64


class ComposerRelease(msgspec.Struct, array_like=True):
    """What a version says of itself; targets are in small letters, and it never names itself.

    Attributes:
        requires: Constraints by what they are about.
        conflicts: Likewise.
        provides: Likewise.
        replaces: Likewise.
        url: Of its archive.
        sha1: Of that; mostly nobody says.
        licence: As it is written.
        abandoned: Whether nobody looks after it any more.
    """

    requires: dict[str, str] = {}
    conflicts: dict[str, str] = {}
    provides: dict[str, str] = {}
    replaces: dict[str, str] = {}
    url: str = ""
    sha1: str = ""
    licence: str = ""
    abandoned: bool = False


class Entry(NamedTuple):
    """A version of a package.

    Attributes:
        version: As it is written.
        normal: In its normal form.
        alias: The normal form of what it is called too; empty for none.
        published: When, in seconds since the epoch; 0 where nobody says.
        release: What it says.
    """

    version: str
    normal: str
    alias: str
    published: float
    release: ComposerRelease


class ReleaseReader:
    """Reads the versions of packages."""

    def __init__(self) -> None:
        self._constraints = Constraints()
        self._links_left = self._letters_left = 0

    def read(self, name: str, versions: Any, *, minified: Any = None) -> Iterator[Entry | None]:
        """Yield the versions of a package; None for each that cannot be read, which leaves out that version alone.

        Composer refuses the whole repository then.

        Args:
            name: Of the package, in small letters.
            versions: A list of them, or a mapping.
            minified: What the document says of how they are written.
        """
        self._links_left, self._letters_left = _MOST_LINKS_IN_ALL, _MOST_LETTERS_IN_ALL
        for one in whole_versions(versions, minified=minified, only=_READ):
            yield self._entry(name, one)

    def _entry(self, name: str, one: Any) -> Entry | None:
        if not isinstance(one, dict) or str(one.get("name", "")).lower() != name:
            return None
        version = str(one.get("version", ""))
        try:
            normal = _normal(version, one.get("version_normalized"))
            links = [self._links(name, one.get(kind)) for kind in _KINDS]
            if any(SELF in link.values() for link in links):
                self._constraints.read(version)
            alias = branch_alias(version, _aliases(one.get("extra")), is_default=one.get("default-branch") is True)
        except InvalidConfigError:
            return None
        return Entry(version, normal, alias, _published(one.get("time")), _release(one, links))

    def _links(self, name: str, found: Any) -> dict[str, str]:
        """Return constraints by what they are about.

        Raises:
            InvalidConfigError: They cannot be read.
        """
        if not found:
            return {}
        self._links_left -= len(found) if isinstance(found, dict) else 0
        if not isinstance(found, dict) or len(found) > _MOST_LINKS or self._links_left < 0:
            raise _unreadable("a table of constraints")
        links = {}
        for target, constraint in found.items():
            self._letters_left -= len(constraint) if isinstance(constraint, str) else 0
            if not isinstance(constraint, str) or self._letters_left < 0:
                raise _unreadable("a constraint")
            if target.lower() == name:
                continue
            if constraint != SELF:
                self._constraints.read(constraint)
            links[target.lower()] = constraint
        return links


def _unreadable(expected: str) -> InvalidConfigError:
    return InvalidConfigError("what a version says cannot be read", expected=expected)


def whole_versions(versions: Any, *, minified: Any, only: AbstractSet[str] | None = None) -> Iterable[Any]:
    """Return what is said of the versions of a package, each by itself.

    Args:
        versions: A list of them, or a mapping.
        minified: What the document says of how they are written.
        only: What has to be known of each; all of it where that is None.
    """
    found = list(versions.values()) if isinstance(versions, dict) else versions if isinstance(versions, list) else []
    found = found[:_MOST_VERSIONS]
    return _expanded(found, only) if minified == MINIFIED else found


def _expanded(versions: Iterable[Any], only: AbstractSet[str] | None) -> Iterator[Any]:
    """Yield versions of which each but the first is written as what differs from the one before it.

    https://getcomposer.org/doc/05-repositories.md#metadata-url.
    """
    whole: dict[str, Any] = {}
    for one in versions:
        if not isinstance(one, dict):
            yield None
            continue
        for key in one.keys() if only is None else one.keys() & only:
            if one[key] == UNSET:
                whole.pop(key, None)
            else:
                whole[key] = one[key]
        yield dict(whole)


def _normal(version: str, given: Any) -> str:
    """Return the normal form of a version; what the repository says counts, where it is one.

    Raises:
        InvalidConfigError: It is no version.
    """
    if not version or len(version) > _LONGEST_VERSION:
        raise _unreadable("a version")
    if isinstance(given, str) and given not in ("", DEFAULT_BRANCH) and len(given) <= _LONGEST_VERSION:
        return normal_form(given)
    return normal_form(version)


def _aliases(extra: Any) -> Iterator[tuple[str, str]]:
    aliases = extra.get("branch-alias") if isinstance(extra, dict) else None
    for branch, target in list(aliases.items())[:_MOST_ALIASES] if isinstance(aliases, dict) else ():
        if isinstance(target, str) and len(target) <= _LONGEST_VERSION:
            yield branch, target


def _published(text: Any) -> float:
    if not isinstance(text, str) or len(text) > _LONGEST_VERSION:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _release(one: Mapping[str, Any], links: list[dict[str, str]]) -> ComposerRelease:
    dist = one.get("dist")
    dist = dist if isinstance(dist, dict) else {}
    licences = one.get("license")
    written = licences if isinstance(licences, list) else [licences]
    requires, conflicts, provides, replaces = links
    return ComposerRelease(
        requires=requires, conflicts=conflicts, provides=provides, replaces=replaces, url=_text(dist.get("url")), sha1=_text(dist.get("shasum")),
        # Where there are several, one may choose: https://getcomposer.org/doc/04-schema.md#license.
        licence=" OR ".join(text for text in written if isinstance(text, str)),
        abandoned=bool(one.get("abandoned")),
    )  # fmt: skip


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""
