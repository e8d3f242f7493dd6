"""Calls that the agent's own user approves: the client is asked back, and its answer comes with the call that it repeats.

Source: Model Context Protocol, revision 2026-07-28, multi round trip requests and elicitation. Nothing is kept between the
two calls: what was asked travels with the client, sealed, for one call of one tool with one set of arguments.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import msgspec

from outrider.core.codec import decode, digest, encode
from outrider.core.errors import DeniedError, InvalidConfigError, LimitedError
from outrider.core.mcp.protocol import CAPABILITIES_KEY
from outrider.core.policy import ApprovalTerms
from outrider.core.visible import visible
from outrider.sidecar.tools.approvals import shown
from outrider.sidecar.tools.status import Decision

# What a result is that only asks for more, and what a client then sends with its call.
ASKS = "input_required"
ANSWERED = ("inputResponses", "requestState")
USER = "the agent's user"
_KEY = "approval"
_PREFIX = "outrider-approval."
# Answers that are remembered, so that none counts twice.
MOST_USED = 10_000
_PLAIN = re.compile(r"[\w.-]+")
_SCHEMA = {
    "type": "object", "required": ["approve"],
    "properties": {"approve": {"type": "boolean", "title": "Approve", "description": "Whether the call may be made"}},
}  # fmt: skip


class _State(msgspec.Struct, kw_only=True):
    """What was asked.

    Attributes:
        arguments: Their hash.
        expires: Seconds since the epoch.
        answered: What the call had brought for the tool's own server.
    """

    id: str
    tool: str
    arguments: str
    expires: float
    answered: dict[str, Any]


def can_be_asked(params: dict[str, Any]) -> bool:
    """Return whether the client of a call says that it can ask its user."""
    meta = params.get("_meta")
    able = meta.get(CAPABILITIES_KEY) if isinstance(meta, dict) else None
    return isinstance(able, dict) and isinstance(able.get("elicitation"), dict)


class Elicitation:
    """Asks clients, and judges what comes back.

    Args:
        wall: Seconds since the epoch.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, float] = {}

    def question(self, tool: str, sent: dict[str, Any], terms: ApprovalTerms) -> dict[str, Any]:
        """Return the result that asks for an approval of a call.

        Raises:
            LimitedError: Nobody could read the question.
        """
        lines = [_line(key, value) for key, value in shown(tool, sent["arguments"]).items()]
        state = _State(
            id=secrets.token_urlsafe(12), tool=tool, arguments=digest(sent["arguments"]),
            expires=self._wall() + terms.expire, answered={key: sent[key] for key in ANSWERED if key in sent},
        )  # fmt: skip
        message = "\n".join([f"May {visible(tool)} be called?", *lines])
        asked = {"mode": "form", "message": message, "requestedSchema": _SCHEMA}
        return {
            "resultType": ASKS,
            "inputRequests": {_KEY: {"method": "elicitation/create", "params": asked}},
            "requestState": self._sealed(state),
        }

    def is_answered(self, sent: dict[str, Any]) -> bool:
        """Return whether a call brings an answer to a question of ours."""
        return str(sent.get("requestState", "")).startswith(_PREFIX)

    def decision(self, tool: str, sent: dict[str, Any]) -> Decision:
        """Return the answer that a call brings, and put in its place what was meant for the tool's own server.

        Raises:
            DeniedError: The answer is to another question, too late, or was used before.
            LimitedError: Too many answers are remembered.
        """
        state = self._open(sent)
        if state is None or state.tool != tool or state.arguments != digest(sent["arguments"]):
            raise _refused(tool, "an answer to another question", "the requestState of this very call, unchanged")
        if state.expires <= self._wall():
            raise _refused(tool, "an answer that came too late", "one within the time of requireApproval")
        self._use(tool, state)
        approve = _says_yes(sent.get("inputResponses"))
        for key in ANSWERED:
            sent.pop(key, None)
        sent |= state.answered
        return Decision(approve=approve, by=USER)

    def _use(self, tool: str, state: _State) -> None:
        """Note that a question was answered."""
        now = self._wall()
        if len(self._used) >= MOST_USED:
            self._used = {key: expires for key, expires in self._used.items() if expires > now}
        if state.id in self._used:
            raise _refused(tool, "an answer that was used before", "a new call")
        if len(self._used) >= MOST_USED:
            raise LimitedError(f"tool '{tool}': too many calls were approved lately", suggestions=["wait a while"])
        self._used[state.id] = state.expires

    def _sealed(self, state: _State) -> str:
        body = urlsafe_b64encode(encode(state))
        return f"{_PREFIX}{body.decode()}.{self._mac(body)}"

    def _open(self, sent: dict[str, Any]) -> _State | None:
        body, _, mac = sent["requestState"].removeprefix(_PREFIX).encode("utf-8", "replace").rpartition(b".")
        if not hmac.compare_digest(mac, self._mac(body).encode()):
            return None
        try:
            return decode(urlsafe_b64decode(body), _State)
        except (InvalidConfigError, ValueError):
            return None

    def _mac(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()


def _line(key: str, value: Any) -> str:
    """Return an argument on one line; neither its name nor its value can look like another one."""
    name = key if _PLAIN.fullmatch(key) else encode(key).decode()
    return visible(f"{name}: {value if isinstance(value, str) else encode(value).decode()}")


def _says_yes(responses: Any) -> bool:
    answer = responses.get(_KEY) if isinstance(responses, dict) else None
    content = answer.get("content") if isinstance(answer, dict) and answer.get("action") == "accept" else None
    return isinstance(content, dict) and content.get("approve") is True


def _refused(tool: str, found: str, expected: str) -> DeniedError:
    return DeniedError(
        f"tool '{tool}': the approval does not hold", found=found, expected=expected, suggestions=["call it again, without an answer"]
    )  # fmt: skip
