"""Calls as clients send them, and how they are refused."""

from urllib.parse import unquote_to_bytes

from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.llm.dialects import error_document
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.messages import JSON_FIELDS, Field, Request

_KEYS_IN_QUERY = frozenset({b"key", b"api-key", b"api_key", b"access_token"})
_IDENTITY: Field = (b"accept-encoding", b"identity")


def uncompressed(request: Request) -> list[Field]:
    """Return the fields of a call that asks for a plain answer: what is compressed cannot be counted."""
    return [*(field for field in request.fields if field[0] != b"accept-encoding"), _IDENTITY]


def split_key(query: bytes) -> tuple[bytes, bytes]:
    """Return the key of a query, as Gemini's clients may send it, and the query without all that may be one."""
    parts = query.split(b"&")
    keys = [part[4:] for part in parts if part.startswith(b"key=")]
    kept = [part for part in parts if unquote_to_bytes(part.partition(b"=")[0]).lower() not in _KEYS_IN_QUERY]
    return keys[0] if keys else b"", b"&".join(kept)


def refuse_unpaid(exchange: Exchange, dialect: Dialect) -> None:
    """Refuse a call for which no money is left."""
    # Clients repeat what is answered with 429; a budget is as empty a second later.
    refuse(exchange, dialect, 402, "budget_exceeded", "the budget of this period is used up")


def refuse(
    exchange: Exchange, dialect: Dialect, status: int, code: str, message: str, *, fields: list[Field] | None = None
) -> None:
    """Answer with an error, as clients of a dialect read it."""
    exchange.answer(status, [*JSON_FIELDS, *(fields or [])], error_document(dialect, status, code, message))
