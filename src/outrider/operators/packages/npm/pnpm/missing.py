"""Peers that are missing below a package, as they are told upwards: those that are there already are taken out, and ranges are met."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from outrider.operators.packages.npm.pnpm.manifests import Peer
from outrider.operators.packages.npm.pnpm.ranges import met

if TYPE_CHECKING:
    from outrider.operators.packages.npm.pnpm.levels import Address

Missing = dict[str, Peer]
# Of an answer: the time at which it came, and its round among those that came then.
Moment = tuple[int, int]
# What is there by each name; None where it is there, or will be, and that is all that is known of it.
Aliases = dict[str, "Address | None"]


class Peers(NamedTuple):
    """What is known of the peers below something.

    Attributes:
        missing: Those that are not there.
        found: Those that are, in a package above.
    """

    missing: Missing
    found: "dict[str, Address]"


class Below:
    """What is missing below a package, which is looked at once, however often it is needed.

    Args:
        depth: At which it is looked at.
        moment: Tells when something was answered last.
    """

    def __init__(self, depth: int, moment: Callable[[], Moment]) -> None:
        self.depth, self._moment = depth, moment
        self.missing: Missing | None = None
        self._since: Moment | None = None
        self._waiting: list[Callable[[Missing], None]] = []

    def is_known(self) -> bool:
        """Return whether it was known before the last answer came."""
        return self._since is not None and self._since < self._moment()

    def when_known(self, tell: Callable[[Missing], None]) -> None:
        """Have it told, now or later."""
        if self.missing is None:
            self._waiting.append(tell)
        else:
            tell(self.missing)

    def settle(self, missing: Missing) -> None:
        """Tell it to whoever waits."""
        self.missing, self._since = missing, self._moment()
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell(missing)


def without(peers: Peers, aliases: Aliases) -> Peers:
    """Return peers with what is there under some name among those that are found."""
    missing, found = {}, dict(peers.found)
    for name, peer in peers.missing.items():
        if name not in aliases:
            missing[name] = peer
        elif (address := aliases[name]) is not None:
            found[name] = address
    return Peers(missing, found)


def merged(parts: Iterable[Mapping[str, Peer]]) -> Missing:
    """Return what several packages miss; what they cannot agree on is left out."""
    ranges: dict[str, list[str]] = {}
    optional: dict[str, bool] = {}
    for part in parts:
        for name, peer in part.items():
            ranges.setdefault(name, []).append(peer.range)
            optional[name] = optional.get(name, True) and peer.optional
    return {name: Peer(text, optional[name]) for name, said in ranges.items() if (text := met(said)) is not None}
