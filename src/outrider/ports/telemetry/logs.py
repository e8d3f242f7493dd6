"""Logs: one JSON object per line, through the standard logging module."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from outrider.core.timestamps import timestamp
from outrider.ports.telemetry.traces import current_trace_id

Level = Literal["debug", "info", "warning", "error"]
_TEXT_LIMIT = 16 * 1024
_DEPTH_LIMIT = 5
_INTEGER_LIMIT = 2**63
_ROTATE_SIZE = 10 * 1024 * 1024
_ROTATE_FILES = 5
_RECORD_FIELDS = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """Formats records as `time, level, logger, message, trace_id, fields, exception`.

    What a call gives as `extra` becomes `fields`. Texts longer than 16 KiB are cut.

    Args:
        mask: Takes secrets out of a text.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever the record holds."""
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._text(_message(record)),
        }
        trace_id = getattr(record, "trace_id", "") or current_trace_id()
        fields = {key: value for key, value in vars(record).items() if key not in _RECORD_FIELDS and key != "trace_id"}
        if trace_id:
            line["trace_id"] = self._text(str(trace_id))
        if fields:
            line["fields"] = self._plain(fields, 0)
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self._text(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()

    def _text(self, text: str) -> str:
        """Mask before cutting, or half a secret might be left; lone surrogates cannot be written."""
        text = self._mask(text).encode("utf-8", "backslashreplace").decode()
        return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "…"

    def _plain(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < _INTEGER_LIMIT):
            return value
        if isinstance(value, dict) and depth < _DEPTH_LIMIT:
            return {self._text(str(key)): self._plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEPTH_LIMIT:
            return [self._plain(item, depth + 1) for item in value]
        if isinstance(value, float) and value - value == 0:  # neither infinite nor NaN, which JSON has not
            return value
        return self._text(hex(value) if isinstance(value, int) else str(value))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        return f"{record.msg} (arguments do not fit: {error})"


def logger(name: str) -> logging.Logger:
    """Return the logger of a module; facts go into `extra`, not into the text."""
    return logging.getLogger(name)


def configure_logging(
    *,
    level: Level = "info",
    file: Path | None = None,
    stream: TextIO | None = None,
    mask: Callable[[str], str] = str,
) -> None:
    """Send all logs of this process to one place, in place of what was set before.

    Args:
        level: The lowest that is written.
        file: Where to; made with mode 0600, turned at 10 MiB, five old ones are kept.
        stream: Where to without a file; stderr by default.
        mask: Takes secrets out of a text, such as `Resolver.mask`.
    """
    handler = logging.StreamHandler(stream or sys.stderr) if file is None else _file_handler(file)
    handler.setFormatter(JsonFormatter(mask))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())


def _file_handler(path: Path) -> logging.Handler:
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415 - imports sockets and pickle

    class PrivateFileHandler(RotatingFileHandler):
        """Opens each new file with mode 0600."""

        def _open(self) -> Any:
            descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            return os.fdopen(descriptor, "a", encoding="utf-8")

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return PrivateFileHandler(path, maxBytes=_ROTATE_SIZE, backupCount=_ROTATE_FILES)
