"""Documents in which a source tells of a package: https://learn.microsoft.com/nuget/api/registration-base-url-resource."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.nuget.packages import is_range
from outrider.operators.packages.nuget.records import Entry, NugetRelease, PageRecord, shown_version

_MOST_PAGES = 2_000
_MOST_LEAVES = 20_000
_MOST_NEEDS = 2_000
_LONGEST_TEXT = 1024
# What was unlisted has a time in this year there, for want of another sign: not that of its publication.
_NO_TIME = 1900


class Page(NamedTuple):
    """A part of the versions of a package.

    Attributes:
        url: Of its document.
        stamp: It is another one where the document has changed; empty where nothing such is told.
        leaves: What it says of each version; None where only the document says that.
    """

    url: str
    stamp: str
    leaves: list[msgspec.Raw] | None


class _Page(msgspec.Struct, rename={"url": "@id", "commit": "commitId", "time": "commitTimeStamp"}):
    url: Any = ""
    commit: Any = ""
    time: Any = ""
    count: Any = 0
    items: list[msgspec.Raw] | None = None


class _Index(msgspec.Struct):
    items: list[_Page]


class _Dependency(msgspec.Struct):
    id: str
    range: str | None = ""


class _Group(msgspec.Struct, rename="camel"):
    target_framework: str | None = ""
    dependencies: list[_Dependency] | None = None


class _CatalogEntry(msgspec.Struct, rename="camel"):
    id: str
    version: str
    listed: bool | None = True
    published: str | None = ""
    license_expression: str | None = ""
    dependency_groups: list[_Group] | None = None


class _Leaf(msgspec.Struct, rename="camel"):
    catalog_entry: _CatalogEntry
    package_content: str | None = ""


_LEAVES = msgspec.json.Decoder(_Leaf)


def read_index(name: str, content: bytes) -> list[Page]:
    """Return the parts of what a source tells of a package.

    Raises:
        ExecutionFailedError: It is no such document.
    """
    pages = _decoded(name, content, _Index).items
    if len(pages) > _MOST_PAGES:
        raise _unusable(name, f"{len(pages)} pages")
    return [Page(page.url if isinstance(page.url, str) else "", _stamp(page), page.items) for page in pages]


def read_page(name: str, content: bytes) -> list[msgspec.Raw]:
    """Return what a document of a part says of each version.

    Raises:
        ExecutionFailedError: It is no such document.
    """
    return _decoded(name, content, _Page).items or []


def compiled(name: str, page: Page, leaves: Sequence[msgspec.Raw]) -> tuple[PageRecord, str]:
    """Return a part in the form in which it is kept, and the name of the package as its newest version writes it.

    Args:
        name: Of the package, in small letters. A version that says to be of another one is left out.
        page: Which part.
        leaves: What it says of each version; what cannot be read is left out.
    """
    record = PageRecord(page.url, page.stamp, [])
    shown = ""
    for raw in leaves[:_MOST_LEAVES]:
        entry, spelled = read_leaf(name, raw)
        if entry is None:
            record.left_out += 1
        else:
            record.entries.append(entry)
            shown = spelled
    return record, shown


def read_leaf(name: str, raw: msgspec.Raw) -> tuple[Entry | None, str]:
    """Return what is said of a version, and the name as it writes it; None where that cannot be read, or is about another package.

    Args:
        name: Of the package, in small letters.
        raw: What a registration says of the version.
    """
    try:
        leaf = _LEAVES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
    catalog = leaf.catalog_entry
    version, groups = shown_version(catalog.version), _groups(catalog.dependency_groups or [])
    if catalog.id.lower() != name or not version or groups is None:
        return None, ""
    release = NugetRelease(
        groups, (leaf.package_content or "")[:_LONGEST_TEXT], (catalog.license_expression or "")[:_LONGEST_TEXT]
    )
    entry = Entry(
        version, _seconds(catalog.published or ""), catalog.listed is not False, msgspec.msgpack.encode(release)
    )
    return entry, catalog.id


def _groups(groups: list[_Group]) -> list[tuple[str, list[tuple[str, str]]]] | None:
    """Return what a version needs for each framework; None where something of it cannot be read."""
    found = []
    for group in groups:
        needs = [(one.id, one.range or "") for one in group.dependencies or []]
        if not are_needs(needs):
            return None
        found.append(((group.target_framework or "")[:_LONGEST_TEXT], needs))
    return found if sum(len(needs) for _, needs in found) <= _MOST_NEEDS else None


def are_needs(needs: list[tuple[str, str]]) -> bool:
    """Return whether names of packages and ranges can be read."""
    return all(0 < len(name) <= _LONGEST_TEXT and len(text) <= _LONGEST_TEXT and is_range(text) for name, text in needs)


def _seconds(text: str) -> float:
    """Return a time in seconds since the epoch; 0 where none is told."""
    try:
        time = datetime.fromisoformat(text[:_LONGEST_TEXT])
        time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return time.timestamp() if time.year > _NO_TIME else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _stamp(page: _Page) -> str:
    """Return by what a change of a part shows; empty where that does not show."""
    said = [one for one in (page.commit, page.time) if isinstance(one, str) and one]
    return "/".join([*said, str(page.count)])[:_LONGEST_TEXT] if said else ""


def _decoded(name: str, content: bytes, form: "type[msgspec.Struct]") -> Any:
    try:
        return msgspec.json.decode(content, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(name, str(error)[:200]) from error


def _unusable(name: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"nuget {name}: what the source says cannot be used", found=found, expected="a registration with pages",
        suggestions=["check the address of the source: dotnet nuget list source"],
    )  # fmt: skip
