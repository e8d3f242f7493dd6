"""Changes the text of an attribute or an element of a project, and nothing else of the file."""

import re
from xml.sax.saxutils import escape, quoteattr

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.msbuild.items import Place
from outrider.operators.packages.manifests.xml_places import Element, read_places

# One after another, so that what stands within the text of one is not taken for another.
_ATTRIBUTE = re.compile(r"\s([^\s=<>\"']+)\s*=\s*(\"[^\"]*\"|'[^']*')")


def edited(text: str, place: Place, field: str, before: str, after: str) -> str:
    """Return a file with another text at a place.

    Args:
        text: Of the file.
        place: Of an element that has it as an attribute, or is it.
        field: The name of the attribute, or of the element.
        before: What is said there.
        after: What is to be said.

    Raises:
        UnsupportedError: It is written in another way than as a plain text, such as by a property.
    """
    content = text.encode()
    element = _at(read_places(place.file.name, text), place)
    if element.name.lower() == field.lower():
        start, end, wanted = element.opened, element.inner, escape(after)
        inner = content[start:end].decode()
        start, end = start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))
    else:
        start, end = _attribute(content, element, field, str(place.file))
        wanted = quoteattr(after)[1:-1]
    if content[start:end].decode() != escape(before):
        raise UnsupportedError(
            f"{place.file}: {field} is not written as {before} itself", path=field, found=content[start:end].decode()[:200], expected=before,
            suggestions=[f"make it {after} where it is said, and lock again"],
        )  # fmt: skip
    return (content[:start] + wanted.encode() + content[end:]).decode()


def _at(root: Element, place: Place) -> Element:
    for step in place.steps:
        root = root.children[step]
    return root


def _attribute(content: bytes, element: Element, field: str, file: str) -> tuple[int, int]:
    """Return where the value of an attribute of an element stands."""
    end = element.opened if element.opened >= 0 else element.end
    tag = content[element.start : end].decode()
    match = next((one for one in _ATTRIBUTE.finditer(tag) if one[1].lower() == field.lower()), None)
    if match is None:
        raise UnsupportedError(
            f"{file}: {field} is not found where it is said", path=field, found=tag[:200], expected=f'{field}="…"',
            suggestions=["change it there, and lock again"],
        )  # fmt: skip
    start = element.start + len(tag[: match.start(2)].encode()) + 1
    return start, start + len(match[2].encode()) - 2
