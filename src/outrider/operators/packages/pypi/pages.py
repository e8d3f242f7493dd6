"""The pages of a Python index: JSON (PEP 691) or HTML (PEP 503), with what later specifications have added to both."""

import html
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.registries.downloads import Document

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_JSON = "application/vnd.pypi.simple.v1+json"
# Whatever these begin to read they take, so that no page can have them read the same text again and again.
# What indexes write on pages without a file.
_MARK = re.compile(r"pypi:repository-version|<title>\s*(?:Simple Index|Links for)|<h1>\s*Links for", re.IGNORECASE)
_TAG = re.compile(
    r"""<!--.*?(?:-->|\Z)|<(a|base)(?=[\s/])((?:[^"'>]++|"[^"]*"|'[^']*')*+)""", re.IGNORECASE | re.DOTALL
)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]++)(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]++)))?+""")
_RUNS = re.compile(r"[-_.]+")


class PypiFile(msgspec.Struct, array_like=True, omit_defaults=True):
    """A file of a release.

    Attributes:
        name: Of the file.
        url: Where it is.
        hashes: By algorithm.
        python: What `Requires-Python` says.
        yanked: Why it was taken back; None where it was not.
        uploaded: When, as RFC 3339 has it; empty where the index does not say.
        metadata: Whether the index serves its metadata beside it (PEP 658).
        size: Bytes; 0 where the index does not say.
    """

    name: str
    url: str
    hashes: dict[str, str] = {}
    python: str = ""
    yanked: str | None = None
    uploaded: str = ""
    metadata: bool = False
    size: int = 0


class Page(msgspec.Struct):
    """What an index says of a project.

    Attributes:
        files: Of all releases.
        status: `active`, `archived`, `quarantined` or `deprecated` (PEP 792).
    """

    files: list[PypiFile]
    status: str = "active"


class _JsonFile(msgspec.Struct, rename="kebab"):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    core_metadata: bool | dict[str, str] | None = False
    dist_info_metadata: bool | dict[str, str] | None = False
    yanked: bool | str | None = False
    size: int | None = None
    upload_time: str | None = None


class _JsonPage(msgspec.Struct, rename="kebab"):
    files: list[_JsonFile] = []
    project_status: dict[str, Any] = {}


def normalised(name: str) -> str:
    """Return the name of a project in the one form in which names are compared (PEP 503)."""
    return _RUNS.sub("-", name).lower()


def read_page(document: Document) -> Page:
    """Read a page.

    Raises:
        ExecutionFailedError: It is none.
    """
    content = document.content or b""
    if document.content_type == _JSON:
        try:
            page = msgspec.json.decode(content, type=_JsonPage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _unreadable(document, str(error)) from error
        files = [_of_json(document.url, one) for one in page.files if _address(document.url, one.url)]
        return Page(files, str(page.project_status.get("status") or "active"))
    text = content.decode("utf-8", "replace")
    if document.content_type not in ("text/html", "application/vnd.pypi.simple.v1+html", "application/xhtml+xml"):
        raise _unreadable(document, document.content_type or "no type")
    files = list(_of_html(document.url, text))
    if not files and _MARK.search(text) is None:
        raise _unreadable(document, "HTML without a link, as of a page to log in")
    return Page(files)


def _of_json(base: str, one: _JsonFile) -> PypiFile:
    yanked = one.yanked if isinstance(one.yanked, str) else "" if one.yanked else None
    return PypiFile(
        name=one.filename, url=_address(base, one.url), hashes=one.hashes, python=one.requires_python or "", yanked=yanked,
        uploaded=one.upload_time or "", metadata=bool(one.core_metadata or one.dist_info_metadata), size=one.size or 0,
    )  # fmt: skip


def _of_html(base: str, text: str) -> Iterable[PypiFile]:
    for tag in _TAG.finditer(text):
        attributes = _attributes(tag[2] or "")
        where = _address(base, attributes.get("href", ""))
        if not where or "href" not in attributes:
            continue
        if tag[1].lower() == "base":
            base = where
            continue
        url, _, fragment = where.partition("#")
        algorithm, _, value = fragment.partition("=")
        served = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata", "false"))
        yield PypiFile(
            name=unquote(urlsplit(url).path.rpartition("/")[2]), url=url, hashes={algorithm: value} if value else {},
            python=attributes.get("data-requires-python", ""), yanked=attributes.get("data-yanked"), metadata=served != "false",
        )  # fmt: skip


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a tag; of those that are there twice the first one counts, as in any browser."""
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(text):
        found.setdefault(one[1].lower(), html.unescape(one[2] or one[3] or one[4] or ""))
    return found


def _address(base: str, url: str) -> str:
    """Return where a file is; nothing where that is no address."""
    try:
        joined = urljoin(base, url.strip())
        urlsplit(joined)
    except ValueError:
        return ""
    return joined


def _unreadable(document: Document, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"{document.url}: no page of a Python index", found=found[:200], expected="JSON of PEP 691, or HTML of PEP 503",
        suggestions=["check the address of the index", "see in a browser what is there: it may want a login"],
    )  # fmt: skip
