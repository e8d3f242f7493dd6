"""`outrider queue`: what goes through the platform's queue, and what could not be taken from it."""

import sys
from collections.abc import Awaitable, Callable, Sequence

import click

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.units import format_size
from outrider.orchestrator.wire import DeadLetter, QueueAnswer
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import ask_for_name, client, execute, need_terminal
from outrider.surfaces.cli.settings import FINDINGS, interactive, note

PATH = "/v1/queue"
LETTERS = f"{PATH}/dead"
PAGE = 500
COLUMNS = ["sequence", "stored", "deliveries", "reason", "data"]


@click.group()
def queue() -> None:
    """Look at the queue of the platform, and deal with its dead letters."""


@queue.command()
@output_option(QueueAnswer)
@click.pass_context
def status(ctx: click.Context, output: Output) -> int:
    """Say whether the queue can be reached, what waits to be published, and what its streams hold; exit 6 where it cannot."""

    async def read() -> QueueAnswer:
        async with client(ctx) as platform:
            return await platform.get(PATH, QueueAnswer)

    answer = execute(read())
    if output.for_people:
        sys.stdout.write(printable(_described(answer)))
    else:
        show(answer, output)
    return FINDINGS if queue_problems(answer) else 0


@queue.command()
@click.option(
    "--limit", type=click.IntRange(1, PAGE), default=50, show_default=True, help="How many, the oldest first."
)
@output_option(list[DeadLetter])
@click.pass_context
def dead(ctx: click.Context, *, limit: int, output: Output) -> int:
    """List the dead letters: events of the inbox and tasks that could not be taken, and why."""

    async def read() -> list[DeadLetter]:
        async with client(ctx) as platform:
            return await platform.get(f"{LETTERS}?limit={limit}", list[DeadLetter])

    show(execute(read()), output, columns=COLUMNS, empty="no dead letter")
    return 0


@queue.command("show")
@click.argument("sequence", type=click.IntRange(min=1))
@output_option(DeadLetter)
@click.pass_context
def show_letter(ctx: click.Context, *, sequence: int, output: Output) -> int:
    """Show a dead letter with all of its data."""

    async def read() -> DeadLetter:
        async with client(ctx) as platform:
            return await platform.get(f"{LETTERS}/{sequence}", DeadLetter)

    show(execute(read()), output)
    return 0


@queue.command()
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1), metavar="[SEQUENCE]...")
@click.option("--all", "every", is_flag=True, help="Every dead letter.")
@click.pass_context
def retry(ctx: click.Context, *, sequences: tuple[int, ...], every: bool) -> int:
    """Put dead letters back where they came from, as after what was wrong has been mended."""
    _check_choice(sequences, every=every)

    async def send() -> tuple[int, int]:
        async with client(ctx) as platform:
            return await _each(
                await _all(platform) if every else sequences,
                lambda sequence: platform.post(f"{LETTERS}/{sequence}/retry", None, dict[str, int]),
                every=every,
            )

    done, left = execute(send())
    sys.stdout.write(f"{_letters(done)} put back\n")
    return FINDINGS if left else 0


@queue.command()
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1), metavar="[SEQUENCE]...")
@click.option("--all", "every", is_flag=True, help="Every dead letter.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, *, sequences: tuple[int, ...], every: bool, yes: bool) -> int:
    """Remove dead letters for good."""
    _check_choice(sequences, every=every)
    if not yes:
        if not interactive():
            raise need_terminal("--yes")
        if not ask_for_name("all" if every else " ".join(map(str, sequences))):
            note("nothing was changed")
            return FINDINGS

    async def send() -> tuple[int, int]:
        async with client(ctx) as platform:
            return await _each(
                await _all(platform) if every else sequences,
                lambda sequence: platform.delete(f"{LETTERS}/{sequence}", dict[str, int]),
                every=every,
            )

    done, left = execute(send())
    sys.stdout.write(f"{_letters(done)} removed\n")
    return FINDINGS if left else 0


def queue_problems(answer: QueueAnswer) -> list[str]:
    """Return what is wrong with the queue, and what to do."""
    problems = []
    if answer.problem:
        waiting = f"; {answer.waiting} messages wait since {answer.oldest}" if answer.waiting else ""
        since = f", since {answer.since}" if answer.since else ""
        problems.append(f"{answer.problem}{since}{waiting}")
    problems += answer.problems
    if answer.dead:
        problems.append(f"{_letters(answer.dead)}: outrider queue dead")
    return problems


def _described(answer: QueueAnswer) -> str:
    if not answer.declared:
        return "the platform has no queue: declare one with queue: {embedded: {}} in its Platform\n"
    lines = [
        f"server     {answer.server or 'none'}",
        f"publishes  {', '.join(answer.publishes) or 'nothing'} · {answer.waiting} wait",
        f"inbox      {answer.inbox or 'none'}",
        *(f"tasks      {subject} -> {agent}" for agent, subject in answer.tasks.items()),
        *(f"stream     {one.name}  {one.messages} messages  {format_size(one.size)}" for one in answer.streams),
        *(f"problem: {problem}" for problem in queue_problems(answer)),
    ]
    return "\n".join(lines) + "\n"


def _letters(count: int) -> str:
    return f"{count} dead letter" + ("" if count == 1 else "s")


def _check_choice(sequences: tuple[int, ...], *, every: bool) -> None:
    if bool(sequences) == every:
        raise InvalidConfigError(
            "which dead letters?", found="numbers and --all" if every else "none", expected="numbers, or --all",
            suggestions=["list them: outrider queue dead"],
        )  # fmt: skip


async def _each(sequences: Sequence[int], act: Callable[[int], Awaitable[object]], *, every: bool) -> tuple[int, int]:
    """Do something with each, and return with how many, and how many are left; of all, one that cannot be stops no other."""
    done = left = 0
    for sequence in sequences:
        try:
            await act(sequence)
            done += 1
        except NotFoundError:  # somebody else was faster
            if not every:
                raise
        except InvalidConfigError as error:
            if not every:
                raise
            note(f"{sequence}: {error.message}")
            left += 1
    return done, left


async def _all(platform: PlatformClient) -> list[int]:
    """Return the numbers of all dead letters; one that is put back may be there again, under a new number."""
    found: list[int] = []
    while True:
        after = found[-1] if found else 0
        page = await platform.get(f"{LETTERS}?after={after}&limit={PAGE}", list[DeadLetter])
        found += [letter.sequence for letter in page]
        if len(page) < PAGE:
            return found
