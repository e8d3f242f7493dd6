"""Runs calls of tools: granted, counted, approved, asked, bounded, audited."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from outrider.core.audit import AuditEntry
from outrider.core.codec import digest, encode, to_builtins
from outrider.core.errors import (
    ConflictError,
    DeniedError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
    did_you_mean,
    near_names,
)
from outrider.core.mcp.tools import ToolResult
from outrider.core.policy import ApprovalTerms
from outrider.runtime.audit import AuditLog
from outrider.runtime.audit_groups import AuditGroups
from outrider.sidecar.activity import ToolUse
from outrider.sidecar.tools.approvals import Approvals
from outrider.sidecar.tools.catalogue import Catalogue, Exposed
from outrider.sidecar.tools.elicitation import ANSWERED, ASKS, Elicitation, can_be_asked
from outrider.sidecar.tools.grants import Grant, choose
from outrider.sidecar.tools.status import ToolStatus

# Of `_meta` what the server gets.
META = ("traceparent", "tracestate", "baggage")
# Bytes of a call, and characters of a name and of an error in what is told.
LONGEST_CALL, LONGEST_NAME, LONGEST_PROBLEM = 1024 * 1024, 128, 500
CANCELLED, ASKED = "CANCELLED", "asked"


class _Call(NamedTuple):
    """A call as it came.

    Attributes:
        sent: What of it the server gets.
        answers: Whether its client can be asked back.
        elicits: Whether that can ask its user.
    """

    name: str
    sent: dict[str, Any]
    answers: bool
    elicits: bool


class ToolDesk:
    """The tools of one agent.

    Args:
        agent: Its name.
        catalogue: What it sees.
        approvals: Asks people.
        elicitation: Asks the agent's user.
        audit: Gets a record of every call.
        now: Seconds of a clock that cannot be set.
        told: Hears of every call that has ended.

    Attributes:
        used: How often each tool was called, how often that failed, and for how many seconds.
    """

    def __init__(
        self, agent: str, catalogue: Catalogue, approvals: Approvals, elicitation: Elicitation, *, audit: AuditLog,
        now: Callable[[], float], told: Callable[[ToolUse], None],
    ) -> None:  # fmt: skip
        self._principal = f"agent:{agent}"
        self.catalogue, self._approvals, self._elicitation = catalogue, approvals, elicitation
        self._audit, self._groups, self._now, self._told = audit, AuditGroups(audit), now, told
        self.used: dict[str, list[float]] = {}

    async def call(self, name: str, params: dict[str, Any], *, answers: bool = False) -> dict[str, Any]:
        """Call a tool and return the result as MCP has it; a refusal is a result too, so that the model can correct itself.

        Args:
            name: As the agent calls it.
            params: Of the request.
            answers: Whether the client can be asked back.
        """
        began = self._now()
        tool = self.catalogue.find(name)
        use = ToolUse(tool=name[:LONGEST_NAME], server=tool.server.name if tool else "", outcome=CANCELLED, seconds=0.0)
        try:
            call = _Call(
                name, _passed(params, answers=answers), answers=answers, elicits=answers and can_be_asked(params)
            )
            result = await self._run(tool, call, use)
            use.outcome = _outcome(result)
        except OutriderError as error:
            use.outcome, use.problem = error.code, _problem(error)
            result = ToolResult(to_builtins(error.body()), failed=True).body()
        finally:
            use.seconds = round(self._now() - began, 4)
            self._count(use)
        return result

    async def _run(self, tool: Exposed | None, call: _Call, use: ToolUse) -> dict[str, Any]:
        entry = self._entry(call.name, tool, _digest(call.sent))
        outcome = CANCELLED
        try:
            if tool is None:
                raise self._unknown(call.name)
            grant = self._chosen(tool, call.sent)
            if (question := self._asks_back(tool, grant, call)) is not None:
                outcome = ASKED
                return question
            await self._admit(tool, grant, call, use, entry.details)
            outcome = ""
        except OutriderError as error:
            outcome = error.code
            raise
        finally:
            if outcome:
                self._audit.append(msgspec.structs.replace(entry, phase="fact", outcome=outcome))
        return await self._send(tool, grant, call, entry)

    def _chosen(self, tool: Exposed, sent: dict[str, Any]) -> Grant:
        """Return the grant under which a call may run."""
        if tool.changed == "schema":
            raise ConflictError(
                f"tool '{tool.name}' takes other arguments by now, under the same version of its server",
                found=f"{tool.server.name} {tool.server.version}".strip(), expected=f"the definition {tool.hash[:12]}",
                suggestions=["raise the version of its Tool after a look at the new definition"],
            )  # fmt: skip
        _check_length(tool.name, sent)
        return choose(tool.grants, tool.name, sent["arguments"])

    def _asks_back(self, tool: Exposed, grant: Grant, call: _Call) -> dict[str, Any] | None:
        """Return the question to the agent's user, where that one is to be asked and was not."""
        terms = _terms(tool, grant)
        if terms is None or not (grant.settings.elicit and call.elicits) or self._elicitation.is_answered(call.sent):
            return None
        return self._elicitation.question(tool.name, call.sent, terms)

    async def _admit(
        self, tool: Exposed, grant: Grant, call: _Call, use: ToolUse, details: dict[str, Any]
    ) -> None:  # fmt: skip
        """Count a call and wait for its approval."""
        grant.take(tool.name, self._now())
        terms = _terms(tool, grant)
        if terms is None:
            return
        if grant.settings.elicit and call.elicits:
            decision = self._elicitation.decision(tool.name, call.sent)
            details["arguments"] = _digest(call.sent)  # of what is sent, as it stands at the question
        else:
            decision = await self._approvals.ask(tool.name, call.sent["arguments"], terms)
        details["approved" if decision.approve else "rejected"] = decision.by
        if not decision.approve:
            raise DeniedError(f"tool '{tool.name}': {decision.by} rejected the call", suggestions=["do without it"])
        use.approved = decision.by

    async def _send(self, tool: Exposed, grant: Grant, call: _Call, entry: AuditEntry) -> dict[str, Any]:
        """Call the tool, with a record before it where it may change something, and one after it."""
        outcome, changes = CANCELLED, not tool.only_reads
        try:
            if changes:
                await self._groups.add(msgspec.structs.replace(entry, phase="intent"), sync=True)
            result = await tool.server.call(tool.definition, call.sent, grant.settings.timeout)
            _check_result(tool, grant, result, answers=call.answers)
            outcome = _outcome(result)
        except OutriderError as error:
            outcome = error.code
            raise
        finally:
            written = self._groups.add(msgspec.structs.replace(entry, outcome=outcome), sync=changes)
            if outcome != CANCELLED:  # a task that was told to end waits for nothing
                await written
        return result

    def _entry(self, name: str, tool: Exposed | None, arguments: str) -> AuditEntry:
        if tool is None:
            return AuditEntry(
                phase="fact", principal=self._principal, action="tool.unknown", target=name[:LONGEST_NAME],
                details={"arguments": arguments},
            )  # fmt: skip
        return AuditEntry(
            phase="fact" if tool.only_reads else "outcome",
            principal=self._principal,
            action=f"tool.{tool.server.name}.{tool.definition['name']}",
            details={"arguments": arguments, "definition": tool.hash},
        )

    def status(self) -> list[ToolStatus]:
        """Return every tool that the agent sees."""
        found = []
        for one in self.catalogue.all():
            calls, failures, seconds = self.used.get(one.name, [0, 0, 0.0])
            found.append(
                ToolStatus(
                    tool=one.name, server=one.server.name, version=one.server.version, hash=one.hash, changed=one.changed,
                    calls=int(calls), failures=int(failures), seconds=round(seconds, 3),
                )
            )  # fmt: skip
        return found

    def follow(self, before: "ToolDesk") -> None:
        """Count on from where another one is."""
        self.used = before.used

    async def close(self) -> None:
        """Wait for the records of calls that have ended."""
        await self._groups.close()

    def _count(self, use: ToolUse) -> None:
        if use.server:
            used = self.used.setdefault(use.tool, [0, 0, 0.0])
            used[0] += 1
            used[1] += use.outcome not in ("ok", ASKED)
            used[2] += use.seconds
        self._told(use)

    def _unknown(self, name: str) -> NotFoundError:
        listed = [one.name for one in self.catalogue.listed()]
        near = near_names(name[:LONGEST_NAME], [one.name for one in self.catalogue.all()])
        reasons = {server: self.catalogue.problems.get(server, "no answer") for server in sorted(self.catalogue.silent)}
        away = [f"server '{server}' offers nothing now: {reason}" for server, reason in reasons.items()]
        return NotFoundError(
            f"no tool is called '{name[:LONGEST_NAME]}'", found=name[:LONGEST_NAME], expected=", ".join(listed) or "a tool that is granted",
            suggestions=[*away, *did_you_mean(name[:LONGEST_NAME], near or listed)],
        )  # fmt: skip


