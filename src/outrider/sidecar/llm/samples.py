"""What a share of the calls said, as it went out and came back: for who must be able to look into that."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from outrider.core.codec import encode
from outrider.core.sidecar_settings import SampleSettings
from outrider.core.timestamps import timestamp
from outrider.ports.secrets.private_files import append_private
from outrider.ports.telemetry import logger
from outrider.sidecar.llm.wrapping import WrappedAttempt
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import Field

if TYPE_CHECKING:
    from outrider.sidecar.llm.attempt import Record

# Bytes of a call, and of an answer; what is longer is cut.
LONGEST = 256 * 1024
_log = logger(__name__)


class Sample(msgspec.Struct, kw_only=True):
    """A call and its answer, after the guards.

    Attributes:
        id: Of its entry in the ledger.
        time: When it began.
        endpoint: What was asked for.
        alias: The model as the agent names it.
        status: Of the answer.
        request: The body of the call.
        answer: That of the answer; of a stream its events.
        cut: Whether either is longer than what is kept of it.
    """

    id: str
    time: str
    endpoint: str
    alias: str
    status: int
    request: str
    answer: str
    cut: bool


_samples = msgspec.json.Decoder(Sample)


class Samples:
    """Keeps a share of the calls, in a file for each day (UTC).

    Args:
        settings: How many, and for how long.
        folder: Where the files are.
        wall: Seconds since the epoch.
        chance: Returns a number from 0 to 1.
    """

    def __init__(
        self, settings: SampleSettings, folder: Path, wall: Callable[[], float], chance: Callable[[], float] = random.random
    ) -> None:  # fmt: skip
        self._settings, self._folder, self._wall, self._chance = settings, folder, wall, chance
        self._day = ""

    def around(self, attempt: Attempt, record: "Record", body: bytes) -> Attempt:
        """Return an attempt whose call is kept, if it is one of the share."""
        return SampledAttempt(attempt, self, record, body) if self._chance() < self._settings.share else attempt

    def note(self, record: "Record", body: bytes, answer: bytes) -> None:
        """Keep a call that is answered already, if it is one of the share."""
        if self._chance() < self._settings.share:
            self.keep(record, body, 200, answer)

    def keep(self, record: "Record", body: bytes, status: int, answer: bytes) -> None:
        """Keep a call."""
        sample = Sample(
            id=record.id, time=timestamp(record.moment), endpoint=record.endpoint.name, alias=record.alias, status=status,
            request=_text(body), answer=_text(answer), cut=max(len(body), len(answer)) > LONGEST,
        )  # fmt: skip
        try:
            self._drop_old()
            append_private(self._folder / f"{sample.time[:10]}.jsonl", encode(sample) + b"\n")
        except OSError as error:
            _log.warning("a call is not kept: %s", error)

    def _drop_old(self) -> None:
        """Remove the files of days that are too old, once a day."""
        now = self._wall()
        today = timestamp(now)[:10]
        if today == self._day:
            return
        self._day = today
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        oldest = timestamp(now - self._settings.retention)[:10]
        for file in self._folder.glob("*.jsonl"):
            if file.stem < oldest:
                file.unlink(missing_ok=True)


class SampledAttempt(WrappedAttempt):
    """Keeps a call with its answer.

    Args:
        inner: The attempt.
        samples: Where to.
        record: The call.
        body: Of it.
    """

    __slots__ = ("_answer", "_body", "_record", "_samples")

    def __init__(self, inner: Attempt, samples: Samples, record: "Record", body: bytes) -> None:
        super().__init__(inner)
        self._samples, self._record, self._body = samples, record, body
        self._answer = bytearray()

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Begin anew: an answer that was not accepted is none."""
        self._answer.clear()
        return super().accept(status, fields)

    def _take(self, passed: bytes) -> bytes:
        if len(self._answer) <= LONGEST:
            self._answer += passed
        return passed

    def ended(self, problem: str) -> None:
        """Keep the call."""
        super().ended(problem)
        self._samples.keep(self._record, self._body, self.status, bytes(self._answer))


def read_samples(folder: Path, last: int) -> list[Sample]:
    """Return the newest samples of a sidecar, the newest last."""
    found: list[Sample] = []
    for file in sorted(folder.glob("*.jsonl"), reverse=True):
        found = [*_lines(file), *found]
        if len(found) >= last:
            break
    return found[-last:] if last else []


def _lines(file: Path) -> Iterator[Sample]:
    for line in file.read_bytes().splitlines():
        try:
            yield _samples.decode(line)
        except msgspec.DecodeError:  # one that was cut by a full disk
            continue


def _text(data: bytes) -> str:
    return data[:LONGEST].decode("utf-8", "replace")
