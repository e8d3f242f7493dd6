"""The profile of a pom.xml that says which versions are locked: found, taken out and put in, and all else left to the byte.

It is active of itself, so that Maven obeys it without any other setting: https://maven.apache.org/pom.html#Profiles. It has to be the last
one, since of two profiles that are active the later one counts.
"""

import re
from typing import NamedTuple
from xml.parsers import expat

from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.lock import unreadable

FORM = "pom.xml"
LOCK_PROFILE = "outrider-lock"
# A profile is off where this property is set.
UNLOCKED = "outrider.unlocked"
_BLANK = b" \t\r\n"
_LINE = re.compile(rb"\r?\n([ \t]*)$")
_USUAL_STEP = "  "
Line = tuple[int, str]


class _Element(NamedTuple):
    """Where an element is, in bytes; `inner` is where its end tag begins, and where it begins itself if it has none."""

    start: int
    inner: int
    end: int


class _Places:
    """Finds elements.

    Attributes:
        project: The root.
        first: Where its first child begins; -1 where it has none.
        profiles: Those of the project; None where there are none.
        lock: The profile of the lock; likewise.
    """

    def __init__(self, content: bytes) -> None:
        self.project: _Element | None = None
        self.profiles: _Element | None = None
        self.lock: _Element | None = None
        self.first = -1
        self._content = content
        self._open: list[tuple[str, int]] = []
        self._id: list[str] = []
        # The text is UTF-8 by now, whatever it says of itself.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.Parse(content, True)

    @property
    def _path(self) -> str:
        return "/".join(name for name, _ in self._open)

    def _start(self, name: str, _: dict[str, str]) -> None:
        position = self._parser.CurrentByteIndex
        if len(self._open) == 1 and self.first < 0:
            self.first = position
        self._open.append((name, position))
        if self._path == "project/profiles/profile":
            self._id.clear()

    def _text(self, text: str) -> None:
        if self._path == "project/profiles/profile/id":
            self._id.append(text)

    def _end(self, _: str) -> None:
        path, (_, start) = self._path, self._open.pop()
        if path not in ("project", "project/profiles", "project/profiles/profile"):
            return
        inner = self._parser.CurrentByteIndex
        has_end_tag = self._content.startswith(b"</", inner)
        # Of an element that is one tag alone, the parser is behind that by now.
        found = (
            _Element(start, inner, self._content.index(b">", inner) + 1)
            if has_end_tag
            else _Element(start, start, inner)
        )
        if path == "project":
            self.project = found
        elif path == "project/profiles":
            self.profiles = found
        elif "".join(self._id).strip() == LOCK_PROFILE:
            self.lock = found


def without_lock(text: str) -> str:
    """Return a pom.xml without the profile of a lock.

    Raises:
        InvalidConfigError: It is none.
    """
    content = text.encode()
    while (lock := _places(text, content)[0].lock) is not None:
        content = content[: lock.start].rstrip(_BLANK) + content[lock.end :]
        text = content.decode()
    return text


def with_lock(text: str, lines: list[Line]) -> str:
    """Return a pom.xml with the profile of a lock behind all other profiles.

    Args:
        text: Without one.
        lines: Of the profile, each with how deep it stands in it.

    Raises:
        InvalidConfigError: It is no pom.xml.
    """
    content = text.encode()
    places, project = _places(text, content)
    step = _step(content, places.first)
    if places.profiles is None:
        whole = [(0, "<profiles>"), *((depth + 1, line) for depth, line in lines), (0, "</profiles>")]
        return _inserted(content, project.inner, (whole, 1, step))
    if places.profiles.inner == places.profiles.start:
        opened = content[: places.profiles.start] + b"<profiles>"
        return _inserted(opened + b"</profiles>" + content[places.profiles.end :], len(opened), (lines, 2, step))
    return _inserted(content, places.profiles.inner, (lines, 2, step))


def _places(text: str, content: bytes) -> tuple[_Places, _Element]:
    root = read_xml(FORM, text)
    try:
        places = _Places(content)
    except expat.ExpatError as error:
        raise unreadable(FORM, str(error), "XML") from error
    if places.project is None or places.project.inner == places.project.start:
        raise unreadable(FORM, f"<{root.tag}> at the top", "<project> at the top, with no prefix before it")
    return places, places.project


def _inserted(content: bytes, place: int, block: tuple[list[Line], int, str]) -> str:
    """Return a text with lines before an end tag, which stays on the line and as far from its beginning as it was."""
    lines, depth, step = block
    newline = _newline(content)
    head = content[:place].rstrip(_BLANK)
    blank = content[len(head) : place]
    if b"\n" not in blank:
        blank = newline + step.encode() * (depth - 1)
    made = [newline + (step * (depth + deeper) + line).encode() for deeper, line in lines]
    return (head + b"".join(made) + blank + content[place:]).decode()


def _newline(content: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in content else b"\n"


def _step(content: bytes, first: int) -> str:
    """Return by how much the file indents."""
    match = _LINE.search(content[: max(first, 0)])
    return match[1].decode() if match is not None and match[1] else _USUAL_STEP
