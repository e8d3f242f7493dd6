"""The document `packages.json` of a repository: where its packages are, or these themselves.

https://getcomposer.org/doc/05-repositories.md#composer. Those of Composer 1 name the hashes of their documents.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.composer.records import FORM, ComposerRecord, compiled
from outrider.operators.packages.composer.releases import ReleaseReader

_MOST_NAMES = 1_000_000
_MOST_PATTERNS = 10_000
_MOST_FILES = 200
_NAME = re.compile(r"[a-z0-9](?:[_.-]?[a-z0-9]++)*+/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]++)*+")
_LONGEST_NAME = 200


class Listed(msgspec.Struct, array_like=True):
    """A document that is named with its hash.

    Attributes:
        path: Where it is, below the repository.
        algorithm: `sha256`, or `sha1`.
        digest: Empty where none is named.
    """

    path: str
    algorithm: str = ""
    digest: str = ""


class ComposerRoot(msgspec.Struct, array_like=True, kw_only=True):
    """What a repository says of itself.

    Attributes:
        fetched: When, seconds since the epoch.
        modified: When it was changed, as the repository writes that.
        etag: Of the document.
        metadata_url: Where the document of a package is, with `%package%` in it; empty where there is none such.
        lazy_url: Likewise, of Composer 1.
        providers_url: Likewise, with `%hash%` in it too.
        providers_api: Where it says who provides a name, with `%package%` in it; empty where it does not.
        names: Of all packages that it has; None where it does not say.
        patterns: Likewise, with `*` in them.
        providers: The SHA-256 of the documents, by the names of packages.
        inline: The packages themselves, in the order of the document.
        listings: Documents with further providers.
        includes: Documents with further packages.
    """

    form: int = FORM
    fetched: float = 0.0
    modified: str = ""
    etag: str = ""
    metadata_url: str = ""
    lazy_url: str = ""
    providers_url: str = ""
    providers_api: str = ""
    names: list[str] | None = None
    patterns: list[str] | None = None
    providers: dict[str, str] = {}
    inline: dict[str, ComposerRecord] = {}
    listings: list[Listed] = []
    includes: list[Listed] = []

    @property
    def is_whole(self) -> bool:
        """Whether all packages are in it."""
        return not (self.metadata_url or self.lazy_url or self.providers_url or self.providers)


def is_name(name: str) -> bool:
    """Return whether a package of a repository may have a name; others name no document."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def read_object(url: str, content: bytes | None) -> dict[str, Any]:
    """Return the JSON object that a document is.

    Raises:
        ExecutionFailedError: It is none.
    """
    try:
        found = msgspec.json.decode(content or b"")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(url, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(url, type(found).__name__)
    return found


def read_root(url: str, document: dict[str, Any]) -> ComposerRoot:
    """Return what a repository says of itself.

    Args:
        url: Of the document.
        document: Its content.
    """
    root = ComposerRoot(inline=inline_packages([document]), includes=list(_listed(document.get("includes"))))
    root.providers_api = absolute(url, document.get("providers-api"))
    root.metadata_url = absolute(url, document.get("metadata-url"))
    if root.metadata_url:
        root.names = _texts(document.get("available-packages"), _MOST_NAMES)
        root.patterns = _texts(document.get("available-package-patterns"), _MOST_PATTERNS)
        return root
    root.lazy_url = absolute(url, document.get("providers-lazy-url"))
    root.providers_url = absolute(url, document.get("providers-url"))
    root.providers = providers_of(document)
    root.listings = list(_listed(document.get("provider-includes")))
    return root


def inline_packages(documents: Sequence[dict[str, Any]]) -> dict[str, ComposerRecord]:
    """Return the packages that are in documents themselves, those of one name together."""
    found: dict[str, list[Any]] = {}
    for document in documents:
        for version in _versions(document.get("packages")):
            name = version.get("name") if isinstance(version, dict) else None
            if isinstance(name, str) and len(found) < _MOST_NAMES:
                found.setdefault(name.lower(), []).append(version)
    reader = ReleaseReader()
    return {name: compiled(reader.read(name, versions)) for name, versions in found.items()}


def providers_of(document: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the documents of packages, by name."""
    found = document.get("providers")
    return {
        name: said["sha256"]
        for name, said in (list(found.items())[:_MOST_NAMES] if isinstance(found, dict) else ())
        if isinstance(said, dict) and isinstance(said.get("sha256"), str)
    }


def further(document: dict[str, Any]) -> list[Listed]:
    """Return the documents that one with providers names in turn."""
    return list(_listed(document.get("provider-includes")))


def _versions(packages: Any) -> Iterator[Any]:
    for versions in packages.values() if isinstance(packages, dict) else ():
        yield from versions.values() if isinstance(versions, dict) else versions if isinstance(versions, list) else ()


def _listed(found: Any) -> Iterator[Listed]:
    for path, said in list(found.items())[:_MOST_FILES] if isinstance(found, dict) else ():
        algorithm = next(
            (one for one in ("sha256", "sha1") if isinstance(said, dict) and isinstance(said.get(one), str)), ""
        )
        digest = said[algorithm] if algorithm else ""
        yield Listed(path.replace("%hash%", digest), algorithm, digest)


def absolute(url: str, found: Any) -> str:
    """Return an address within a document; one that begins with a slash is on the host of that."""
    if not isinstance(found, str) or not found:
        return ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{found}" if found.startswith("/") else found


def _texts(found: Any, most: int) -> list[str] | None:
    """Return texts in small letters; None where there are none."""
    texts = [text.lower() for text in found[:most] if isinstance(text, str)] if isinstance(found, list) else []
    return texts or None


def _unreadable(url: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"{url}: no document of a repository of Composer", found=found[:200], expected="a JSON object",
        suggestions=["check the address of the repository"],
    )  # fmt: skip
