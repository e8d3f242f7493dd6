"""Pieces of Markdown that all pages use."""

from collections.abc import Iterable, Iterator, Sequence


def cell(text: object) -> str:
    """Return a text that does not break a table."""
    return " ".join(str(text).split()).replace("|", "\\|") or "-"


def code(text: str) -> str:
    """Return a text as code inside a table."""
    return f"`{' '.join(text.split()).replace('|', chr(92) + '|')}`"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one after it."""
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(cell(value) for value in row)} |"
    yield ""


def fenced(text: str, language: str = "") -> Iterator[str]:
    """Yield a block of code, and an empty line after it."""
    yield f"```{language}"
    yield text.rstrip()
    yield "```"
    yield ""


def anchor(heading: str) -> str:
    """Return the fragment under which a heading is linked, as GitHub makes it."""
    kept = "".join(character for character in heading.lower() if character.isalnum() or character in " -_")
    return "#" + kept.replace(" ", "-")


def sentence(text: str) -> str:
    """Return a summary as a sentence."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
