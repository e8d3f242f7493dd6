"""Simulated time, processes that crash and pause, and a network that loses, delays and doubles messages."""

import heapq
import random
from collections.abc import Callable
from itertools import count

from outrider.core.errors import ConflictError

CALL_SECONDS = 10.0
Action = Callable[[], None]
Answered = Callable[[object], None]


class Timer:
    """Something that will happen, unless it is cancelled."""

    def __init__(self, action: Action) -> None:
        self._action = action
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def fire(self) -> None:
        if not self._cancelled:
            self._action()


class World:
    """Physical time and its queue of happenings; the same seed gives the same course."""

    def __init__(self, seed: int) -> None:
        self.time = 0.0
        self.random = random.Random(seed)
        self._order = count()
        self._queue: list[tuple[float, int, Timer]] = []

    def after(self, seconds: float, action: Action) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._queue, (self.time + max(0.0, seconds), next(self._order), timer))
        return timer

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        while self._queue and self._queue[0][0] <= until and not done():
            self.time, _, timer = heapq.heappop(self._queue)
            timer.fire()
        if not done():
            self.time = until


class Process:
    """A program: a crash forgets its timers, a pause puts off whatever comes meanwhile."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.cut_off = False
        self._life = 0
        self._up = False
        self._paused = False
        self._backlog: list[Action] = []

    def boot(self) -> None:
        """Begin; subclasses take up their work."""
        self._up = True

    def crash(self, seconds: float) -> None:
        if self._up:
            self._up, self._paused = False, False
            self._life += 1
            self._backlog.clear()
            self.world.after(seconds, self.boot)

    def pause(self, seconds: float) -> None:
        if self._up and not self._paused:
            self._paused = True
            life = self._life
            self.world.after(seconds, lambda: self.resume() if life == self._life else None)

    def resume(self) -> None:
        self._paused = False
        backlog, self._backlog = self._backlog, []
        for action in backlog:
            self.deliver(action)

    def after(self, seconds: float, action: Action) -> Timer:
        life = self._life
        timer = Timer(action)
        self.world.after(seconds, lambda: self.deliver(timer.fire) if life == self._life else None)
        return timer

    def deliver(self, action: Action) -> None:
        """Let something happen in this process now, or when it goes on; nothing happens in a process that is down."""
        if self._up and self._paused:
            self._backlog.append(action)
        elif self._up:
            action()


class Network:
    """Calls between processes; until `calm` is set each message may be lost, late or doubled."""

    def __init__(self, world: World, trouble: float) -> None:
        self._world = world
        self._trouble = trouble

    def calm(self) -> None:
        self._trouble = 0.0

    def call(self, caller: Process, callee: Process, handle: Callable[[], object], answered: Answered) -> None:
        """Run `handle` at the callee; `answered` gets its answer, its ConflictError, or None when none came in time."""
        open_calls = [answered]

        def settle(answer: object) -> None:
            if open_calls:
                open_calls.pop()(answer)

        def serve() -> None:
            try:
                answer = handle()
            except ConflictError as error:
                answer = error
            self._send(callee, caller, lambda: settle(answer))

        self._send(caller, callee, serve)
        caller.after(CALL_SECONDS, lambda: settle(None))

    def _send(self, sender: Process, receiver: Process, action: Action) -> None:
        chance = self._world.random.random
        for _ in range(2 if chance() < self._trouble else 1):
            lost = chance() < self._trouble or sender.cut_off or receiver.cut_off
            delay = chance() * (60.0 if chance() < self._trouble else 0.2)
            if not lost:
                self._world.after(delay, lambda: receiver.deliver(action))
