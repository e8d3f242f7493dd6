"""Calls of host operations for their tests: run, plan, and plan followed by run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.identity import Principal
from outrider.core.operation import Change
from outrider.core.schema import convert
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.context import AllowedCommand, Context, Environment
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation

TIMEOUT = 5.0


def environment(**changes: Any) -> Environment:
    base = Environment(clock=SystemClock(), state=Path("/nonexistent"), secrets=Resolver({}))
    return msgspec.structs.replace(base, **changes)


def context(where: Environment, preconditions: Mapping[str, Any] | None = None) -> Context:
    return Context(
        principal=Principal("default", "user", "ana"),
        mode="apply",
        deadline=where.clock.monotonic() + TIMEOUT,
        trace_id="0" * 32,
        idempotency_key="key",
        environment=where,
        preconditions=preconditions or {},
    )


async def run(
    verb: str, *, where: Environment | None = None, preconditions: Mapping[str, Any] | None = None, **params: Any
) -> Any:
    code = load_operation(registry(), "host", verb).code
    return await code.run(convert(params, code.params), context(where or environment(), preconditions))


async def plan(verb: str, *, where: Environment | None = None, **params: Any) -> Change:
    code = load_operation(registry(), "host", verb).code
    assert code.plan is not None
    return await code.plan(convert(params, code.params), context(where or environment()))


async def undo(verb: str, result: msgspec.Struct, **params: Any) -> Any:
    """Run the inverse of a finished call, or return nothing where there is none."""
    code = load_operation(registry(), "host", verb).code
    assert code.inverse is not None
    found = code.inverse(convert(params, code.params), msgspec.to_builtins(result))
    return await run(found[0], **found[1]) if found else None


def allowing(**commands: AllowedCommand) -> Environment:
    return environment(commands=commands)
