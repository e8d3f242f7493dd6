"""Rates: so many requests, so many tokens in a minute. Times are those of a clock that cannot be set."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from outrider.sidecar.llm.shares.share import Share


class Rate(Protocol):
    """So many in a time."""

    @property
    def share(self) -> "Share | None":
        """What several sidecars share; None where this one is alone."""
        ...

    def wait(self, amount: float, now: float) -> float:
        """Return after how many seconds so much can be taken, 0 for at once."""
        ...

    def take(self, amount: float, now: float) -> None:
        """Take so much, also what is not there."""
        ...

    def give(self, amount: float, now: float) -> None:
        """Give back what was taken and not used."""
        ...

    def may_grow(self) -> bool:
        """Return whether more may be there in a moment."""
        ...


class Bucket:
    """A bucket that fills at a steady rate up to its capacity, and is full at first.

    Args:
        capacity: The most that it holds.
        per_second: What flows in.
        now: Seconds.
    """

    __slots__ = ("_at", "_capacity", "_level", "_rate", "share")

    def __init__(self, capacity: float, per_second: float, now: float) -> None:
        self._capacity = capacity
        self._rate = per_second
        self._level = capacity
        self._at = now
        self.share: Share | None = None

    def wait(self, amount: float, now: float) -> float:
        """Return after how many seconds so much can be taken, 0 for at once. More than it ever holds waits until it is full."""
        if now > self._at:
            self._fill(now)
        missing = (min(self._capacity, amount)) - self._level
        return missing / self._rate if missing > 0 else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take so much, also what is not there: later ones wait for it."""
        if now > self._at:
            self._fill(now)
        self._level -= amount

    def give(self, amount: float, now: float) -> None:
        """Give back what was taken and not used."""
        if now > self._at:
            self._fill(now)
        self._level = min(self._capacity, self._level + amount)

    def may_grow(self) -> bool:
        """Return False: it fills by time alone."""
        return False

    def _fill(self, now: float) -> None:
        level = self._level + (now - self._at) * self._rate
        self._level = min(self._capacity, level)
        self._at = now


class Refusal:
    """Why a call must not begin now.

    Attributes:
        reason: In words.
        wait: Seconds after which it may be tried again.
        rate: What was used up.
    """

    __slots__ = ("rate", "reason", "wait")

    def __init__(self, reason: str, wait: float, rate: Rate | None = None) -> None:
        self.reason, self.wait, self.rate = reason, wait, rate


class Limits:
    """The limits of one agent. All are looked at before anything is taken, so a refusal by one consumes nothing of another.

    Args:
        requests: In a minute; None for no limit.
        tokens: Of prompts and answers together.
        concurrent: Calls at a time.
    """

    __slots__ = ("_concurrent", "_requests", "_tokens", "inside", "running")

    def __init__(
        self, *, requests: Rate | None = None, tokens: Rate | None = None, concurrent: int | None = None
    ) -> None:
        self._requests = requests
        self._tokens = tokens
        self._concurrent = concurrent
        self.running = self.inside = 0

    def begin(self, estimate: int, now: float, *, inside: bool = False) -> Refusal | None:
        """Take what a call is expected to need, or say why it must wait.

        Args:
            estimate: Tokens.
            now: Seconds.
            inside: Whether it is made for another call that runs, which is the one that counts among those at a time.
        """
        if self._concurrent is not None and not inside and self.running - self.inside >= self._concurrent:
            return Refusal(f"{self.running} calls are running, and no more are allowed at a time", 1.0)
        if self._requests is not None and (wait := self._requests.wait(1, now)):
            return Refusal("the requests of this minute are used up", wait, self._requests)
        if self._tokens is not None and (wait := self._tokens.wait(estimate, now)):
            return Refusal("the tokens of this minute are used up", wait, self._tokens)
        self.running += 1
        self.inside += inside
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(estimate, now)
        return None

    def follow(self, before: "Limits") -> None:
        """Take the place of other limits, with the calls that run under them."""
        self.running, self.inside = before.running, before.inside

    def use(self, tokens: int, now: float) -> None:
        """Take what a call has used beside what it was begun for."""
        if self._tokens is not None:
            self._tokens.take(tokens, now)

    def end(self, estimate: int, actual: int, now: float, *, inside: bool = False) -> None:
        """Replace the estimate of a call that was begun by what it has used."""
        self.running -= 1
        self.inside -= inside
        if self._tokens is not None:
            if actual > estimate:
                self._tokens.take(actual - estimate, now)
            else:
                self._tokens.give(estimate - actual, now)


def per_minute(amount: int | None, now: float) -> Bucket | None:
    """Return a bucket of so many in a minute, full at first; None for no limit."""
    return Bucket(amount, amount / 60, now) if amount is not None else None
