"""The certificates of the webhooks: by whom the API server knows them, and when others take their place.

Each certificate has an authority of its own, whose key is thrown away at once. One that is to follow is made in time, and the API
server is told to trust its authority too; only when that must have reached every server does it take the place of the other.

    current --a third of its life is left--> current + next --OVERLAP--> next is current, the old authority is trusted on
"""

import msgspec

from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.certificates.subjects import DAY, Subject, ends_at, issue, new_authority, serves

LIFETIME = 90 * DAY
# What is left of a certificate when the next one is made.
RENEW_BEFORE = 30 * DAY
# For which both authorities are trusted before the next certificate is shown: API servers hear of it within seconds.
OVERLAP = 600.0


class Issued(msgspec.Struct, frozen=True):
    """A certificate, and who vouches for it.

    Attributes:
        pair: Of the server.
        authority: In PEM.
    """

    pair: KeyPair
    authority: str


class Held(msgspec.Struct, frozen=True):
    """What is held.

    Attributes:
        current: What servers show.
        next: What they will show.
        next_since: When that was made, in seconds since the epoch.
        previous: The authority of the one before, which slow servers may still show; empty for none.
    """

    current: Issued
    next: Issued | None = None
    next_since: float = 0.0
    previous: str = ""

    @property
    def trusted(self) -> str:
        """The authorities that the API server is to trust, in PEM."""
        following = self.next.authority if self.next is not None else ""
        return "".join(dict.fromkeys(filter(None, (self.current.authority, following, self.previous))))


def rotated(held: Held | None, host: str, now: float) -> Held:
    """Return what is to be held now; the same where nothing is to be done.

    Args:
        held: What is held; None for nothing that can be used.
        host: The name by which the API server calls.
        now: Seconds since the epoch.
    """
    if held is None or not _good(held.current, host, now):
        if held is not None and held.next is not None and _good(held.next, host, now):
            return Held(held.next)
        return Held(_issued(host, now))
    if held.next is None:
        due = ends_at(held.current.pair) - RENEW_BEFORE <= now
        return msgspec.structs.replace(held, next=_issued(host, now), next_since=now) if due else held
    if not _good(held.next, host, now):
        return msgspec.structs.replace(held, next=_issued(host, now), next_since=now)
    # A clock that was set back must not keep the old one until it ends.
    if not 0 <= now - held.next_since < OVERLAP:
        return Held(held.next, previous=held.current.authority)
    return held


def next_look(held: Held, now: float) -> float:
    """Return after how many seconds something may be to be done."""
    due = held.next_since + OVERLAP if held.next is not None else ends_at(held.current.pair) - RENEW_BEFORE
    return max(1.0, due - now)


def _issued(host: str, now: float) -> Issued:
    authority = new_authority("outrider webhooks", now, lifetime=LIFETIME)
    return Issued(issue(authority, Subject(name=host, hosts=[host]), now, lifetime=LIFETIME), authority.certificate)


def _good(issued: Issued, host: str, now: float) -> bool:
    return serves(issued.pair, issued.authority, host, now)
