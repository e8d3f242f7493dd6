"""An npm registry: documents of packages, tarballs, publishing, tags, log in, search and advisories.

https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md; what npm 11, pnpm and yarn send.
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError, UnauthenticatedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.npm.serving.advisories import advisories_of
from outrider.operators.packages.npm.serving.documents import LONG, SHORT
from outrider.operators.packages.npm.serving.publishing import (
    amend,
    check_tag,
    gone_versions,
    publish,
    put_tags,
    read_publication,
    read_release,
    wrong,
)
from outrider.operators.packages.npm.serving.searching import found_packages
from outrider.operators.packages.npm.serving.tree_audits import audit_of_tree
from outrider.operators.packages.serving.accounts import digest_of, new_token
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.negotiation import accepted
from outrider.operators.packages.serving.tables import Tables
from outrider.operators.packages.serving.visits import Visit

_JSON = Headers({"content-type": "application/json"})
_USER = "org.couchdb.user:"
_LARGEST_QUESTION = 16 << 20
# The newer one asks for versions by name, the older one, which pnpm uses, for a tree.
_ADVICE: dict[str, Callable[[bytes], Any]] = {"advisories": advisories_of, "audits": audit_of_tree}


class NpmServer:
    """Serves the packages of a hub.

    Args:
        base: The address of the registry.
        hub: Has them.
    """

    def __init__(self, base: str, hub: Hub) -> None:
        self._base, self.hub = base, hub

    async def answer(self, visit: Visit) -> Response:
        segments = _with_scope(visit.segments)
        if segments[0] == "-":
            answer = await self._of_registry(visit, visit.request.method, segments[1:])
        elif visit.request.method in ("GET", "HEAD"):
            answer = await self._read(visit, segments[0], segments[1:])
        else:
            answer = await self._change(visit, segments[0], segments[1:])
        if answer is None:
            raise visit.nothing()
        return answer

    async def _read(self, visit: Visit, name: str, rest: list[str]) -> Response | None:
        match rest:
            case []:
                return await self._document(visit, name)
            case ["-", file]:
                return await visit.file(self.hub, name, file)
            case [version]:
                return await self._version(visit, name, version)
        return None

    async def _change(self, visit: Visit, name: str, rest: list[str]) -> Response | None:
        match visit.request.method, rest:
            case "PUT", [] | ["-rev", _]:
                return await self._put(visit, name)
            case "DELETE", ["-rev", _]:
                return await self._remove(visit, name)
            case "DELETE", ["-", _, "-rev", _]:
                # Its version went with the document that was put before.
                visit.require("publish", "npm", name)
                return _json({"ok": True})
        return None

    async def _of_registry(self, visit: Visit, method: str, rest: list[str]) -> Response | None:
        match method, rest:
            case "GET", ["ping" | "whoami" as asked]:
                return _who(visit) if asked == "whoami" else _json({})
            case "PUT" | "DELETE", ["user", *rest]:
                return await self._session(visit, rest)
            case "GET", ["v1", "search"]:
                return _json(found_packages(self.hub, visit))
            case "POST", ["npm", "v1", "security", kind, *_] if kind in _ADVICE:
                return _json(await asyncio.to_thread(_ADVICE[kind], _body(visit)))
            case _, ["package", name, "dist-tags", *tag]:
                return await self._tags(visit, name, tag)
        return None

    async def _document(self, visit: Visit, name: str) -> Response:
        media = accepted(visit.request.headers.get("accept") or LONG, (LONG, SHORT)) or LONG
        return await visit.document(self.hub, name, "short" if media == SHORT else "long")

    async def _version(self, visit: Visit, name: str, version: str) -> Response:
        visit.require("read", "npm", name)
        document = msgspec.json.decode(await self.hub.content(name, "long"))
        version = document["dist-tags"].get(version, version)
        if version not in document["versions"]:
            raise NotFoundError(f"npm {name}: there is no version {version}", found=version)
        return _json(document["versions"][version])

    async def _put(self, visit: Visit, name: str) -> Response:
        visit.may_change(self.hub, "publish", name)
        found = read_publication(name, visit.request.body)
        if not found.attachments:
            gone = gone_versions(self.hub.store.tables, name, found)
            visit.may_change(self.hub, "unpublish" if gone else "amend", name, ",".join(gone))
            await self.hub.change(name, lambda tables: amend(tables, name, found))
            return _json({"ok": True}, 201)
        visit.may_change(self.hub, "publish", name, next(iter(found.versions), ""))
        where = f"{self._base}/npm/{name}/-"
        release = read_release(where, found, self.hub.store.blobs, visit.caller.name, self.hub.clock.now())
        await self.hub.change(name, lambda tables: publish(tables, name, release, found.tags))
        return _json({"ok": True, "success": True}, 201)

    async def _remove(self, visit: Visit, name: str) -> Response:
        releases = self.hub.store.tables.releases("npm", name)
        visit.may_change(self.hub, "unpublish", name, ",".join(one.version for one in releases))

        def work(tables: Tables) -> None:
            for one in tables.releases("npm", name):
                tables.withdraw_release("npm", name, one)
            tables.put_tags("npm", name, {})

        await self.hub.change(name, work)
        return _json({"ok": True})

    async def _tags(self, visit: Visit, name: str, tag: list[str]) -> Response:
        method = visit.request.method
        if method == "GET" and not tag:
            visit.require("read", "npm", name)
            return _json(msgspec.json.decode(await self.hub.content(name, "long"))["dist-tags"])
        if len(tag) != 1 or method not in ("PUT", "POST", "DELETE"):
            raise visit.nothing()
        visit.may_change(self.hub, "tag", name, tag[0])
        check_tag(tag[0])
        version = _text(visit) if method != "DELETE" else ""

        def work(tables: Tables) -> None:
            tags = tables.tags("npm", name)
            tags.pop(tag[0], None)
            put_tags(tables, name, tags | ({tag[0]: version} if version else {}))

        await self.hub.change(name, work)
        return _json({"ok": True}, 201)

    async def _session(self, visit: Visit, rest: list[str]) -> Response | None:
        match visit.request.method, rest:
            case "PUT", [user]:
                return await self._log_in(visit, user)
            case "DELETE", ["token", token]:
                return await self._log_out(token)
        return None

    async def _log_in(self, visit: Visit, user: str) -> Response:
        try:
            said = msgspec.json.decode(visit.request.body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise wrong("body", str(error), "a name and a password") from error
        name = user.removeprefix(_USER)
        now = self.hub.clock.now()
        account = await visit.log_in(name, str(said.get("password", "")), now)
        token, kept = new_token(name, account.scopes.split(), account.patterns)
        await self.hub.store.write(lambda tables: tables.put_token(kept, "npm login", now))
        return _json({"ok": True, "id": f"{_USER}{name}", "token": token}, 201)

    async def _log_out(self, token: str) -> Response:
        digest = digest_of(token)
        await self.hub.store.write(lambda tables: tables.remove_token(digest))
        return _json({"ok": True})

    def refusal(self, status: int, message: str) -> Response:
        challenge = [("www-authenticate", 'Bearer realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_JSON, *challenge]), msgspec.json.encode({"error": message}))


def _with_scope(segments: Sequence[str]) -> list[str]:
    """Return the parts of a path with the name of a package in one of them, as some clients write its slash as it is."""
    first, *rest = segments
    if first.startswith("@") and "/" not in first and rest:
        return [f"{first}/{rest[0]}", *rest[1:]]
    if first == "-" and rest[:1] == ["package"] and len(rest) > 2 and rest[1].startswith("@") and "/" not in rest[1]:
        return [first, "package", f"{rest[1]}/{rest[2]}", *rest[3:]]
    return [first, *rest]


def _json(content: Any, status: int = 200) -> Response:
    return Response(status, _JSON, msgspec.json.encode(content))


def _text(visit: Visit) -> str:
    try:
        return msgspec.json.decode(visit.request.body, type=str)
    except msgspec.DecodeError as error:
        raise wrong("body", str(error), "a version, as JSON") from error


def _body(visit: Visit) -> bytes:
    """Return the body of a request, which npm may have compressed."""
    if visit.request.headers.get("content-encoding") != "gzip":
        return visit.request.body
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(visit.request.body, _LARGEST_QUESTION)
    except zlib.error as error:
        raise wrong("body", str(error), "gzip") from error
    if inflater.unconsumed_tail:
        raise wrong("body", "more than it may become", f"at most {_LARGEST_QUESTION} bytes")
    return content


def _who(visit: Visit) -> Response:
    if not visit.caller.name:
        raise UnauthenticatedError(
            "you are not logged in", found="no token", expected="a token", suggestions=["npm login"]
        )
    return _json({"username": visit.caller.name})
