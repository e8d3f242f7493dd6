"""What an ecosystem has to do to be served: ask other registries, and make documents of what they say."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from outrider.operators.packages.registries.downloads import Document as Answer
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.downloading import Fetch
from outrider.operators.packages.serving.tables import Release, Summary


class FileSource(NamedTuple):
    """Where a file of another registry is.

    Attributes:
        version: Of which it is.
        hashes: Of it, by algorithm, as hexadecimal digits.
        fetch: Fetches it.
    """

    version: str
    hashes: Mapping[str, str]
    fetch: Fetch


class Upstream(Protocol):
    """Other registries of an ecosystem."""

    async def fetch(self, name: str, known: Answer | None) -> tuple[bytes | None, Answer]:
        """Return what they say of a package, as its ecosystem keeps it, with the answer that it was in; None where it has not changed.

        Raises:
            NotFoundError: They do not have it.
            OutriderError: What else they say.
        """

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        """Return where the files of a package are, by their names.

        Args:
            name: Of the package.
            raw: What was fetched.
        """

    async def close(self) -> None:
        """Close all connections."""


class Built(NamedTuple):
    """What is served of a package.

    Attributes:
        documents: All of them.
        refused: Versions that policy refuses, with the reason.
        summary: What people want to see first.
    """

    documents: Sequence[Document]
    refused: dict[str, str]
    summary: Summary = Summary()


class Contents(NamedTuple):
    """What documents are made of.

    Attributes:
        raw: What another registry says; None where it was published here.
        releases: What was published here.
        tags: Names of versions of that.
    """

    raw: bytes | None
    releases: Sequence[Release]
    tags: Mapping[str, str]


Builder = Callable[[str, Contents, Policy], Built]
# Is given what other registries say now, None for nothing, what was kept, and the seconds since the epoch; returns what is kept then,
# None for nothing.
Carry = Callable[[bytes | None, bytes, float], bytes | None]
