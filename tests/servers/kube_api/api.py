"""What each request does: from method and path to reads, writes, watches and discovery."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import unquote

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from tests.servers.kube_api.calls import Call, Place, read_place
from tests.servers.kube_api.discovery import describe
from tests.servers.kube_api.errors import (
    ApiError,
    Document,
    details_of,
    invalid,
    method_not_allowed,
    no_such_path,
    no_such_resource,
    unsupported_media_type,
)
from tests.servers.kube_api.faults import json_answer
from tests.servers.kube_api.kinds import Kind
from tests.servers.kube_api.lists import list_objects
from tests.servers.kube_api.patches import json_patch, merge_patch
from tests.servers.kube_api.store import Collection, Key, Store
from tests.servers.kube_api.watches import error_line, watch
from tests.servers.kube_api.writes import WriteOptions, Writer

APPLY, MERGE, JSON_PATCH = (
    "application/apply-patch+yaml",
    "application/merge-patch+json",
    "application/json-patch+json",
)
_TEXT = Headers({"content-type": "text/plain; charset=utf-8"})


class Api:
    """Answers requests from a store.

    Args:
        store: The objects.

    Attributes:
        gone_as_event: A watch from a version that is forgotten gets its 410 as an event of a stream, else as a status.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.gone_as_event = True

    def answer(self, call: Call) -> Response:
        """Do what a request asks for, and return its answer."""
        try:
            return self._answer(call)
        except ApiError as error:
            if error.plain:
                return Response(error.code, _TEXT, str(error).encode())
            return json_answer(error.code, error.status)

    def _answer(self, call: Call) -> Response:
        segments = [unquote(segment) for segment in call.path.strip("/").split("/")]
        place = read_place(segments)
        if place is None:
            return _described(call, segments, self._store.kinds)
        collection = self._store.collection(place.kind)
        _check_place(collection.kind, place)
        if not place.name:
            return self._of_all(call, collection, place)
        return self._of_one(call, collection, place)

    def _of_all(self, call: Call, collection: Collection, place: Place) -> Response:
        if call.watch:
            return self._watch(call, collection, place)
        if call.method == "GET":
            return json_answer(200, list_objects(call, collection, place.namespace, self._store.version))
        if call.method != "POST" or (collection.kind.namespaced and not place.namespace):
            raise method_not_allowed()
        writer = Writer(self._store, collection)
        return json_answer(201, writer.create(place.namespace, call.json(), _options(call, place)))

    def _watch(self, call: Call, collection: Collection, place: Place) -> Response:
        headers = Headers({"content-type": "application/json"})
        try:
            return Response(200, headers, watch(call, self._store, collection, place.namespace))
        except ApiError as error:
            if error.code != 410 or not self.gone_as_event:
                raise
            return Response(200, headers, _only(error_line(error)))

    def _of_one(self, call: Call, collection: Collection, place: Place) -> Response:
        key = (place.namespace, place.name)
        writer = Writer(self._store, collection)
        if call.method == "GET":
            return json_answer(200, writer.live(key))
        if call.method == "PUT":
            return json_answer(200, writer.update(key, call.json(), _options(call, place)))
        if call.method == "PATCH":
            return _patched(call, writer, key, place)
        if call.method != "DELETE" or place.subresource:
            raise method_not_allowed()
        return _deleted(call, writer, key, collection.kind)


def _described(call: Call, segments: list[str], kinds: list[Kind]) -> Response:
    if call.method != "GET":
        raise no_such_path()
    found = describe(segments, kinds)
    return Response(200, _TEXT, found.encode()) if isinstance(found, str) else json_answer(200, found)


def _check_place(kind: Kind, place: Place) -> None:
    """Refuse paths that this kind does not have."""
    fits = kind.namespaced or not place.namespace
    named = not place.name or bool(place.namespace) == kind.namespaced
    part = place.subresource == "" or (place.subresource == "status" and kind.status)
    if not (fits and named and part):
        raise no_such_resource() if kind.builtin else no_such_path()


def _options(call: Call, place: Place) -> WriteOptions:
    agent = (call.headers.get("user-agent") or "unknown").partition("/")[0]
    return WriteOptions(
        manager=call.query.get("fieldManager") or agent,
        subresource=place.subresource,
        force=call.flag("force"),
        dry_run=call.query.get("dryRun") == "All",
    )


def _patched(call: Call, writer: Writer, key: Key, place: Place) -> Response:
    options = _options(call, place)
    kind = (call.headers.get("content-type") or "").partition(";")[0].strip()
    if kind == APPLY:
        if not call.query.get("fieldManager"):
            why = "Required value: is required for apply patch"
            raise invalid("PatchOptions", "meta.k8s.io", "", "fieldManager", why)
        outcome = writer.apply(key, call.json(), options)
        return json_answer(201 if outcome.created else 200, outcome.object)
    patches: dict[str, Callable[[Any, Any], Any]] = {MERGE: merge_patch, JSON_PATCH: json_patch}
    if kind not in patches:
        raise unsupported_media_type(f"{JSON_PATCH}, {MERGE}, {APPLY}")
    live = writer.live(key)
    return json_answer(200, writer.change(live, patches[kind](live, call.json()), options))


def _deleted(call: Call, writer: Writer, key: Key, kind: Kind) -> Response:
    body = call.json() or {}
    # Of a request that has a body, the server reads its options there alone.
    dry = "All" in (body.get("dryRun") or ()) if body else call.query.get("dryRun") == "All"
    outcome = writer.delete(key, body.get("preconditions") or {}, WriteOptions(dry_run=dry))
    if outcome.created:
        return json_answer(200, outcome.object)
    details = details_of(kind, key[1], uid=outcome.object["metadata"]["uid"])
    status: Document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json_answer(200, status)


async def _only(line: bytes) -> AsyncIterator[bytes]:
    yield line
