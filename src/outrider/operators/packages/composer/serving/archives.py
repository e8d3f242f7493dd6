"""Archives of packages: how they are called here, and where they are elsewhere."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import msgspec

from outrider.core.http.urls import origin
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.serving.downloading import Receive
from outrider.ports.clock import Clock

ZIP = "zip"
# What Composer unpacks, and how files of that kind end: https://getcomposer.org/doc/04-schema.md, the method `createDownloadManager`
# of Composer's class `Factory`. What it makes of a `path` or clones is no file.
_ENDINGS = {ZIP: ".zip", "tar": ".tar", "gzip": ".gz", "xz": ".xz", "rar": ".rar", "phar": ".phar"}
_KNOWN_ENDING = re.compile(r"\.(?:zip|tar|gz|tgz|bz2|xz|rar|phar)\Z")
# It gives a file of this kind the name that stands in the address.
_SINGLE_FILE = "file"
_UNSAFE = re.compile(r"[^A-Za-z0-9.+_-]+")
_LONGEST = 100


class Archive(NamedTuple):
    """An archive of a version.

    Attributes:
        version: As it is written.
        file: Its name here.
        kind: Of archive.
        url: Where it is elsewhere; empty where it was published here.
        reference: The commit that it is of; empty where nobody says.
        sha1: Of it; mostly nobody says.
    """

    version: str
    file: str
    kind: str
    url: str
    reference: str
    sha1: str

    def dist(self, url: str) -> dict[str, str]:
        """Return what is said of it where it has another address."""
        reference = {"reference": self.reference} if self.reference else {}
        return {"type": self.kind, "url": url, **reference, "shasum": self.sha1}


def archive_of(name: str, fields: Mapping[str, msgspec.Raw]) -> Archive | None:
    """Return the archive of a version; None where there is none that can be served.

    Args:
        name: Of the package.
        fields: What is said of the version.
    """
    version, dist = (msgspec.json.decode(fields.get(key, b"null")) for key in ("version", "dist"))
    if not isinstance(version, str) or not isinstance(dist, dict):
        return None
    kind, url, reference, sha1 = (_text(dist.get(key)) for key in ("type", "url", "reference", "shasum"))
    # What was published here is at no other address.
    if "url" in dist and not _is_address(url):
        return None
    file = _file(name, version, kind, url, "\0".join((version, reference or url, sha1)))
    return Archive(version, file, kind, url, reference, sha1) if file else None


def _file(name: str, version: str, kind: str, url: str, key: str) -> str:
    """Return how an archive is called here; empty where it is none that can be served.

    What a branch or a tag stands for may change, and a lock must not get another content then: the name is another one too.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    if kind == _SINGLE_FILE:
        return f"{digest}/{_safe(last) or _SINGLE_FILE}"
    if kind not in _ENDINGS:
        return ""
    known = _KNOWN_ENDING.search(last)
    return f"{name.rpartition('/')[2]}-{_safe(version)}-{digest}{known[0] if known else _ENDINGS[kind]}"


def archive_url(base: str, name: str, file: str) -> str:
    """Return the address of an archive here."""
    return f"{base}/composer/files/{name}/{quote(file, safe='/')}"


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text)[:_LONGEST].strip(".-")


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


class Archives:
    """Fetches archives, from whichever host they are on.

    Args:
        registry_at: Makes a registry of an address, with what is shown to its host and to no other one.
        clock: For the age of connections.
    """

    def __init__(self, registry_at: Callable[[str], Registry], clock: Clock) -> None:
        self._registry_at, self._clock = registry_at, clock
        self._downloads: dict[tuple[str, str, int], Downloads] = {}

    async def fetch(self, url: str, receive: Receive) -> None:
        """Fetch an archive.

        Args:
            url: Its address.
            receive: Is given the pieces.

        Raises:
            OutriderError: What its host says.
        """
        where = origin(url)
        downloads = self._downloads.get(where)
        if downloads is None:
            downloads = self._downloads[where] = Downloads(
                self._registry_at(url), self._clock, registry_at=self._registry_at
            )
        await downloads.stream(url, receive)

    async def close(self) -> None:
        """Close all connections."""
        for one in self._downloads.values():
            await one.close()
