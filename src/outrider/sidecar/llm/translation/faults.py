"""Errors of providers, as clients of another dialect read them."""

from typing import Any

from outrider.core.codec import decode_plain
from outrider.core.errors import InvalidConfigError

LONGEST_MESSAGE = 500
UNNAMED = "provider_error"


def message_in(document: Any) -> str:
    """Return the message of an error, as it stands in any dialect or near it; empty where there is none."""
    holders = [document.get("error"), document] if isinstance(document, dict) else [document]
    for holder in holders:
        if isinstance(holder, str):
            return holder
        if isinstance(holder, dict):
            for name in ("message", "detail"):
                if isinstance(holder.get(name), str):
                    return str(holder[name])
    return ""


def code_in(document: Any) -> str:
    """Return the code of an error, or its type."""
    holder = document.get("error") if isinstance(document, dict) else None
    for name in ("code", "type"):
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            return str(holder[name])
    return UNNAMED


def fault_of(status: int, body: bytes) -> tuple[str, str]:
    """Return code and message of a provider's error; of one that is no JSON, as much of the text as helps."""
    try:
        document = decode_plain(body)
    except InvalidConfigError:
        document = body[:LONGEST_MESSAGE].decode(errors="replace").strip()
    return code_in(document), message_in(document) or f"the provider answered with status {status}"
