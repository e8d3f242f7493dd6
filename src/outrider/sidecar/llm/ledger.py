"""The ledger of calls: appended to and never changed, on disk in groups, one file for each day (UTC).

A budget is known again from it after a start. What was on its way to the disk when the machine ended, at most the calls of a few
milliseconds, is missing from it.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from outrider.core.timestamps import timestamp
from outrider.ports.telemetry import logger
from outrider.sidecar.llm.prices import Price
from outrider.sidecar.llm.usage import Usage

MOST_WAITING = 10_000
GATHER_SECONDS, RETRY_SECONDS = 0.02, 1.0
DAY = 86_400
_encoder = msgspec.json.Encoder()
_log = logger(__name__)


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One call.

    Attributes:
        id: Of the call, or of a try of it that was left; it stands in the ledger once.
        time: Seconds since the epoch, when it began.
        endpoint: What was asked for, such as `chat`.
        alias: The model as the agent names it.
        provider: Who answered, and with which model.
        outcome: `whole`, `cut` where either side broke off, `failed` where no answer came.
        estimated: Whether the provider told no usage, and this is what was estimated.
        cost: In nano-units of the currency.
        currency: That of the prices.
    """

    id: str
    time: float
    agent: str
    endpoint: str
    alias: str
    provider: str = ""
    model: str = ""
    outcome: str
    status: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    estimated: bool = False
    cost: int = 0
    currency: str = "USD"
    seconds: float = 0.0

    def tell(self, usage: Usage, price: Price | None) -> None:
        """Say what was used, and what it cost."""
        self.input, self.output, self.cached = usage.input, usage.output, usage.cached
        self.written, self.reasoning = usage.written, usage.reasoning
        self.cost = price.cost(usage) if price is not None else 0


class Ledger:
    """The ledger of one sidecar; a thread writes what has come together, and waits for the disk.

    Args:
        folder: Where its files are.

    Attributes:
        problem: Why it cannot be written now.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._waiting: list[Entry] = []
        self._closing = threading.Event()
        self.problem = ""
        self._thread = threading.Thread(target=self._write_all, name="ledger", daemon=True)
        self._thread.start()

    def append(self, entry: Entry) -> None:
        """Add a call; it is on disk soon."""
        self._waiting.append(entry)

    @property
    def full(self) -> bool:
        """Whether so much waits for the disk that nothing more should begin."""
        return len(self._waiting) > MOST_WAITING

    def entries(self, since: float = 0.0) -> Iterator[Entry]:
        """Yield every call that is on disk; as `read_entries`."""
        return read_entries(self._folder, since)

    def close(self) -> None:
        """Write what waits, and end."""
        self._closing.set()
        self._thread.join()

    def _write_all(self) -> None:
        """Write a group every few milliseconds: who adds to it must not wake a thread each time."""
        while True:
            last = self._closing.wait(GATHER_SECONDS if not self.problem else RETRY_SECONDS)
            if self._waiting:
                group, self._waiting = self._waiting, []
                self._write(group)
            if last:
                return

    def _write(self, group: list[Entry]) -> None:
        """Write a group; where the disk does not take it, it stays: money that was spent is not forgotten."""
        while group:
            day = int(group[0].time // DAY)
            mine = [entry for entry in group if entry.time // DAY == day]
            try:
                _append(self._folder / f"{timestamp(day * DAY)[:10]}.jsonl", mine)
            except OSError as error:
                if not self.problem:
                    _log.error("the ledger cannot be written: %s", error)
                self.problem = error.strerror or str(error)
                self._waiting = group + self._waiting
                return
            group = [entry for entry in group if entry.time // DAY != day]
        self.problem = ""


def read_entries(folder: Path, since: float = 0.0) -> Iterator[Entry]:
    """Yield every call of a ledger that is on disk, each once; what was torn by the end of the machine is left out.

    Args:
        folder: Where its files are.
        since: Days that were over then are left out; seconds since the epoch.
    """
    seen = set()
    for path in sorted(folder.glob("*.jsonl")):
        if path.stem < timestamp(since)[:10]:
            continue
        for line in path.read_bytes().splitlines():
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeError):
                continue
            if entry.id not in seen:
                seen.add(entry.id)
                yield entry


def _append(path: Path, entries: list[Entry]) -> None:
    data = _encoder.encode_lines(entries)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(file).st_size
        if size and _last_byte(path, size) != b"\n":
            data = b"\n" + data  # a line that the end of the machine, or of its disk, has torn
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)  # all of it is written once more later: nobody may count a line twice
            raise
    finally:
        os.close(file)


def _last_byte(path: Path, size: int) -> bytes:
    with path.open("rb") as reader:
        reader.seek(size - 1)
        return reader.read(1)
