"""Runs calls of tools: granted, counted, approved, asked, bounded, audited."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from outrider.core.audit import AuditEntry
from outrider.core.codec import canonical, encode, to_builtins
from outrider.core.errors import (
    ConflictError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
    did_you_mean,
)
from outrider.core.mcp.tools import ToolResult
from outrider.runtime.audit import AuditLog
from outrider.sidecar.activity import ToolUse
from outrider.sidecar.tools.approvals import Approvals
from outrider.sidecar.tools.catalogue import Catalogue, Exposed
from outrider.sidecar.tools.status import ToolStatus

# What a result is that only asks for more.
ASKS = "input_required"
# Of what a client sends with a call, what its server gets.
PASSED = ("arguments", "inputResponses", "requestState", "_meta")


class ToolDesk:
    """The tools of one agent.

    Args:
        agent: Its name.
        catalogue: What it sees.
        approvals: Asks people.
        audit: Gets a record of every call.
        now: Seconds of a clock that cannot be set.
        told: Hears of every call that has ended.
    """

    def __init__(
        self, agent: str, catalogue: Catalogue, approvals: Approvals, audit: AuditLog, *, now: Callable[[], float],
        told: Callable[[ToolUse], None],
    ) -> None:  # fmt: skip
        self._principal = f"agent:{agent}"
        self.catalogue, self._approvals = catalogue, approvals
        self._audit, self._now, self._told = audit, now, told
        self._used: dict[str, list[float]] = {}

    async def call(self, name: str, params: dict[str, Any], *, answers: bool = False) -> dict[str, Any]:
        """Call a tool and return the result as MCP has it; a refusal is a result too, so that the model can correct itself.

        Args:
            name: As the agent calls it.
            params: Of the request.
            answers: Whether the client can be asked back.
        """
        began = self._now()
        tool = self.catalogue.find(name)
        use = ToolUse(tool=name, server=tool.server.name if tool else "", outcome="ok", seconds=0.0)
        try:
            if tool is None:
                raise self._unknown(name)
            result = await self._run(tool, params, use)
            if result.get("resultType") == ASKS and not answers:
                raise UnsupportedError(
                    f"tool '{name}' asks back before it goes on", found="a client that cannot be asked", expected="MCP 2026-07-28",
                )  # fmt: skip
            use.outcome = "failed" if result.get("isError") else "ok"
        except OutriderError as error:
            use.outcome = error.code
            result = ToolResult(to_builtins(error.body()), failed=True).body()
        finally:
            use.seconds = round(self._now() - began, 4)
            self._count(use)
        return result

    async def _run(self, tool: Exposed, params: dict[str, Any], use: ToolUse) -> dict[str, Any]:
        arguments = params.get("arguments") or {}
        if tool.changed == "schema":
            raise ConflictError(
                f"tool '{tool.name}' takes other arguments by now, under the same version of its server",
                found=f"{tool.server.name} {tool.server.version}".strip(), expected=f"the definition {tool.hash[:12]}",
                suggestions=["raise the version of its Tool after a look at the new definition"],
            )  # fmt: skip
        tool.grant.check(tool.name, arguments)
        tool.grant.take(tool.name, self._now())
        settings = tool.grant.settings
        if settings.approval is not None:
            use.approved = await self._approvals.ask(tool.name, arguments, settings.approval)
        entry = self._entry(tool, arguments, use)
        if _changes(tool):
            await self._audit.append_synced(msgspec.structs.replace(entry, phase="intent"))
        outcome = "CANCELLED"
        try:
            passed = {key: params[key] for key in PASSED if key in params}
            result = await tool.server.call(tool.definition, {"arguments": {}, **passed}, settings.timeout)
            _check_size(tool, result)
            outcome = "failed" if result.get("isError") else "ok"
        except OutriderError as error:
            outcome = error.code
            raise
        finally:
            self._audit.append(msgspec.structs.replace(entry, outcome=outcome), sync=_changes(tool))
        return result

    def _entry(self, tool: Exposed, arguments: dict[str, Any], use: ToolUse) -> AuditEntry:
        details = {"arguments": hashlib.sha256(canonical(arguments)).hexdigest(), "definition": tool.hash}
        if use.approved:
            details["approved"] = use.approved
        return AuditEntry(
            phase="outcome" if _changes(tool) else "fact",
            principal=self._principal,
            action=f"tool.{tool.server.name}.{tool.definition['name']}",
            details=details,
        )

    def status(self) -> list[ToolStatus]:
        """Return every tool that the agent sees."""
        found = []
        for one in self.catalogue.all():
            calls, failures, seconds = self._used.get(one.name, [0, 0, 0.0])
            found.append(
                ToolStatus(
                    tool=one.name, server=one.server.name, version=one.server.version, hash=one.hash, changed=one.changed,
                    calls=int(calls), failures=int(failures), seconds=round(seconds, 3),
                )
            )  # fmt: skip
        return found

    def _count(self, use: ToolUse) -> None:
        if use.server:
            used = self._used.setdefault(use.tool, [0, 0, 0.0])
            used[0] += 1
            used[1] += use.outcome != "ok"
            used[2] += use.seconds
        self._told(use)

    def _unknown(self, name: str) -> NotFoundError:
        known = [one.name for one in self.catalogue.all()]
        return NotFoundError(
            f"no tool is called '{name}'", found=name, expected=", ".join(known) or "a tool that is granted",
            suggestions=did_you_mean(name, known),
        )  # fmt: skip


def _changes(tool: Exposed) -> bool:
    """Return whether a call may change something: what does not say that it only reads, may."""
    hints = tool.definition.get("annotations")
    return not (isinstance(hints, dict) and hints.get("readOnlyHint") is True)


def _check_size(tool: Exposed, result: dict[str, Any]) -> None:
    size, longest = len(encode(result)), tool.grant.settings.longest_result
    if size > longest:
        raise LimitedError(
            f"tool '{tool.name}': its result is too long", found=f"{size} bytes", expected=f"at most {longest} bytes",
            suggestions=["ask for less"],
        )  # fmt: skip
