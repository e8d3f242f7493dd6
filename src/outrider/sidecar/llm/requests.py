"""Calls as clients send them."""

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from outrider.sidecar.llm.bodies import Call
from outrider.sidecar.llm.dialects import Endpoint
from outrider.sidecar.llm.forms import Form
from outrider.sidecar.proxy.messages import CONTENT_TYPE, Field, Request, value_of

if TYPE_CHECKING:
    from outrider.sidecar.llm.guard.guard import Guard

_KEYS_IN_QUERY = frozenset({b"key", b"api-key", b"api_key", b"access_token"})
_IDENTITY: Field = (b"accept-encoding", b"identity")


def read_call(request: Request, endpoint: Endpoint, guard: "Guard | None") -> tuple[Call | Form, int]:
    """Return a call, without what must not pass, and the bytes of what it says.

    Args:
        request: It.
        endpoint: What it asks for.
        guard: Says what must not pass; None for nothing.

    Raises:
        DeniedError: It holds what must not pass.
        InvalidConfigError: It is none.
    """
    rules = guard.prompts if guard is not None else None
    if endpoint.form:
        form = Form(request.body, value_of(request.fields, CONTENT_TYPE))
        if rules is not None:
            form.rewrite(rules.text)
        return form, form.said
    if rules is not None:
        request.body = rules.document(request.body)
    return Call(request.body), len(request.body)


def uncompressed(request: Request) -> list[Field]:
    """Return the fields of a call that asks for a plain answer: what is compressed cannot be counted."""
    return [*(field for field in request.fields if field[0] != b"accept-encoding"), _IDENTITY]


def split_key(query: bytes) -> tuple[bytes, bytes]:
    """Return the key of a query, as Gemini's clients may send it, and the query without all that may be one."""
    parts = query.split(b"&")
    keys = [part[4:] for part in parts if part.startswith(b"key=")]
    kept = [part for part in parts if unquote_to_bytes(part.partition(b"=")[0]).lower() not in _KEYS_IN_QUERY]
    return keys[0] if keys else b"", b"&".join(kept)
