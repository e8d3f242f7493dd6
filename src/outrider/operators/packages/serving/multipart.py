"""Forms as publishing clients send them: multipart/form-data, RFC 7578."""

import io
from typing import NamedTuple

from multipart import MultipartError, MultipartParser, parse_options_header

from outrider.core.errors import InvalidConfigError

_MOST_PARTS = 200


class FormPart(NamedTuple):
    """One field of a form.

    Attributes:
        file: Name of the file that it is; None where it is none.
        content: Its bytes.
    """

    file: str | None
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace").strip()


def read_form(
    content_type: str | None, body: bytes, remedy: str = "publish with twine or uv"
) -> dict[str, list[FormPart]]:
    """Return the fields of a form by name, each in the order of the form.

    Args:
        content_type: Of the request.
        body: Of the request.
        remedy: What to do where it is none.

    Raises:
        InvalidConfigError: It is no form.
    """
    media, options = parse_options_header(content_type or "")
    boundary = options.get("boundary", "")
    if media != "multipart/form-data" or not boundary:
        raise _no_form(f"content-type {content_type or 'none'}", remedy)
    size = len(body) + 1
    found: dict[str, list[FormPart]] = {}
    try:
        parser = MultipartParser(
            io.BytesIO(body), boundary, part_limit=_MOST_PARTS, spool_limit=size, memory_limit=size, disk_limit=0
        )  # fmt: skip
        for part in parser:
            found.setdefault(part.name, []).append(FormPart(part.filename, part.raw))
    except (MultipartError, UnicodeDecodeError, LookupError) as error:
        raise _no_form(str(error), remedy) from error
    return found


def _no_form(found: str, remedy: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the body is no form: {found}", path="body", found=found[:200], expected="multipart/form-data",
        suggestions=[remedy],
    )  # fmt: skip
