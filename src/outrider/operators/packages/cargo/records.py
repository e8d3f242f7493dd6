"""What is known of a crate, in the form in which it is kept: versions sorted, and what each needs, read only where it is looked at."""

import msgspec

from outrider.operators.packages.cargo.lines import CargoRelease, read_lines
from outrider.operators.packages.registries.published import all_or_none
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 4


class ConfigRecord(msgspec.Struct, array_like=True):
    """What a registry says of itself.

    Attributes:
        fetched: When, seconds since the epoch.
        downloads: Where crates are, with or without markers.
        closed: Whether it tells nothing without a token.
    """

    fetched: float
    downloads: str
    closed: bool


class CargoRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a crate.

    Attributes:
        fetched: When its document was fetched or found unchanged, seconds since the epoch.
        etag: Of the document.
        modified: Likewise.
        versions: Oldest first.
        prereleases: The mask of those that are, little-endian.
        yanked: Likewise, of those that were taken back.
        releases: What each version says of itself, as MessagePack.
        left_out: How many versions are in a form that cannot be read.
        published: When each version was, seconds since the epoch, 0 where the index does not say; empty where it says it of none.
        abroad: The addresses of other registries that have what these need.
    """

    form: int = FORM
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    versions: list[str] = []
    prereleases: bytes = b""
    yanked: bytes = b""
    releases: list[bytes] = []
    left_out: int = 0
    published: list[float] = []
    abroad: list[str] = []

    def table(self) -> VersionTable:
        """Return its versions as a table."""
        return VersionTable.of_sorted(scheme_of("cargo"), self.versions, int.from_bytes(self.prereleases, "little"))


def compiled(name: str, content: bytes) -> CargoRecord:
    """Return what a document of an index says in the form in which it is kept.

    Args:
        name: Of the crate.
        content: The document.
    """
    releases: dict[str, CargoRelease] = {}
    published: dict[str, float] = {}
    yanked: set[str] = set()
    left_out = 0
    for line in read_lines(name, content):
        if line is None:
            left_out += 1
            continue
        releases[line.version], published[line.version] = line.release, line.published
        (yanked.add if line.yanked else yanked.discard)(line.version)
    table = VersionTable(scheme_of("cargo"), releases)
    size = len(table.versions) // 8 + 1
    back = sum(1 << bit for bit, version in enumerate(table.versions) if version in yanked)
    encoder = msgspec.msgpack.Encoder()
    return CargoRecord(
        versions=table.versions, prereleases=(table.everything & ~table.releases).to_bytes(size, "little"),
        yanked=back.to_bytes(size, "little"), releases=[encoder.encode(releases[version]) for version in table.versions],
        left_out=left_out + len(table.unsorted), published=all_or_none([published[version] for version in table.versions]),
        abroad=sorted({need.registry for one in releases.values() for need in one.needs if need.registry}),
    )  # fmt: skip
