"""A command in a container, run to its end and never through a shell that the caller has not named."""

from typing import Annotated

import msgspec

from outrider.core.errors import ConnectionFailedError, OutcomeUnknownError
from outrider.operators.kubernetes.containers import ContainerParams, container_of, working_seconds
from outrider.operators.kubernetes.places import connected
from outrider.ports.kube.execution import run as run_command
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_OUTPUT_BYTES = 1024 * 1024
_MOST_INPUT = 1024 * 1024
Word = Annotated[str, msgspec.Meta(max_length=32768)]


class ExecParams(ContainerParams, kw_only=True):
    """Which command, and where.

    Attributes:
        command: Program and arguments, a word each; on the command line after --.
        stdin: What it reads from its standard input; on the command line @FILE, or @- for standard input.
    """

    command: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=1000)]
    stdin: Annotated[
        str, msgspec.Meta(max_length=_MOST_INPUT, extra_json_schema={"contentMediaType": "text/plain"})
    ] = ""


class ExecResult(msgspec.Struct, kw_only=True):
    """How it ended.

    Attributes:
        exit_code: 128 and more for a signal; any code is a result and no error.
        stdout: Bytes that are no UTF-8 are replaced.
        stderr: The same.
        truncated: Whether output or errors were longer than 1 MiB; the rest was dropped.
    """

    pod: str
    container: str
    exit_code: int
    stdout: str
    stderr: str
    truncated: bool
    duration_ms: float


async def run(params: ExecParams, context: Context) -> ExecResult:
    """Run it until shortly before the call's deadline; then it is killed.

    Raises:
        NotFoundError: There is no such object, container or program.
        InvalidConfigError: The pod has several containers and none is named.
        UnavailableError: The container does not run, or no pod is ready.
        DeadlineExceededError: It did not end in time.
        OutcomeUnknownError: The connection broke meanwhile.
    """
    async with connected(params, context) as place:
        container = await container_of(params, place)
        began = context.clock.monotonic()
        try:
            done = await run_command(
                place.client, container, params.command, input=params.stdin.encode() or None, output_limit=_OUTPUT_BYTES,
                timeout=working_seconds(context),
            )  # fmt: skip
        except ConnectionFailedError as error:
            if not error.sent:
                raise
            raise OutcomeUnknownError(
                f"{error.message}; nobody knows whether the command goes on", found=error.found, expected="how it ended",
                suggestions=["look in the container before you run it again"],
            ) from error  # fmt: skip
    return ExecResult(
        pod=container.pod,
        container=container.name,
        exit_code=done.exit_code,
        stdout=done.stdout.decode("utf-8", "replace"),
        stderr=done.stderr.decode("utf-8", "replace"),
        truncated=done.truncated,
        duration_ms=round((context.clock.monotonic() - began) * 1000, 1),
    )


OPERATION = Implementation(params=ExecParams, result=ExecResult, run=run, target=lambda params: params.target)
