"""Calls that are forms with files in them (multipart/form-data, RFC 7578): of these too the model is read and replaced."""

import re
from collections.abc import Callable, Iterator

import msgspec

from outrider.core.errors import InvalidConfigError

_BOUNDARY = re.compile(rb'multipart/form-data\s*;(?:.*;)?\s*boundary=("?)([^";,\s]{1,70})\1', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:[ \t]*form-data;(?:[^\r\n]*;)?[ \t]*name="([^"\r\n]*)"', re.IGNORECASE | re.MULTILINE
)
_NAMES = re.compile(rb"[;\s]name\*?[ \t]*=", re.IGNORECASE)
_FILE = re.compile(rb";[ \t]*filename\*?=", re.IGNORECASE)
_LINE = b"\r\n"
MOST_PARTS = 200


class _Part(msgspec.Struct):
    """A field; its head and its content as they came."""

    head: bytes
    name: bytes
    content: bytes
    is_file: bool


class Form:
    """A call, as far as it is read; attributes are those of Call.

    Args:
        body: The form.
        content_type: Of it.

    Raises:
        InvalidConfigError: It is no form, or one whose model could be read in two ways.
    """

    most_tokens: int | None = None
    wants_usage = False

    def __init__(self, body: bytes, content_type: bytes) -> None:
        found = _BOUNDARY.match(content_type)
        if found is None:
            raise _wrong(
                "the body is no form", content_type[:100].decode("latin-1"), "multipart/form-data with a boundary"
            )
        self._boundary = b"--" + found[2]
        self._parts = list(_parts(body, self._boundary))
        self.model = self._field(b"model")
        self.stream = self._field(b"stream").lower() == "true"
        wanted = self._field(b"n")
        self.answers = (
            int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 and int(wanted) > 0 else 1
        )

    @property
    def said(self) -> int:
        """Bytes of its texts."""
        return sum(len(part.content) for part in self._parts if not part.is_file)

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Put other texts in the place of its texts; files stay."""
        for part in self._parts:
            if not part.is_file and part.name != b"model":
                part.content = change(part.content.decode("utf-8", "replace")).encode()

    def body(self, model: str, *, usage: bool) -> bytes:
        """Return the form for a provider; arguments are those of Call."""
        del usage
        made = bytearray()
        for part in self._parts:
            content = model.encode() if part.name == b"model" else part.content
            made += self._boundary + _LINE + part.head + _LINE + _LINE + content + _LINE
        return bytes(made + self._boundary + b"--" + _LINE)

    def _field(self, name: bytes) -> str:
        """Return a text; empty where there is none."""
        found = [part for part in self._parts if part.name.lower() == name]
        if len(found) > 1 or any(part.is_file or part.name != name for part in found):
            raise _wrong(
                f"the field '{name.decode()}' could be read in two ways",
                f"{len(found)} fields",
                "one text of that name",
            )
        return found[0].content.decode("utf-8", "replace") if found else ""


def _parts(body: bytes, boundary: bytes) -> Iterator[_Part]:
    first, *parts = (_LINE + body).split(_LINE + boundary)
    if first or not parts or parts[-1].strip() != b"--" or len(parts) > MOST_PARTS:
        raise _wrong(
            "the form does not begin and end as it says",
            f"{len(parts)} boundaries",
            f"at most {MOST_PARTS} parts, and an end",
        )
    for part in parts[:-1]:
        head, blank, content = part.removeprefix(_LINE).partition(_LINE + _LINE)
        names = _NAME.findall(head)
        if not part.startswith(_LINE) or not blank or len(names) != 1 or len(_NAMES.findall(head)) != 1:
            raise _wrong(
                "a part of the form has no name",
                head[:100].decode("latin-1"),
                'content-disposition: form-data; name="..."',
            )
        yield _Part(head, names[0], content, _FILE.search(head) is not None)


def _wrong(message: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        message, found=found, expected=expected, suggestions=["send it as the provider's SDK does"]
    )
