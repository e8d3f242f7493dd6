"""Identifiers: time-ordered ones for what happens, derived ones for what follows from it."""

import hashlib

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26


def time_ordered(now: float, randomness: bytes) -> str:
    """Return a ULID: 48 bits of milliseconds and 80 random bits in 26 characters that sort by time.

    Args:
        now: Seconds since the epoch.
        randomness: Ten random bytes.
    """
    return _base32(int(now * 1000).to_bytes(6, "big") + randomness)


def derived(now: float, *parts: object) -> str:
    """Return an identifier that looks like a ULID and follows from its parts, so that a repetition creates nothing twice.

    `now` must itself be a fact (the time at which an event was stored), not the reading of a clock.
    """
    text = "\x1f".join(str(part) for part in parts)
    return time_ordered(now, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:10])


def _base32(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 32)
        digits.append(_CROCKFORD[digit])
    return "".join(reversed(digits))
