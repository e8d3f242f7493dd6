"""What is known of a gem, in the form in which it is kept: versions sorted, and what each needs, read only where it is looked at."""

import msgspec

from outrider.operators.packages.gem.lines import Variant, read_lines
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 1


class GemRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a gem.

    Attributes:
        fetched: When its document was fetched or found unchanged, seconds since the epoch.
        index: The address of the source that has it.
        etag: Of the document.
        checked: Whether its source says a digest of it, without which nothing is asked for that was appended.
        versions: Oldest first.
        prereleases: The mask of those that are, little-endian.
        platforms: For each version those of its variants, sorted.
        variants: For each version what its variants say, as MessagePack.
        left_out: How many lines are in a form that cannot be read.
    """

    form: int = FORM
    fetched: float = 0.0
    index: str = ""
    etag: str = ""
    checked: bool = False
    versions: list[str] = []
    prereleases: bytes = b""
    platforms: list[list[str]] = []
    variants: list[bytes] = []
    left_out: int = 0


def compiled(content: bytes) -> GemRecord:
    """Return what a document says in the form in which it is kept.

    Of two lines for the same variant the later one counts, and so it is with versions that are equal, such as 1.0 and 1.0.0: whoever asks
    for the one is content with the other.
    """
    found: dict[str, dict[str, Variant]] = {}
    left_out = 0
    for line in read_lines(content):
        if line is None:
            left_out += 1
        else:
            found.setdefault(line.version, {})[line.variant.platform] = line.variant
    scheme = scheme_of("gem")
    differing = {scheme.parse(version).key: version for version in found}
    left_out += len(found) - len(differing)
    table = VersionTable(scheme, differing.values())
    platforms = [sorted(found[version]) for version in table.versions]
    encoder = msgspec.msgpack.Encoder()
    prereleases = table.everything & ~table.releases
    return GemRecord(
        versions=table.versions, prereleases=prereleases.to_bytes(len(table.versions) // 8 + 1, "little"), platforms=platforms,
        variants=[
            encoder.encode([found[version][one] for one in those])
            for version, those in zip(table.versions, platforms, strict=True)
        ],
        left_out=left_out,
    )  # fmt: skip
