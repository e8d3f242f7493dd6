"""The Markdown files of the repository, taken apart."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("docs", "plugins", "examples", "src")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)


class Block(msgspec.Struct, frozen=True):
    """A fenced block; `number` counts from 1 within its file."""

    file: Path
    number: int
    info: str
    body: str

    @property
    def name(self) -> str:
        """What a test's id shows."""
        return f"{self.file.relative_to(ROOT)}#{self.number}"


def files() -> list[Path]:
    """Return every Markdown file."""
    found = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*.md") if ".outrider" not in path.parts]
    return sorted([*ROOT.glob("*.md"), *found])


def blocks(file: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a file, without their indentation."""
    for number, match in enumerate(_FENCE.finditer(file.read_text(encoding="utf-8")), 1):
        indent = len(match["indent"])
        body = "".join(line[indent:] if line.strip() else line for line in match["body"].splitlines(keepends=True))
        yield Block(file, number, match["info"].strip(), body)


def links(file: Path) -> list[str]:
    """Return the targets of all links outside fenced blocks."""
    return _LINK.findall(_FENCE.sub("", file.read_text(encoding="utf-8")))


def fragments(file: Path) -> set[str]:
    """Return the fragments under which the headings of a file are linked, as GitHub makes them."""
    text = _FENCE.sub("", file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}
