"""Identifiers: time-ordered ones for what happens, derived ones for what follows from it."""

import hashlib

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two digits at a time: an identifier is made for every call of a model.
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_SHIFTS = range(120, -1, -10)


def time_ordered(now: float, randomness: bytes) -> str:
    """Return a ULID: 48 bits of milliseconds and 80 random bits in 26 characters that sort by time.

    Args:
        now: Seconds since the epoch.
        randomness: Ten random bytes.
    """
    return _base32(int(now * 1000).to_bytes(6, "big") + randomness)


class TimeOrdered:
    """Makes identifiers that sort in the order of their making, also within a millisecond and when the clock steps back."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float, randomness: bytes) -> str:
        """Return the next one; arguments as for `time_ordered`."""
        fresh = int.from_bytes(int(now * 1000).to_bytes(6, "big") + randomness, "big")
        self._last = fresh if fresh >> 80 > self._last >> 80 else self._last + 1
        return _base32(self._last.to_bytes(16, "big"))


def derived(now: float, *parts: object) -> str:
    """Return an identifier that looks like a ULID and follows from its parts, so that a repetition creates nothing twice.

    `now` must itself be a fact (the time at which an event was stored), not the reading of a clock.
    """
    text = "\x1f".join(str(part) for part in parts)
    return time_ordered(now, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:10])


def _base32(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
