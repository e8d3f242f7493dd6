"""The one error that a message from outside can cause."""

from typing import Literal

from outrider.core.errors import InvalidConfigError

Status = Literal[400, 408, 413, 414, 417, 431, 501, 503, 505]


class ProtocolError(InvalidConfigError):
    """The bytes are no message that we accept; nothing after them on the same connection can be trusted.

    Args:
        status: Status that a server answers with before it closes the connection.
        message: What is wrong, without the content that was received.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
