"""A source of gems: the compact index, the files that RubyGems searches in, gems, and what gem push, yank and signin send.

gem asks for the head of the address, for `/info/NAME`, and for the specification of what it installs, as Marshal; it searches in the lists
of names, versions and platforms. Bundler asks for `/versions` and `/info/NAME`. Both ask for files. https://github.com/rubygems/rubygems
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.gem.serving.documents import INFO
from outrider.operators.packages.gem.serving.index import GemIndex
from outrider.operators.packages.gem.serving.licences import read_licence
from outrider.operators.packages.gem.serving.listing import Listing, names
from outrider.operators.packages.gem.serving.naming import gems_of, require_open
from outrider.operators.packages.gem.serving.packages import metadata_of
from outrider.operators.packages.gem.serving.publishing import (
    TAKEN_BACK,
    publish,
    read_gem,
    release_of,
    yank,
    yank_form,
)
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.sessions import new_key
from outrider.operators.packages.gem.serving.source_lists import SourceLists
from outrider.operators.packages.gem.serving.spec_lists import SPECS, specs
from outrider.operators.packages.gem.serving.specifications import Specification, quick, read_specification
from outrider.operators.packages.gem.serving.texts import TEXT, IndexText, whole
from outrider.operators.packages.serving.documents import StoredDocument, content_of
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.licences import FileLicences
from outrider.operators.packages.serving.negotiation import accepted
from outrider.operators.packages.serving.tables import KeptFile
from outrider.operators.packages.serving.visits import Visit

_PLAIN = Headers({"content-type": "text/plain; charset=utf-8"})
_JSON = Headers({"content-type": "application/json"})
_GZIP_FILE, _OCTETS = "application/gzip", "application/octet-stream"
_GEM, _SPECIFICATION, _SPECS = ".gem", ".gemspec.rz", ".4.8.gz"
_MOST = 30
# More than any form of these clients has.
_LARGEST_FORM, _MOST_FIELDS = 64 << 10, 50

_Answer = Callable[[Visit, str, str], Awaitable[Response]]


class GemServer:
    """Serves the gems of a hub.

    Args:
        others: The lists of other sources; None where none are known.
        hub: Has them.
    """

    def __init__(self, others: SourceLists | None, hub: Hub) -> None:
        self.hub = hub
        self._index, self._licences = GemIndex(hub, others), FileLicences(hub, read_licence)

    async def answer(self, visit: Visit) -> Response:
        answer = None
        match visit.segments:
            case ["api", "v1", *rest]:
                answer = await self._api(visit, rest)
            case [*rest] if visit.request.method in ("GET", "HEAD"):
                answer = await self._read(visit, rest)
        if answer is None:
            raise visit.nothing()
        return answer

    async def _read(self, visit: Visit, segments: list[str]) -> Response | None:
        match segments:
            case [""]:
                # RubyGems asks for its head, and for documents of the index where that is there.
                _let_in(visit)
                return _text("gems\n")
            case ["versions"]:
                return await self._versions(visit)
            case ["names"]:
                return await self._made(visit, "names", names)
            case [file] if (kind := file.removesuffix(_SPECS)) in SPECS and kind != file:
                return await self._made(visit, kind, partial(specs, kind=kind), _GZIP_FILE)
        return await self._of_one(visit, segments)

    async def _of_one(self, visit: Visit, segments: list[str]) -> Response | None:
        match segments:
            case ["info", name] if name:
                require_open(self.hub, name)
                return await visit.document(self.hub, name, INFO, self._served)
            case ["gems", file] if file.endswith(_GEM):
                return await self._of_gem(visit, file.removesuffix(_GEM), self._file)
            case ["quick", "Marshal.4.8", file] if file.endswith(_SPECIFICATION):
                return await self._of_gem(visit, file.removesuffix(_SPECIFICATION), self._specification)
        return None

    async def _api(self, visit: Visit, rest: list[str]) -> Response | None:
        match visit.request.method, rest:
            case "POST", ["gems"]:
                return await self._push(visit)
            case "DELETE", ["gems", "yank"]:
                return await self._yank(visit)
            case "GET" | "POST", ["api_key"]:
                return _text(await new_key(self.hub, visit, _form(visit)))
            case "GET", ["search.json"]:
                return self._search(visit)
        return None

    async def _versions(self, visit: Visit) -> Response:
        _let_in(visit)
        headers = visit.request.headers
        encoding = accepted(headers.get("accept-encoding"), ("gzip", "identity"))
        if encoding is None:
            return Response(406)
        return (await self._index.text(visit.caller)).served(encoding).response(headers)

    async def _made(self, visit: Visit, kind: str, make: Callable[[Listing], bytes], media: str = TEXT) -> Response:
        _let_in(visit)
        made = await self._index.made(visit.caller, kind, lambda listing: whole(make(listing), media))
        return made.response(visit.request.headers)

    def _served(self, document: StoredDocument, encoding: str, content: bytes) -> IndexText:
        text = content if encoding == "identity" else content_of(document, "identity", self.hub.store.blobs)
        return IndexText(document, encoding, content, hashlib.md5(text or b"", usedforsecurity=False).hexdigest())

    async def _of_gem(self, visit: Visit, full_name: str, answer: _Answer) -> Response:
        """Answer with something of a gem that has a file; the first that has it counts."""
        found = gems_of(self.hub, full_name)
        missing = NotFoundError(f"gem: there is no file {full_name[:200]}{_GEM}", found=full_name[:200])
        for name in [one for one in found if visit.caller.may("read", f"gem:{one}")] or found[:1]:
            visit.require("read", "gem", name)
            try:
                require_open(self.hub, name)
                self._require_not_taken_back(name, f"{full_name}{_GEM}")
                await self._licences.refuse(name, f"{full_name}{_GEM}")
                return await answer(visit, name, f"{full_name}{_GEM}")
            except NotFoundError as error:
                missing = error
        raise missing

    def _require_not_taken_back(self, name: str, file: str) -> None:
        """Refuse a gem that was taken back: with RubyGems that is for good, and nobody else tells people why.

        Raises:
            NotFoundError: It was.
        """
        for one in self.hub.store.tables.releases("gem", name):
            if one.file == file and one.yanked is not None:
                why = f": {one.yanked}" if one.yanked not in ("", TAKEN_BACK) else ""
                raise NotFoundError(
                    f"gem {name} {one.version} was taken back{why}", found=one.version, suggestions=["take another version"]
                )  # fmt: skip

    async def _file(self, visit: Visit, name: str, file: str) -> Response:
        return await visit.file(self.hub, name, file)

    async def _specification(self, visit: Visit, name: str, file: str) -> Response:
        """Answer with the specification of a gem: that in its file, so that it is as right as the file."""
        tables, blobs = self.hub.store.tables, self.hub.store.blobs
        found = await self.hub.file(name, file)
        own = next((one for one in tables.releases("gem", name) if one.file == file), None)
        if own is not None and self.hub.is_private(name):
            return visit.kept(self.hub, KeptFile(own.beside, blobs.path(own.beside).stat().st_size), _OCTETS)
        beside = f"{file.removesuffix(_GEM)}{_SPECIFICATION}"
        kept = tables.kept("gem", name, beside)
        if kept is None or not blobs.path(kept.digest).is_file():
            digest = await found.done() if isinstance(found, Download) else found.digest
            kept = await self._make_specification(name, digest, beside)
        return visit.kept(self.hub, kept, _OCTETS)

    async def _make_specification(self, name: str, digest: str, beside: str) -> KeptFile:
        """Make the specification of a gem of another source, and keep it beside the file."""
        blobs, now = self.hub.store.blobs, self.hub.clock.now()
        specification, content = await asyncio.to_thread(_read, blobs.path(digest))
        made = KeptFile(blobs.put(content), len(content), specification.version)
        await self.hub.store.write(lambda tables: tables.put_kept("gem", name, beside, made, now))
        return made

    async def _push(self, visit: Visit) -> Response:
        if not visit.caller.may("publish"):
            # Who may publish nothing at all is told so before anything of theirs is read.
            visit.may_change(self.hub, "publish", "*")
        content = visit.request.body
        found = await asyncio.to_thread(read_gem, content)
        visit.may_change(self.hub, "publish", found.name, found.version)
        now, blobs = self.hub.clock.now(), self.hub.store.blobs
        release = await asyncio.to_thread(release_of, found, content, blobs, visit.caller.name, now)
        await self.hub.change(found.name, lambda tables: publish(tables, found.name, release))
        return _text(f"Successfully registered gem: {found.name} ({found.variant})")

    async def _yank(self, visit: Visit) -> Response:
        name, version, platform = yank_form(_form(visit))
        visit.may_change(self.hub, "yank", name, version)
        await self.hub.change(name, lambda tables: yank(tables, name, version, platform))
        return _text(f"Successfully deleted gem: {name} ({version})")

    def _search(self, visit: Visit) -> Response:
        wanted = visit.request.arguments().get("query", [""])[0].lower()
        found = [
            {"name": name, "version": summary.latest, "info": summary.description, "licenses": [summary.licence] if summary.licence else []}
            for name, summary in self.hub.store.tables.summaries("gem")
            if summary.latest and wanted in name.lower() and visit.caller.may("read", f"gem:{name}")
        ]  # fmt: skip
        return Response(200, _JSON, msgspec.json.encode(found[:_MOST]))

    def refusal(self, status: int, message: str) -> Response:
        # Of reading, gem and bundle show the words behind the status; of what changes something, gem shows the text.
        challenge = [("www-authenticate", 'Basic realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_PLAIN, *challenge]), f"{message}\n".encode(), reason=message)


def _let_in(visit: Visit) -> None:
    """Refuse who may read nothing at all."""
    if not visit.caller.may("read"):
        visit.require("read", "gem", "*")


def _read(path: Path) -> tuple[Specification, bytes]:
    """Return the specification in the file of a gem of another source, and what clients load of it.

    Raises:
        ExecutionFailedError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = read_specification(read_mapping(metadata_of(file)))
        return found, quick(found)
    except InvalidConfigError as error:
        raise ExecutionFailedError(error.message, found=error.found, expected=error.expected) from error


def _form(visit: Visit) -> dict[str, list[str]]:
    body = visit.request.body
    try:
        text = body.decode() if len(body) <= _LARGEST_FORM else "&" * (_MOST_FIELDS + 1)
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidConfigError(
            "the body is no form", path="body", found=f"{len(body)} bytes", expected="fields as gem sends them", suggestions=["use gem"]
        ) from error  # fmt: skip


def _text(text: str) -> Response:
    return Response(200, _PLAIN, text.encode())
