"""How a provider is asked; where a cloud hosts its models, path, body, keys and answers differ from those of its dialect."""

from abc import ABC, abstractmethod
from typing import Protocol

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.dialects import ANTHROPIC_VERSION
from outrider.sidecar.proxy.messages import Field


class Outgoing(msgspec.Struct):
    """A POST request as it goes to a provider.

    Attributes:
        path: With its query.
        fields: Names in lower case, without host, length and keys.
        body: What is sent.
    """

    path: bytes
    fields: list[Field]
    body: bytes


class Reading(Protocol):
    """An answer on its way from a host to what its dialect looks like.

    Attributes:
        problem: Why it must not go on; empty as long as it may.
        fault: What tells a client of the problem, in its dialect; empty where only the connection can.
    """

    problem: str
    fault: bytes

    def feed(self, data: bytes) -> bytes:
        """Return what the next piece says in the dialect; what comes behind a problem says nothing."""
        ...

    def end(self) -> bytes:
        """Return what is left to say when the last piece has come, or set `problem`."""
        ...


def check_key(key: str, problem: str, *, remedies: tuple[str, ...] = ()) -> None:
    """Check that a key can stand in a header.

    Raises:
        InvalidConfigError: It cannot, which `problem` says.
    """
    if not key.isascii() or not key.isprintable() or not key:
        raise InvalidConfigError(
            problem, found=f"{len(key)} characters", expected="one line of printable ASCII", suggestions=remedies
        )


class Host(ABC):
    """How one provider is asked.

    Attributes:
        anthropic_version: Of Anthropic's dialect, for calls that are translated into it; an older one lets them say how tokens are
            chosen.
    """

    anthropic_version = ANTHROPIC_VERSION

    @abstractmethod
    def use_key(self, key: str) -> None:
        """Take a key from the next call on.

        Raises:
            InvalidConfigError: It is none of this host.
        """

    @abstractmethod
    def request(self, path: bytes, fields: list[Field], body: bytes, *, model: str) -> Outgoing:
        """Return what to send.

        Args:
            path: As a client of the dialect calls it, with its query.
            fields: Of the call.
            body: In the dialect.
            model: As the host names it.

        Raises:
            OutriderError: The host cannot be asked this.
        """

    @abstractmethod
    def fields_at_send(self, asked: Outgoing, authority: bytes, moment: float) -> list[Field]:
        """Return the fields with the key, or made with it.

        Args:
            asked: All else of the request, as it is sent.
            authority: What its Host field says.
            moment: Seconds since the epoch; a signature holds for some minutes.
        """

    def status(self, status: int, fields: list[Field]) -> int:
        """Return what an answer's status means to who decides about another try; nearly always what it says."""
        del fields
        return status

    def read(self, status: int, fields: list[Field]) -> Reading | None:
        """Return what reads the body of an answer, and change its fields to go with that; None where it passes as it is."""
        del status, fields
        return None
