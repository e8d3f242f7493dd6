"""What a service of ours said before it ended."""

from pathlib import Path

from outrider.core.codec import decode
from outrider.core.errors import ErrorBody, OutriderError, UnavailableError, from_body


def last_words(log: Path, message: str) -> OutriderError:
    """Return the error that a service wrote into its log, as JSON on a line; else one with the message and the last line."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    for line in reversed(lines):
        if line.startswith('{"error":'):
            return from_body(decode(line, dict[str, ErrorBody])["error"])
    return UnavailableError(message, found=lines[-1] if lines else "nothing in its log", suggestions=[f"read {log}"])
