"""What the operations of the sample family do; each attempt leaves a line in the state folder."""

import asyncio
from typing import Any

import msgspec

from outrider.core.errors import UnavailableError
from outrider.runtime.context import Context

ERRORS: dict[str, Exception] = {
    "missing": FileNotFoundError(2, "No such file or directory", "/gone"),
    "forbidden": PermissionError(13, "Permission denied", "/locked"),
    "full": OSError(28, "No space left on device"),
    "slow": TimeoutError("timed out"),
    "value": ValueError("bug"),
    "runtime": RuntimeError("bug"),
    "key": KeyError("bug"),
}


class BehaviourParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    fail: int = 0
    error: str = ""
    hang: bool = False
    wrong_result: bool = False
    text: str = ""


class BehaviourResult(msgspec.Struct, kw_only=True):
    attempt: int


async def behave(params: BehaviourParams, context: Context) -> Any:
    attempts = context.environment.state / "attempts"
    with attempts.open("a") as file:
        file.write(f"{context.attempt} {context.deadline}\n")
    if context.attempt <= params.fail:
        raise UnavailableError("not now", suggestions=["later"])
    if params.error:
        raise ERRORS[params.error]
    if params.hang:
        await asyncio.get_running_loop().create_future()
    return "text" if params.wrong_result else BehaviourResult(attempt=context.attempt)