def _terms(tool: Exposed, grant: Grant) -> ApprovalTerms | None:
    """Return who is asked before a call."""
    settings = grant.settings
    return None if settings.asks_of_changes and tool.only_reads else settings.approval


def _passed(params: dict[str, Any], *, answers: bool) -> dict[str, Any]:
    """Return what of a request its server gets: answers only from a client that can be asked, of `_meta` what is for it."""
    sent: dict[str, Any] = {"arguments": params.get("arguments") or {}}
    if answers:
        sent |= {key: params[key] for key in ANSWERED if key in params}
    meta = params.get("_meta")
    kept = {key: meta[key] for key in META if key in meta} if isinstance(meta, dict) else {}
    return {**sent, "_meta": kept} if kept else sent


def _digest(sent: dict[str, Any]) -> str:
    """Return the hash of a call's arguments, and of its answers where it has any."""
    said = {key: value for key, value in sent.items() if key != "_meta"}
    return digest(said if len(said) > 1 else said["arguments"])


def _outcome(result: dict[str, Any]) -> str:
    if result.get("resultType") == ASKS:
        return ASKED
    return "failed" if result.get("isError") else "ok"


def _problem(error: OutriderError) -> str:
    return f"{error.message} - {error.hint}"[:LONGEST_PROBLEM] if error.hint else error.message[:LONGEST_PROBLEM]


def _check_length(name: str, sent: dict[str, Any]) -> None:
    size = len(encode(sent))
    if size > LONGEST_CALL:
        raise LimitedError(
            f"tool '{name}': its arguments are too long", found=f"{size} bytes", expected=f"at most {LONGEST_CALL} bytes",
            suggestions=["send less"],
        )  # fmt: skip


def _check_result(tool: Exposed, grant: Grant, result: dict[str, Any], *, answers: bool) -> None:
    size, longest = len(encode(result)), grant.settings.longest_result
    if size > longest:
        raise LimitedError(
            f"tool '{tool.name}': its result is too long", found=f"{size} bytes", expected=f"at most {longest} bytes",
            suggestions=["ask for less"],
        )  # fmt: skip
    if result.get("resultType") == ASKS and not answers:
        raise UnsupportedError(
            f"tool '{tool.name}' asks back before it goes on", found="a client that cannot be asked", expected="MCP 2026-07-28",
        )  # fmt: skip
