"""Agent cards of others: what an agent says of itself, and where it is called."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.a2a.protocol import CURRENT, JSONRPC, OLDER, Interface
from outrider.core.codec import decode_plain
from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.core.http.urls import origin

# Of a card for a model: what is longer is cut, and nobody needs more.
MOST_SKILLS, LONGEST_TEXT = 50, 1000


class Skill(msgspec.Struct, frozen=True):
    """What an agent can do, in its own words."""

    name: str
    description: str
    examples: list[str]


class Card(msgspec.Struct, frozen=True):
    """What is used of an agent's card."""

    name: str
    description: str
    skills: list[Skill]
    interface: Interface


def read_card(body: bytes, near: str) -> Card:
    """Return a card, with the best way to call its agent: JSON-RPC, rather in 1.0 than in 0.3.

    Args:
        body: The card.
        near: An address. The agent must be called at the same origin: a card is not to say who gets the token. Empty where
            it is called elsewhere anyway.

    Raises:
        ExecutionFailedError: It is no card, or names no such way.
    """
    try:
        found = decode_plain(body)
    except OutriderError as error:
        raise ExecutionFailedError(f"its agent card is no JSON: {error.message}") from error
    if not isinstance(found, dict) or not _text(found.get("name")):
        raise ExecutionFailedError("its agent card names no agent", found=repr(body[:80]), expected="a name")
    return Card(_text(found["name"]), _text(found.get("description")), _skills(found), _choose(found, near))


def _choose(card: dict[str, Any], near: str) -> Interface:
    spoken = [one for one in _interfaces(card) if one is not None]
    if not spoken:
        raise ExecutionFailedError(
            "its agent card names no way to call it that is spoken here", found=repr(card.get("supportedInterfaces"))[:200],
            expected=f"an interface with {JSONRPC}, {CURRENT} or {OLDER}",
        )  # fmt: skip
    reachable = [one for one in spoken if not near or origin(one.url) == origin(near)]
    if not reachable:
        raise ExecutionFailedError(
            "its agent card leads to another address, which is not to get its token", found=spoken[0].url[:200],
            expected=f"an address at {near}",
            suggestions=["write the address of the card into the Tool", "let the agent name the address that it is called by"],
        )  # fmt: skip
    return min(reachable, key=lambda one: one.older)


def _interfaces(card: dict[str, Any]) -> Iterator[Interface | None]:
    """Yield the ways in: those of 1.0, else those of 0.3; None for one that is not spoken here."""
    listed = card.get("supportedInterfaces")
    if isinstance(listed, list) and listed:
        yield from (_interface(one) for one in listed if isinstance(one, dict))
        return
    version = card.get("protocolVersion", OLDER)
    first = {"url": card.get("url"), "protocolBinding": card.get("preferredTransport", JSONRPC)}
    more = card.get("additionalInterfaces")
    rest = [one for one in more if isinstance(one, dict)] if isinstance(more, list) else []
    for one in (first, *({"url": one.get("url"), "protocolBinding": one.get("transport")} for one in rest)):
        yield _interface({**one, "protocolVersion": version})


def _interface(one: dict[str, Any]) -> Interface | None:
    version, url = str(one.get("protocolVersion") or CURRENT), one.get("url")
    is_older = version == OLDER or version.startswith(f"{OLDER}.")
    if one.get("protocolBinding") != JSONRPC or not isinstance(url, str) or not (is_older or version.startswith("1.")):
        return None
    tenant = one.get("tenant")
    return Interface(url, is_older, tenant if isinstance(tenant, str) else "")


def _skills(card: dict[str, Any]) -> list[Skill]:
    listed = card.get("skills")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        Skill(
            _text(one.get("name")) or _text(one.get("id")), _text(one.get("description")), _texts(one.get("examples"))
        )
        for one in found[:MOST_SKILLS]
    ]


def _texts(value: object) -> list[str]:
    return [_text(one) for one in value[:3] if _text(one)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""
