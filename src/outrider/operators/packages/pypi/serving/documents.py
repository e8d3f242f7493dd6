"""The pages of projects as they are served: JSON (PEP 691) and HTML (PEP 503), each file with the address that it has here."""

import html
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import msgspec

from outrider.core.timestamps import timestamp
from outrider.operators.packages.pypi.pages import Page, PypiFile
from outrider.operators.packages.pypi.records import PypiRecord, compiled, published_at
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.resolving.policies import Policy, by_version, of_others
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Release, Summary, warning
from outrider.operators.packages.serving.upstreams import Built, Contents

JSON, HTML = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"
TEXT_HTML = "text/html"
_PAGE = msgspec.msgpack.Decoder(Page)
# Sizes and versions belong to this one and are in no earlier one (PEP 700); without a size it may not be claimed.
_VERSION, _VERSION_WITHOUT_SIZES = "1.4", "1.0"


class Uploaded(msgspec.Struct, array_like=True):
    """What was uploaded with a file.

    Attributes:
        hashes: Of the file, by algorithm.
        python: What Requires-Python says.
        description: One line.
        licence: As it is written.
        needs: Names of what it needs.
    """

    hashes: dict[str, str]
    python: str
    description: str = ""
    licence: str = ""
    needs: list[str] = []


def kept_page(page: Page) -> bytes:
    """Return a page in the form in which it is kept."""
    return msgspec.msgpack.encode(page)


def read_kept_page(raw: bytes) -> Page:
    """Return a page that was kept."""
    return _PAGE.decode(raw)


def build(name: str, contents: Contents, policy: Policy) -> Built:
    """Return the pages of a project.

    Files of versions that policy refuses are there as such that were taken back (PEP 592), with the rule as the reason: nobody
    chooses them, whoever names them is told why, and the file itself is refused.

    Args:
        name: Normalised.
        contents: What there is.
        policy: What may be installed.
    """
    page = read_kept_page(contents.raw) if contents.raw is not None else Page([_file(one) for one in contents.releases])
    record, files = compiled(name, page, {})
    # What is published here is nobody's news.
    own = contents.raw is None
    published = [1.0] * len(record.versions) if own else record.published
    refused = by_version(policy.refusals(name, record.table(), published), record.table())
    others = {version: 1.0 if own else published_at(files[version]) for version in record.unsorted}
    refused |= of_others(policy, "pypi", name, others)
    # Pages of others do not tell licences: their files are judged when they are asked for.
    for one in contents.releases if policy.asks_for_licences else ():
        if why := policy.refuses_licence(name, one.version, _said(one).licence):
            refused.setdefault(one.version, why)
    shown = [
        msgspec.structs.replace(file, yanked=_reason(refused, version, file))
        for version in (*record.versions, *record.unsorted)
        for file in files[version]
    ]
    versions = [*record.versions, *record.unsorted]
    documents = [
        Document("json", JSON, _as_json(name, page.status, versions, shown)),
        Document("html", TEXT_HTML, _as_html(name, shown)),
    ]
    return Built(documents, refused, _summary(contents, record, refused))


def _summary(contents: Contents, record: PypiRecord, refused: dict[str, str]) -> Summary:
    table = record.table()
    left = sum(1 << bit for bit, version in enumerate(table.versions) if version not in refused)
    fine = left & ~sum(1 << bit for bit in record.yanked)
    latest = table.versions[newest(left, fine, table.releases)] if left else ""
    # Of others the pages do not tell, and their files need not be here. Of one's own a wheel says more.
    own = sorted((one for one in contents.releases if one.version == latest), key=lambda one: not one.beside)
    best = _said(own[0]) if own else Uploaded({}, "")
    warned = {table.versions[bit]: warning("yanked", why) for bit, why in record.yanked.items()}
    return Summary(
        warned=warned, versions=[*reversed(table.named(left)), *(one for one in record.unsorted if one not in refused)], latest=latest, description=best.description, licence=best.licence, needs=best.needs
    )  # fmt: skip


def _said(release: Release) -> Uploaded:
    return msgspec.msgpack.decode(release.said, type=Uploaded)


def _file(release: Release) -> PypiFile:
    said = _said(release)
    return PypiFile(
        name=release.file, url="", hashes=said.hashes, python=said.python, yanked=release.yanked,
        uploaded=timestamp(release.published), metadata=bool(release.beside), size=release.size,
    )  # fmt: skip


def _reason(refused: dict[str, str], version: str, file: PypiFile) -> str | None:
    why = refused.get(version)
    return f"version {version} {of_one(why)}" if why else file.yanked


def _address(project: str, file: PypiFile) -> str:
    return f"../../files/{project}/{quote(file.name)}"


def _as_json(name: str, status: str, versions: Sequence[str], files: Sequence[PypiFile]) -> bytes:
    sized = all(file.size for file in files)
    content: dict[str, object] = {
        "meta": {"api-version": _VERSION if sized else _VERSION_WITHOUT_SIZES},
        "name": name,
        "files": [_entry(name, file) for file in files],
    }
    if sized:
        content["versions"] = versions
    if status != "active":
        content["project-status"] = {"status": status}
    return msgspec.json.encode(content)


def _entry(project: str, file: PypiFile) -> dict[str, object]:
    wheel = file.name.endswith(".whl")
    entry: dict[str, object] = {"filename": file.name, "url": _address(project, file), "hashes": file.hashes}
    entry |= {
        "core-metadata": wheel,
        "dist-info-metadata": wheel,
        "yanked": False if file.yanked is None else file.yanked or True,
    }
    optional = {"requires-python": file.python, "size": file.size, "upload-time": file.uploaded}
    return entry | {key: value for key, value in optional.items() if value}


def _as_html(name: str, files: Iterable[PypiFile]) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        f'<head><meta name="pypi:repository-version" content="1.0"><title>{html.escape(name)}</title></head>',
        "<body>",
        *(f"<a {_attributes(name, file)}>{html.escape(file.name)}</a><br>" for file in files),
        "</body></html>",
    ]
    return "\n".join(lines).encode()


def _attributes(project: str, file: PypiFile) -> str:
    best = next((f"#{name}={file.hashes[name]}" for name in ("sha256", *file.hashes) if name in file.hashes), "")
    said = {"href": f"{_address(project, file)}{best}"}
    if file.python:
        said["data-requires-python"] = file.python
    if file.name.endswith(".whl"):
        said |= {"data-core-metadata": "true", "data-dist-info-metadata": "true"}
    if file.yanked is not None:
        said["data-yanked"] = file.yanked
    return " ".join(f'{key}="{html.escape(value)}"' for key, value in said.items())
