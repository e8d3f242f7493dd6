"""What zstd has packed, unpacked as it is read: https://www.rfc-editor.org/rfc/rfc8878.

A stream is a row of frames, some of which say nothing of the content: builders of images put an index into one.
"""

import io
from typing import Any, BinaryIO

import zstandard

# Four bytes may stand for a block of 128 KiB, so that what is made of a step has 32 MiB at most.
_STEP = 1 << 10
# What its own tool takes where it is not told otherwise.
_LARGEST_WINDOW = 1 << 27


class Unpacked(io.RawIOBase):
    """The content of a stream.

    Args:
        file: As it is packed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._frame: Any = None
        self._packed, self._ready = b"", memoryview(b"")

    def readable(self) -> bool:
        """Return whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as much as fits of what is ready.

        Raises:
            OSError: It is damaged.
            EOFError: It ends within a frame.
        """
        while not self._ready and self._goes_on():
            self._unpack()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _goes_on(self) -> bool:
        self._packed = self._packed or self._file.read(_STEP)
        if not self._packed and self._frame is not None:
            raise EOFError("it ends within a frame")
        return bool(self._packed)

    def _unpack(self) -> None:
        self._frame = self._frame or self._decompressor.decompressobj()
        try:
            self._ready = memoryview(self._frame.decompress(self._packed))
        except zstandard.ZstdError as error:
            raise OSError(str(error)) from error
        self._packed = self._frame.unused_data
        if self._frame.eof:
            self._frame = None
