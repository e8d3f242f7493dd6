"""What is known of a package of one source, in the form in which it is kept: what a version says is read only where it is looked at."""

from collections.abc import Iterable

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.nuget.package_files import FileRecord
from outrider.operators.packages.nuget.ranges import normalised
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 1


class ServicesRecord(msgspec.Struct, array_like=True):
    """Where a source has what.

    Attributes:
        fetched: When, seconds since the epoch.
        registrations: The address below which it tells of packages; empty where it does not.
        content: The address below which it has packages; empty where it has none there.
    """

    fetched: float = 0.0
    registrations: str = ""
    content: str = ""


class NugetRelease(msgspec.Struct, array_like=True):
    """What a version of a package says of itself.

    Attributes:
        groups: What it needs, for each target framework: names of packages, and ranges.
        url: Of its file; empty where that follows from its name and version.
        licence: An expression of SPDX; empty where it has none.
    """

    groups: list[tuple[str, list[tuple[str, str]]]] = []
    url: str = ""
    licence: str = ""


class Entry(msgspec.Struct, array_like=True):
    """A version as a source tells of it.

    Attributes:
        version: As NuGet shows it.
        published: When, seconds since the epoch; 0 where that is not told.
        is_listed: Whether people are shown it.
        release: What it says of itself, as MessagePack; empty where that was not looked at.
    """

    version: str
    published: float = 0.0
    is_listed: bool = True
    release: bytes = b""


class PageRecord(msgspec.Struct, array_like=True):
    """A part of what a source tells of a package.

    Attributes:
        url: Of its document.
        stamp: It is another one where the document has changed; empty where nothing such is told.
        entries: Versions in it.
        left_out: How many others are in a form that cannot be read.
    """

    url: str
    stamp: str
    entries: list[Entry]
    left_out: int = 0


class NugetRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a package.

    Attributes:
        fetched: When it was fetched or found unchanged, seconds since the epoch.
        etag: Of its first document.
        modified: Likewise.
        name: As the source writes it.
        pages: All that the source tells.
        only_names: Whether the source tells no more than the versions that there are.
        files: By version, what was seen of their files; it is so for ever.
    """

    form: int = FORM
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    name: str = ""
    pages: list[PageRecord] = []
    only_names: bool = False
    files: dict[str, FileRecord] = {}

    @property
    def left_out(self) -> int:
        """How many versions are in a form that cannot be read."""
        return sum(page.left_out for page in self.pages)

    def entries(self) -> Iterable[Entry]:
        """Yield all versions; of equal ones the first."""
        seen = set()
        for page in self.pages:
            for entry in page.entries:
                key = scheme_of("nuget").parse(entry.version).key
                if key not in seen:
                    seen.add(key)
                    yield entry


def table_of(versions: Iterable[str]) -> VersionTable:
    """Return a table of versions."""
    return VersionTable(scheme_of("nuget"), versions)


def shown_version(text: object) -> str:
    """Return a version as NuGet shows it; empty where it is none."""
    if not isinstance(text, str):
        return ""
    try:
        return normalised(text)
    except InvalidConfigError:
        return ""
