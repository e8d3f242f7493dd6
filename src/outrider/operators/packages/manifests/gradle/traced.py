"""Texts that know where each part of them is written."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.builds import Place


class _Span(NamedTuple):
    start: int
    length: int
    path: Path
    at: int


class Traced(NamedTuple):
    """A text.

    Attributes:
        text: What it says.
        spans: Which parts of it stand where, as they are.
    """

    text: str
    spans: tuple[_Span, ...] = ()

    def part(self, start: int, end: int) -> "Traced":
        """Return a part.

        Args:
            start: Where it begins.
            end: Where it ends.
        """
        spans = [
            _Span(max(one.start, start) - start, min(one.start + one.length, end) - max(one.start, start), one.path,
                  one.at + max(start - one.start, 0))
            for one in self.spans if one.start < end and one.start + one.length > start
        ]  # fmt: skip
        return Traced(self.text[start:end], tuple(spans))

    def stripped(self) -> "Traced":
        """Return it without blanks around it."""
        start = len(self.text) - len(self.text.lstrip())
        return self.part(start, max(start, len(self.text.rstrip())))

    def split(self, sign: str, most: int = -1) -> list["Traced"]:
        """Return what is between signs.

        Args:
            sign: One.
            most: How many of them count; -1 for all.
        """
        found, at = [], 0
        for part in self.text.split(sign, most):
            found.append(self.part(at, at + len(part)))
            at += len(part) + len(sign)
        return found

    @property
    def place(self) -> Place | None:
        """Where it stands; None where it is put together, or not written as it reads."""
        if len(self.spans) != 1 or self.spans[0].length != len(self.text):
            return None
        span = self.spans[0]
        return Place(span.path, span.at, span.at + span.length)


def written(text: str, path: Path, at: int) -> Traced:
    """Return a text that stands somewhere as it reads.

    Args:
        text: It.
        path: Of the file.
        at: Where it begins there.
    """
    return Traced(text, (_Span(0, len(text), path, at),) if text else ())


def joined(parts: Iterable[Traced]) -> Traced:
    """Return texts as one.

    Args:
        parts: They.
    """
    texts: list[str] = []
    spans: list[_Span] = []
    length = 0
    for part in parts:
        for span in part.spans:
            spans.append(_merged(spans, span._replace(start=span.start + length)))
        texts.append(part.text)
        length += len(part.text)
    return Traced("".join(texts), tuple(spans))


def _merged(before: list[_Span], span: _Span) -> _Span:
    """Return a span, with the one before it where both are one piece of a file, and take that one away then."""
    if before:
        last = before[-1]
        if last.start + last.length == span.start and last.path == span.path and last.at + last.length == span.at:
            before.pop()
            return last._replace(length=last.length + span.length)
    return span
