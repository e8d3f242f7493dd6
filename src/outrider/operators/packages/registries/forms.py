"""Forms with a file, as publishing clients send them: multipart/form-data, RFC 7578."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple


class Form(NamedTuple):
    """A form.

    Attributes:
        content_type: Of the request.
        body: Of the request.
    """

    content_type: str
    body: bytes


def form_with_file(fields: Iterable[tuple[str, str]], field: str, file: str, content: bytes) -> Form:
    """Return a form.

    Args:
        fields: Names and texts, in order.
        field: The name of the field with the file.
        file: How the file is called, without quotation marks.
        content: Of the file.
    """
    fields = list(fields)
    # Nothing in it can have this line: the whole would have to contain its own hash.
    digest = hashlib.sha256(content)
    for name, text in fields:
        digest.update(f"{name}\n{text}\n".encode())
    boundary = f"outrider-{digest.hexdigest()}"
    parts: list[bytes] = []
    for name, text in fields:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode())
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{file}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
    )
    body = b"".join([*parts, content, f"\r\n--{boundary}--\r\n".encode()])
    return Form(f"multipart/form-data; boundary={boundary}", body)
