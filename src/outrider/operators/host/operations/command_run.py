"""A command of the allow-list, run to its end and never through a shell."""

import re
from typing import Annotated

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, near_names
from outrider.ports.process import run as run_command
from outrider.runtime.context import AllowedCommand, Context
from outrider.runtime.implementation import Implementation

OUTPUT_LIMIT = 256 * 1024
_LIST = "spec.commands of the Platform"


class CommandRunParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which command, with which arguments.

    Attributes:
        name: Its name in the allow-list, spec.commands of the Platform.
        arguments: What is added to its fixed arguments; each must match the pattern at its place in the allow-list.
    """

    name: str
    arguments: list[Annotated[str, msgspec.Meta(max_length=4096)]] = []


class CommandRunResult(msgspec.Struct, kw_only=True):
    """How it ended.

    Attributes:
        exit_code: Negative for a signal; any code is a result and no error.
        truncated: Whether output or errors were longer than 256 KiB; the rest was dropped.
        duration_ms: How long it ran.
    """

    exit_code: int
    stdout: str
    stderr: str
    truncated: bool
    duration_ms: float


async def run(params: CommandRunParams, context: Context) -> CommandRunResult:
    """Run it with the call's deadline; then it is killed with all it started.

    Raises:
        DeniedError: The allow-list has no such command, or not with these arguments.
        NotFoundError: Its program does not exist.
        DeadlineExceededError: It did not end in time.
    """
    command = _allowed(params, context)
    began = context.clock.monotonic()
    done = await run_command([*command.argv, *params.arguments], timeout=context.remaining(), output_limit=OUTPUT_LIMIT)
    return CommandRunResult(
        exit_code=done.exit_code,
        stdout=done.stdout.decode("utf-8", "replace"),
        stderr=done.stderr.decode("utf-8", "replace"),
        truncated=done.truncated,
        duration_ms=round((context.clock.monotonic() - began) * 1000, 1),
    )


def _allowed(params: CommandRunParams, context: Context) -> AllowedCommand:
    commands = context.environment.commands
    command = commands.get(params.name)
    if command is None:
        near = near_names(params.name, commands)
        raise DeniedError(
            f"name: '{params.name}' is not in the allow-list, {_LIST}",
            path="name",
            found=params.name,
            expected=", ".join(sorted(commands)) or "an entry in the allow-list, which is empty",
            suggestions=[f"did you mean '{name}'?" for name in near] or [f"add it to {_LIST}"],
        )
    if len(params.arguments) != len(command.arguments):
        raise DeniedError(
            f"arguments: the allow-list, {_LIST}, lets '{params.name}' have {len(command.arguments)}",
            path="arguments",
            found=f"{len(params.arguments)} arguments",
            expected=f"{len(command.arguments)}: {', '.join(command.arguments)}".rstrip(": "),
            suggestions=["give one argument for each pattern"],
        )
    for index, (argument, pattern) in enumerate(zip(params.arguments, command.arguments, strict=True)):
        _check_argument(params.name, index, argument, pattern)
    return command


def _check_argument(name: str, index: int, argument: str, pattern: str) -> None:
    field = f"arguments[{index}]"
    try:
        fits = re.fullmatch(pattern, argument) is not None
    except re.error as error:
        raise InvalidConfigError(
            f"{_LIST}: '{name}' has a pattern that is no regular expression",
            path=f"commands.{name}.{field}",
            found=pattern,
            expected="a regular expression",
            suggestions=[f"correct it in {_LIST}"],
        ) from error
    if not fits or "\0" in argument:
        raise DeniedError(
            f"{field}: does not match what the allow-list, {_LIST}, lets '{name}' have there",
            path=field,
            found=repr(argument[:200]),
            expected=f"text that matches {pattern}",
            suggestions=[f"change the argument, or its pattern in {_LIST}"],
        )


OPERATION = Implementation(
    params=CommandRunParams, result=CommandRunResult, run=run, target=lambda params: f"command/{params.name}"
)
