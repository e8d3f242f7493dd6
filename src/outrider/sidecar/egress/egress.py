"""Where the agent may connect to besides its sidecar, and what it did there."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from outrider.core.audit import AuditEntry
from outrider.core.destinations import Destination, read_destination
from outrider.core.errors import OutriderError
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.runtime.audit import AuditLog
from outrider.sidecar.egress.tunnel import Tunnel
from outrider.sidecar.llm.buckets import Bucket

MOST_TUNNELS = 200
# Of a refusal, how many hosts are named.
SHOWN = 20
# Records of what is refused, at once and from then on: a program must not fill the disk with them.
MOST_REFUSALS, REFUSALS_PER_SECOND = 100, 1.0
_log = logger(__name__)


class Egress:
    """Opens tunnels to what is allowed; every one is audited.

    Args:
        allow: What is.
        agent: Name of the agent.
        state: Folder of the audit chain.
        clock: Time.

    Raises:
        InvalidConfigError: One is no host.
    """

    def __init__(self, allow: Iterable[str], *, agent: str, state: Path, clock: Clock) -> None:
        self._allow: Sequence[Destination] = [read_destination(one) for one in allow]
        self._principal = f"agent:{agent}"
        self._audit = AuditLog(state / "audit.jsonl", f"sidecar/{agent}", clock)
        self._clock = clock
        self._room, self._untold = Bucket(MOST_REFUSALS, REFUSALS_PER_SECOND, clock.monotonic()), 0
        self._open: set[Tunnel] = set()
        self.totals: Counter[str] = Counter()

    def begin(self, transport: asyncio.Transport) -> Tunnel:
        """Return what goes on with a connection that asks for a tunnel."""
        return Tunnel(self, transport)

    def problem(self, host: str, port: int) -> str:
        """Return why there is no tunnel to a host; empty where there is one."""
        if not any(one.covers(host, port) for one in self._allow):
            known = ", ".join(f"{one.host}:{one.port}" for one in self._allow[:SHOWN])
            return f"{host[:253]}:{port} is not among what this agent may reach: {known}"
        return "too many connections" if len(self._open) >= MOST_TUNNELS else ""

    def asked(self, tunnel: Tunnel) -> None:
        """Note that there will be a tunnel."""
        self._open.add(tunnel)

    def forget(self, tunnel: Tunnel) -> None:
        """Note that there is none, or none any more."""
        self._open.discard(tunnel)

    def refused(self, where: str) -> None:
        """Note that there is none."""
        self._note_refusal(where, "DENIED")

    def failed(self, where: str, reason: str) -> None:
        """Note that a host was not reached."""
        self._note_refusal(where, "CONNECTION_FAILED", reason=reason[:200])

    def closed(self, tunnel: Tunnel, where: str, seconds: float) -> None:
        """Note what has passed."""
        self._note(where, "ok", sent=tunnel.sent, received=tunnel.received, seconds=round(seconds, 3))

    def _note_refusal(self, where: str, outcome: str, **details: object) -> None:
        """Note that there is no tunnel; of very many the next record says how many have none."""
        now = self._clock.monotonic()
        if self._room.wait(1, now):
            self.totals[outcome] += 1
            self._untold += 1
            return
        self._room.take(1, now)
        self._note(where, outcome, **details, **({"untold": self._untold} if self._untold else {}))
        self._untold = 0

    def _note(self, where: str, outcome: str, **details: object) -> None:
        self.totals[outcome] += 1
        entry = AuditEntry(
            phase="fact", principal=self._principal, action="egress.connect", target=where[:300], outcome=outcome, details=details,
        )  # fmt: skip
        try:
            self._audit.append(entry)
        except OutriderError as error:
            _log.warning("a connection is not in the audit chain: %s", error)

    async def close(self) -> None:
        """End all tunnels."""
        for tunnel in list(self._open):
            tunnel.abort()
        await asyncio.sleep(0)
        await asyncio.to_thread(self._audit.close)
