"""Who of several may act: one candidate of a Lease (coordination.k8s.io/v1), as client-go's leaderelection has it.

    follows --the record has not changed for its whole duration, or nobody holds it--> takes it
    leads   --every `retry`--> renews it
    leads   --not renewed within `deadline`--> acts no more, before anybody else may take it
    leads   --clean stop--> releases it, and the next one takes it at once

No clock of another machine is trusted: a candidate measures by its own monotonic clock how long ago it saw the record change last,
and the times in the record are for people. A write names the version that was read, so that of two who write one succeeds.
"""

from typing import Literal

import msgspec

from outrider.core.errors import InvalidConfigError

Wanted = Literal["create", "take", "renew", "wait"]


class Terms(msgspec.Struct, frozen=True):
    """How long leadership lasts; all times in seconds.

    Attributes:
        duration: Of silence, after which another one may take it.
        deadline: After which one who could not renew acts no more; shorter than that.
        retry: Between two looks, or renewals.
    """

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.deadline < self.duration:
            raise InvalidConfigError(
                "who leads must stop before another one may begin", found=f"retry {self.retry}, deadline {self.deadline}, duration {self.duration}",
                expected="retry < deadline < duration",
            )  # fmt: skip


class Record(msgspec.Struct, frozen=True):
    """What the Lease says.

    Attributes:
        holder: Who leads; empty for nobody.
        duration: For how long that holds without a change.
        renewed: When it was written last, by the clock of who wrote it.
        acquired: When the holder became that.
        transitions: How often the holder has changed.
        version: Of the object, which a write must name.
    """

    holder: str
    duration: float
    renewed: float
    acquired: float
    transitions: int
    version: str


class Candidate:
    """One candidate; all times but those of `written` are of its own monotonic clock.

    Args:
        identity: Unique among the candidates, and new for each process.
        terms: How long leadership lasts.
    """

    def __init__(self, identity: str, terms: Terms | None = None) -> None:
        self.identity, self.terms = identity, terms or Terms()
        self._record: Record | None = None
        self._changed = 0.0
        # Of a Lease that has gone: who held it may not have heard of that, and its number is not to be used again.
        self._lost: Record | None = None
        self._transitions = -1
        self._tried = False
        self._renewed: float | None = None

    @property
    def record(self) -> Record | None:
        """What was seen last."""
        return self._record

    @property
    def epoch(self) -> str:
        """What tells this leadership from every other one, for what is written under it."""
        return f"{self._record.transitions if self._record is not None else 0}/{self.identity}"

    def saw(self, record: Record | None, *, now: float) -> None:
        """Take what was read; None where there is no Lease."""
        if record is None and self._record is not None and self._record.holder not in ("", self.identity):
            self._lost = self._record
        if record is None:
            self._changed = now if self._record is not None else self._changed
        elif self._record is None or _content(record) != _content(self._record):
            self._changed, self._lost = now, None
        if record is not None:
            self._transitions = max(self._transitions, record.transitions)
            self._tried = self._tried and record.holder == self.identity
        self._record = record
        if record is None or record.holder != self.identity:
            self._renewed = None

    def wanted(self, *, now: float) -> Wanted:
        """Return what to do now."""
        record = self._record
        if record is None:
            waits = self._lost is not None and now - self._changed < self._lost.duration
            return "wait" if waits else "create"
        if record.holder == self.identity and self._renewed is not None:
            return "renew"
        # Also where it is ours already, by a write of this candidate whose answer was lost.
        lost = self._tried and record.holder == self.identity
        if lost or not record.holder or now - self._changed >= record.duration:
            return "take"
        return "wait"

    def written(self, *, wall: float) -> Record:
        """Return what to write to lead, or to lead on; `wall` is seconds since the epoch, for people."""
        before, self._tried = self._record, True
        if before is not None and before.holder == self.identity and self._renewed is not None:
            return msgspec.structs.replace(before, renewed=wall, duration=self.terms.duration)
        return Record(
            holder=self.identity, duration=self.terms.duration, renewed=wall, acquired=wall,
            transitions=self._transitions + 1, version=before.version if before is not None else "",
        )  # fmt: skip

    def wrote(self, record: Record, *, began: float, now: float) -> None:
        """Take what came of a write that succeeded.

        Args:
            record: As the server has it now, with its version.
            began: When the write was sent: from then on others may count.
            now: When the answer came.
        """
        self._record, self._changed, self._renewed, self._lost = record, now, began, None
        self._transitions = max(self._transitions, record.transitions)

    def leads(self, *, now: float) -> bool:
        """Return whether it may act."""
        return self._renewed is not None and now - self._renewed < self.terms.deadline

    def left(self, *, now: float) -> float:
        """Return for how many seconds more it may act without renewing."""
        return 0.0 if self._renewed is None else max(0.0, self._renewed + self.terms.deadline - now)

    def released(self, *, wall: float) -> Record | None:
        """Act no more, and return what to write so that another one may begin at once; None where it does not lead."""
        record, leading = self._record, self._renewed is not None
        self._renewed = None
        if record is None or not leading or record.holder != self.identity:
            return None
        return msgspec.structs.replace(record, holder="", duration=1.0, renewed=wall)


def _content(record: Record) -> tuple[str, float, float, str]:
    return record.holder, record.renewed, record.acquired, record.version
