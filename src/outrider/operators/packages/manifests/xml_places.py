"""Where the elements of an XML document stand in its text, so that one can be changed and all else left to the byte."""

from xml.parsers import expat

import msgspec

from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.lock import unreadable


class Element(msgspec.Struct):
    """Where an element is, in bytes.

    Attributes:
        name: As it is written.
        start: Where it begins.
        opened: Where its content begins.
        inner: Where its end tag begins; where it begins itself if it is one tag alone.
        end: Behind it.
        text: Within it, but for what its children have.
        children: In their order.
    """

    name: str
    start: int
    opened: int = -1
    inner: int = -1
    end: int = -1
    text: str = ""
    children: list["Element"] = []

    @property
    def is_one_tag(self) -> bool:
        """Whether it has no end tag."""
        return self.inner == self.start

    def child(self, name: str) -> "Element | None":
        """Return the last child of a name; None where there is none."""
        return next((one for one in reversed(self.children) if one.name == name), None)

    def said(self, name: str) -> str | None:
        """Return the text of a child, without what is blank around it; None where there is none."""
        child = self.child(name)
        return None if child is None else child.text.strip()

    def all(self, *path: str) -> list["Element"]:
        """Return the elements that a path leads to."""
        found = [self]
        for name in path:
            found = [child for one in found for child in one.children if child.name == name]
        return found


class _Finder:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._open: list[Element] = []
        self.root: Element | None = None
        # The text is UTF-8 by now, whatever it says of itself.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        # Comments and the like begin the content of an element too.
        self._parser.DefaultHandler = lambda _: self._opened()
        self._parser.Parse(content, True)

    def _opened(self) -> None:
        if self._open and self._open[-1].opened < 0:
            self._open[-1].opened = self._parser.CurrentByteIndex

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._opened()
        element = Element(name, self._parser.CurrentByteIndex)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _text(self, text: str) -> None:
        self._opened()
        self._open[-1].text += text

    def _end(self, _: str) -> None:
        self._opened()
        element, at = self._open.pop(), self._parser.CurrentByteIndex
        if self._content.startswith(b"</", at):
            element.inner, element.end = at, self._content.index(b">", at) + 1
        else:
            # Of an element that is one tag alone, the parser is behind that by now.
            element.inner, element.end = element.start, at


def read_places(form: str, text: str) -> Element:
    """Return the root of a document.

    Args:
        form: The name of the format, for errors.
        text: Of the document; places are those of its bytes in UTF-8.

    Raises:
        InvalidConfigError: It is no XML.
    """
    read_xml(form, text)
    try:
        root = _Finder(text.encode()).root
    except expat.ExpatError as error:
        raise unreadable(form, str(error), "XML") from error
    assert root is not None
    return root
