"""The file os-release: https://www.freedesktop.org/software/systemd/man/latest/os-release.html."""

import re

from outrider.operators.packages.distributions.releases import Release, release_of

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_ESCAPED = re.compile(r"\\(.)")
_LONGEST = 200


def read_os_release(content: bytes) -> Release:
    """Return the release that a file names. What is wrong in it is passed over: then it names none that is known."""
    fields: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        if (match := _LINE.fullmatch(line.strip())) is not None:
            fields[match[1]] = _value(match[2])[:_LONGEST]
    return release_of(fields.get("ID", "linux"), fields.get("VERSION_ID", ""))


def _value(text: str) -> str:
    quote = text[:1]
    if quote in ("'", '"') and len(text) > 1 and text.endswith(quote):
        inner = text[1:-1]
        return inner if quote == "'" else _ESCAPED.sub(r"\1", inner)
    return text
