"""What a task of an AI agent does, as it does it, and the questions that it brings up."""

import asyncio
import contextlib
import sys
import termios
import time
from typing import Any

from outrider.core.codec import encode
from outrider.core.units import format_money
from outrider.core.visible import visible
from outrider.local.agents.job import JobResult, Watcher
from outrider.sidecar.activity import Activity, Question
from outrider.sidecar.tools.status import Decision
from outrider.surfaces.agents.telling import activity_text
from outrider.surfaces.cli.lines import Lines
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.settings import note
from outrider.surfaces.python.calls import user_name

MARK = "  | "
KEPT_PIECES = 1000
_VALUE_WIDTH = 200


class Progress:
    """Writes what happens to standard error.

    Args:
        name: Of the agent.
        yes: Whether every question is answered with a yes.
        may_ask: Whether there is somebody at a terminal.
    """

    def __init__(self, name: str, *, yes: bool, may_ask: bool) -> None:
        self._name, self._yes, self._may_ask = name, yes, may_ask
        self._held: list[bytes] | None = None
        self._at_beginning = True
        self._one_question_at_a_time = asyncio.Lock()

    def watcher(self) -> Watcher:
        """Return what hears of a task."""
        return Watcher(began=self._began, activity=self._activity, stderr=self._pass_on, decide=self._decide)

    def _began(self, sandbox: str, egress: str) -> None:
        self._say(f"begins   sandbox: {sandbox} · network: {egress}")

    def _activity(self, activity: Activity) -> None:
        if text := activity_text(activity):
            self._say(text)

    async def _decide(self, question: Question) -> Decision:
        text = f"wants {question.tool} {_arguments(question.arguments)}"
        if self._yes:
            self._say(f"{text}   approved by --yes")
            return Decision(approve=True, by=user_name())
        if not self._may_ask:
            self._say(f"{text}   rejected: there is no terminal to ask on; --yes approves")
            return Decision(approve=False, by="nobody at a terminal")
        async with self._one_question_at_a_time:
            return await self._ask(question, text)

    async def _ask(self, question: Question, text: str) -> Decision:
        # What the program writes waits meanwhile: it could look like another question.
        self._held = []
        drop_typed()
        try:
            sys.stderr.write(f"{self._name}  {printable(text)}   approve? [y/N] ")
            sys.stderr.flush()
            async with asyncio.timeout(max(0.0, question.expires - time.time())):
                answer = await Lines().next()
            return Decision(approve=answer.strip().lower() in ("y", "yes"), by=user_name())
        except asyncio.CancelledError:
            sys.stderr.write("\n")
            self._say("the call waits no more")
            raise
        except TimeoutError:
            sys.stderr.write("\n")
            self._say("nobody answered in time")
            return Decision(approve=False, by="nobody")
        finally:
            held, self._held = self._held, None
            for piece in held:
                self._pass_on(piece)

    def _pass_on(self, piece: bytes) -> None:
        """Show what the program writes, each line marked as its own."""
        if self._held is not None:
            self._held = [*self._held, piece][-KEPT_PIECES:]
            return
        text = printable(piece.decode("utf-8", "replace"))
        for line in text.splitlines(keepends=True):
            sys.stderr.write(f"{MARK if self._at_beginning else ''}{line}")
            self._at_beginning = line.endswith("\n")
        sys.stderr.flush()

    def _say(self, text: str) -> None:
        note(f"{self._name}  {printable(text)}")


def summary(result: JobResult) -> str:
    """Return what became of a task, on one line."""
    money = format_money(result.cost, result.currency)
    said = "done" if result.state == "succeeded" else f"{result.state.replace('_', ' ')}: {result.problem}"
    calls = _counted(result.calls, "call")
    tools = f" · {_counted(result.tools, 'tool call')}" if result.tools else ""
    offline = " · offline" if result.offline else ""
    unseen = " · the wrapper was not seen" if result.wrapper == "not_seen" else ""
    return f"{result.agent}  {said}   {calls}{tools} · {money} · {result.seconds:.1f} s{offline}{unseen} · run {result.run}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _arguments(arguments: dict[str, Any]) -> str:
    """Return all arguments, each value cut by itself: no long one hides another."""
    return visible(" ".join(f"{key}={_shortened(encode(value).decode())}" for key, value in arguments.items()))


def _shortened(text: str) -> str:
    return text if len(text) <= _VALUE_WIDTH else f"{text[:_VALUE_WIDTH]}… ({len(text)} characters)"


def drop_typed() -> None:
    """Drop what was typed before a question is seen: it answers none."""
    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
