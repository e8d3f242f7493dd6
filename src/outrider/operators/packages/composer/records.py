"""What is known of a package, in the form in which it is kept: in the order of its repository, and read only where it is looked at."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.operators.packages.composer.releases import ComposerRelease, Entry, ReleaseReader

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 1
_DECODER = msgspec.msgpack.Decoder(ComposerRelease)
_ENCODER = msgspec.msgpack.Encoder()


class ComposerRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What a document says of a package. The lists are as long as one another.

    Attributes:
        fetched: When the document was fetched or found unchanged, seconds since the epoch.
        modified: When it was changed, as its repository writes that.
        etag: Of the document.
        found: Whether there is such a document, and the package in it.
        versions: As they are written.
        normals: In their normal form.
        aliases: The normal forms of what they are called too; empty for none.
        published: When, in seconds since the epoch; 0 where nobody says.
        releases: What each says of itself, as MessagePack.
        left_out: How many versions are in a form that cannot be read.
    """

    form: int = FORM
    fetched: float = 0.0
    modified: str = ""
    etag: str = ""
    found: bool = False
    versions: list[str] = []
    normals: list[str] = []
    aliases: list[str] = []
    published: list[float] = []
    releases: list[bytes] = []
    left_out: int = 0

    def release(self, position: int) -> ComposerRelease:
        """Return what a version says of itself."""
        return _DECODER.decode(self.releases[position])


def compiled(entries: Iterable[Entry | None]) -> ComposerRecord:
    """Return versions in the form in which they are kept."""
    record = ComposerRecord(found=True)
    for entry in entries:
        if entry is None:
            record.left_out += 1
            continue
        record.versions.append(entry.version)
        record.normals.append(entry.normal)
        record.aliases.append(entry.alias)
        record.published.append(entry.published)
        record.releases.append(_ENCODER.encode(entry.release))
    return record


def compiled_document(name: str, document: Any) -> ComposerRecord:
    """Return what a document says of one package; of others in it nothing is taken.

    Args:
        name: Of the package, in small letters.
        document: The content of its JSON.
    """
    packages = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(packages, dict) or name not in packages:
        return ComposerRecord()
    return compiled(ReleaseReader().read(name, packages[name], minified=document.get("minified")))
