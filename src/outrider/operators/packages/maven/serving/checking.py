"""Fetches a file with the checksums that its repository has of it.

https://maven.apache.org/resolver/about-checksums.html
"""

import asyncio
import hashlib
import re

from outrider.core.errors import ExecutionFailedError, NotFoundError
from outrider.core.remembered import Remembered
from outrider.operators.packages.maven.client import MavenClient
from outrider.operators.packages.maven.serving.layout import ALGORITHMS
from outrider.operators.packages.serving.downloading import Receive

# The weakest one is asked for where there is no other.
_STRONG, _WEAK = ALGORITHMS[:-1], ALGORITHMS[-1:]
_DIGITS = {one: hashlib.new(one, usedforsecurity=False).digest_size * 2 for one in ALGORITHMS}
_LARGEST = 4096
_MOST_REMEMBERED = 10_000
# Each file by a connection of its own would cost more than these.
_SMALL = (".pom", ".asc", ".module")


class Checking:
    """Fetches files, and remembers which checksums there are of those of a version."""

    def __init__(self) -> None:
        self._algorithms = Remembered[tuple[str, str], tuple[str, ...]](_MOST_REMEMBERED)

    async def fetch(self, client: MavenClient, path: str, receive: Receive, *, at_once: bool) -> None:
        """Fetch a file, and compare it with its checksums.

        Args:
            client: Asks the repository.
            path: Of the file, as it stands in an address.
            receive: Is given the pieces, which may not be used before this has ended well.
            at_once: Whether to ask for checksums before it is known that there is such a file.

        Raises:
            NotFoundError: There is none.
            ExecutionFailedError: It is not what its repository says it is.
            OutriderError: What else the repository says.
        """
        hashes = {one: hashlib.new(one, usedforsecurity=False) for one in ALGORITHMS}

        def take(piece: bytes) -> None:
            for one in hashes.values():
                one.update(piece)
            receive(piece)

        if path.endswith(_SMALL) and at_once:
            # Clients read POMs one after another, and wait for each.
            content, named = await asyncio.gather(client.small_file(path), self._named(client, path))
            take(content)
        else:
            if path.endswith(_SMALL):
                take(await client.small_file(path))
            else:
                await client.stream(path, take)
            named = await self._named(client, path)
        for algorithm, value in named.items():
            found = hashes[algorithm].hexdigest()
            if found != value:
                raise ExecutionFailedError(
                    f"{path}: the content has another {algorithm} than its repository says", found=found, expected=value,
                    suggestions=["fetch it again; if it stays so, the repository or what is on the way to it changes files"],
                )  # fmt: skip

    async def _named(self, client: MavenClient, path: str) -> dict[str, str]:
        """Return the hashes that a repository names, by algorithm."""
        key = (client.repository.id, path.rpartition("/")[0])
        for algorithms in (self._algorithms.get(key, ()), _STRONG, _WEAK):
            values = await asyncio.gather(*(_value(client, path, one) for one in algorithms))
            found = {one: value for one, value in zip(algorithms, values, strict=True) if value}
            if found:
                self._algorithms[key] = tuple(found)
                return found
        return {}


async def _value(client: MavenClient, path: str, algorithm: str) -> str:
    """Return a hash as hexadecimal digits; nothing where the repository names none that can be read."""
    try:
        content = await client.small_file(f"{path}.{algorithm}")
    except NotFoundError:
        return ""
    # Some write the file's name before it or behind it.
    pattern = rf"(?<![0-9a-f])[0-9a-f]{{{_DIGITS[algorithm]}}}(?![0-9a-f])"
    match = re.search(pattern, content[:_LARGEST].decode("latin-1").lower())
    return match[0] if match is not None else ""
