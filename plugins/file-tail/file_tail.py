"""Trigger: follows a growing file through rotation and truncation and reports its matching lines."""

import os
import re
import stat
import time
from collections.abc import Iterator

from outrider_plugin import PluginError, Trigger, main, seconds

CHUNK = 65536
FINGERPRINT = 64
UNREADABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Lines:
    """Cuts bytes into lines and keeps at most `limit` bytes of each, so that a file without line ends costs no memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._partial = b""
        self._cut = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield each complete line and whether it was cut; the rest waits for more."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._append(piece)
            yield from self.flush(empty=True)
        self._append(rest)

    def flush(self, *, empty: bool = False) -> Iterator[tuple[bytes, bool]]:
        """Yield what is left without a line end; `empty` also yields a line of no bytes."""
        line, cut = self._partial, self._cut
        self._partial, self._cut = b"", False
        if line or empty:
            yield line.removesuffix(b"\r"), cut

    def _append(self, piece: bytes) -> None:
        room = self._limit - len(self._partial)
        self._cut = self._cut or len(piece) > room
        self._partial += piece[:room]


class Follower:
    """One path. A file that is put in its place, or that was written anew, is read from its start."""

    def __init__(self, path: str, limit: int, *, from_end: bool) -> None:
        self._path = path
        self._limit = limit
        self._skip = from_end
        self._file = -1
        self._offset = 0
        self._before = b""
        self._lines = Lines(limit)
        self.fault = ""
        self._open()

    def read(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the lines that came since the last call."""
        if self._file < 0 and not self._open():
            return
        if self._rewritten():
            self._rewind()
        yield from self._new_lines()
        if self._replaced():
            yield from self._new_lines()  # what was written between the end and the rename
            yield from self._lines.flush()
            self.close()
            if self._open():
                yield from self._new_lines()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> bool:
        skip, self._skip = self._skip, False  # a file that appears later is new from its start
        try:
            # A FIFO without a writer would block here for ever.
            self._file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self.fault = error.strerror or str(error)
            return False
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            self.close()
            self.fault = "not a regular file"
            return False
        self.fault = ""
        self._rewind()
        if skip:
            self._offset = self._start_of_last_line(os.fstat(self._file).st_size)
            self._remember()
        return True

    def _start_of_last_line(self, size: int) -> int:
        """Return the end of the file, or the beginning of the line that is still being written there."""
        begin = max(0, size - self._limit)
        tail = os.pread(self._file, size - begin, begin)
        return begin + tail.rfind(b"\n") + 1 if b"\n" in tail or begin == 0 else size

    def _rewind(self) -> None:
        self._offset = 0
        self._before = b""
        self._lines = Lines(self._limit)

    def _remember(self) -> None:
        length = min(FINGERPRINT, self._offset)
        self._before = os.pread(self._file, length, self._offset - length)

    def _rewritten(self) -> bool:
        """Tell truncation also where the new content has outgrown the old by now: the bytes before our place differ."""
        if os.fstat(self._file).st_size < self._offset:
            return True
        length = len(self._before)
        return os.pread(self._file, length, self._offset - length) != self._before

    def _replaced(self) -> bool:
        try:
            now = os.stat(self._path)  # noqa: PTH116 - pathlib costs memory in every host
        except OSError:
            return False
        ours = os.fstat(self._file)
        return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino)

    def _new_lines(self) -> Iterator[tuple[bytes, bool]]:
        while data := os.pread(self._file, CHUNK, self._offset):
            self._offset += len(data)
            self._remember()
            yield from self._lines.feed(data)


class FileTail(Trigger):
    """One file."""

    def setup(self) -> None:
        try:
            self.match = re.compile(self.config["match"])
        except re.error as error:
            raise PluginError(f"config.match is no regular expression: {error}", code="INVALID_CONFIG") from error
        self.every = seconds(self.config["every"])
        self.second = time.monotonic()
        self.sent = 0
        self.left_out = 0
        self.last_left_out = ""
        # Opened before the agent hears `ready`: what is written after that is reported.
        self.follower = Follower(self.config["path"], self.config["max_line"], from_end=self.config["from"] == "end")

    def run(self) -> None:
        follower, told = self.follower, ""
        while not self.stopping:
            self._take(follower)
            self._turn_second()
            if follower.fault and follower.fault != told:
                self.log(f"{self.config['path']}: {follower.fault}; waiting for it")
            told = follower.fault
            self.wait(self.every)
        follower.close()

    def _take(self, follower: Follower) -> None:
        for line, cut in follower.read():
            if self.stopping:
                return
            self._line(line, cut=cut)

    def _line(self, line: bytes, *, cut: bool) -> None:
        text = line.decode("utf-8", "replace")
        found = self.match.search(text)
        if found is None:
            return
        self._turn_second()
        shown = UNREADABLE.sub("\ufffd", text)
        if self.sent >= self.config["max_per_second"]:
            self.left_out += 1
            self.last_left_out = shown
            return
        self.sent += 1
        groups = {name: value for name, value in found.groupdict().items() if value is not None}
        data = {"path": self.config["path"], "line": shown, "cut": cut, "groups": groups, "summary": shown[:200]}
        self.event(data, severity=self.config["severity"], key=self.config["path"])

    def _turn_second(self) -> None:
        if time.monotonic() - self.second < 1:
            return
        self.second = time.monotonic()
        self.sent = 0
        if self.left_out:
            count, self.left_out = self.left_out, 0
            data = {
                "path": self.config["path"],
                "left_out": count,
                "line": self.last_left_out,
                "summary": f"{count} more lines matched, above {self.config['max_per_second']} a second",
            }
            self.event(data, severity=self.config["severity"], key=self.config["path"])


main(FileTail)
