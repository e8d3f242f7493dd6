"""Answers to LIST: all at once or page by page, each page as of the version of the first."""

import base64
import binascii

import msgspec

from tests.servers.kube_api.calls import Call
from tests.servers.kube_api.errors import ApiError, Document, bad_request, invalid, too_large_version
from tests.servers.kube_api.kinds import Kind
from tests.servers.kube_api.selectors import read_selector
from tests.servers.kube_api.store import Collection, Key

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You must start a new list without the continue parameter."
)


class _Token(msgspec.Struct, frozen=True):
    """Where the next page begins."""

    v: str
    rv: int
    start: Key


def list_objects(call: Call, collection: Collection, namespace: str, current: int) -> Document:
    """Return the list that a request asks for.

    Args:
        call: The request.
        collection: The objects of the kind.
        namespace: Of the path; empty for all.
        current: The last version.

    Raises:
        ApiError: The request makes no sense (400, 422), or asks for a version that is gone (410) or to come (504).
    """
    selector = read_selector(call, namespace)
    version, objects, start = _as_of(call, collection, current)
    found = sorted((key, one) for key, one in objects.items() if key > start and selector(one))
    limit = call.number("limit") or len(found)
    page, rest = found[:limit], found[limit:]
    metadata: Document = {"resourceVersion": str(version)}
    if rest:
        metadata["continue"] = _encoded(_Token("v1", version, page[-1][0]))
        if "labelSelector" not in call.query and "fieldSelector" not in call.query:
            metadata["remainingItemCount"] = len(rest)
    kind = collection.kind
    items = [_item(kind, one) for _, one in page]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}


def _as_of(call: Call, collection: Collection, current: int) -> tuple[int, dict[Key, Document], Key]:
    """Return the version to list, the objects at it, and the key after which the list begins."""
    if "sendInitialEvents" in call.query:
        raise invalid_options("sendInitialEvents", "sendInitialEvents is forbidden for list")
    asked = call.number("resourceVersion")
    text = call.query.get("continue", "")
    if text:
        if asked:
            raise bad_request("specifying resource version is not allowed when using continue")
        token = _decoded(text)
        if token.rv < collection.oldest:
            raise ApiError(410, "Expired", _TOO_OLD)
        return token.rv, collection.at(token.rv), token.start
    if asked > current:
        raise too_large_version(asked, current)
    if asked and call.query.get("resourceVersionMatch") == "Exact":
        return asked, collection.at(asked), ("", "")
    return current, collection.objects, ("", "")


def invalid_options(field: str, why: str) -> ApiError:
    """Return the error for a query that is not allowed."""
    return invalid("ListOptions", "meta.k8s.io", "", field, f"Forbidden: {why}")


def _encoded(token: _Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _decoded(text: str) -> _Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise bad_request("continue key is not valid") from error


def _item(kind: Kind, one: Document) -> Document:
    if not kind.builtin:
        return one
    return {name: value for name, value in one.items() if name not in ("apiVersion", "kind")}
