"""The profile of a pom.xml that says which versions are locked: found, taken out and put in, and all else left to the byte.

It is active of itself, so that Maven obeys it without any other setting: https://maven.apache.org/pom.html#Profiles. It has to be the last
one, since of two profiles that are active the later one counts.
"""

import re

from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.manifests.xml_places import Element, read_places

FORM = "pom.xml"
LOCK_PROFILE = "outrider-lock"
# A profile is off where this property is set.
UNLOCKED = "outrider.unlocked"
_BLANK = b" \t\r\n"
_LINE = re.compile(rb"\r?\n([ \t]*)$")
_REST_OF_LINE = re.compile(rb"[ \t]*(?:<!--[^\r\n]*?-->[ \t]*)?(?=\r?\n)")
_MANAGEMENT = "<dependencyManagement>"
_USUAL_STEP = "  "
Line = tuple[int, str]


def without_lock(text: str) -> str:
    """Return a pom.xml without the profile of a lock.

    Raises:
        InvalidConfigError: It is none.
    """
    content = text.encode()
    while (lock := _lock(project_places(text))) is not None:
        content = content[: lock.start].rstrip(_BLANK) + content[lock.end :]
        text = content.decode()
    return text


def has_lock(text: str) -> bool:
    """Return whether a pom.xml has the profile of a lock.

    Raises:
        InvalidConfigError: It is none.
    """
    return _lock(project_places(text)) is not None


def with_lock(text: str, lines: list[Line]) -> str:
    """Return a pom.xml with the profile of a lock behind all other profiles.

    Args:
        text: Without one.
        lines: Of the profile, each with how deep it stands in it.

    Raises:
        InvalidConfigError: It is no pom.xml.
    """
    return with_lines(text, ("profiles",), lines)


def with_lines(text: str, path: tuple[str, ...], lines: list[Line]) -> str:
    """Return a pom.xml with lines at the end of an element, which is made where it is missing.

    Args:
        text: Of the file.
        path: What leads from the project to the element.
        lines: Each with how deep it stands in the element.

    Raises:
        InvalidConfigError: It is no pom.xml.
    """
    content, element = text.encode(), project_places(text)
    step = _step(content, element)
    for depth, name in enumerate(path):
        child = element.child(name)
        if child is None or child.is_one_tag:
            return _made(content, (element, child), _nested(path[depth:], lines), (depth, step))
        element = child
    return _inserted(content, element.inner, (lines, len(path) + 1, step))


def _made(
    content: bytes, within: tuple[Element, Element | None], lines: list[Line], indentation: tuple[int, str]
) -> str:
    """Return a text with an element that was missing, or was one tag alone."""
    element, child = within
    depth, step = indentation
    if child is not None:
        opened = content[: child.start] + f"<{child.name}>".encode()
        whole = opened + f"</{child.name}>".encode() + content[child.end :]
        return _inserted(whole, len(opened), (_shallower(lines), depth + 2, step))
    place = _usual_place(content, element, lines[0][1])
    if place is None:
        return _inserted(content, element.inner, (lines, depth + 1, step))
    made = [_newline(content) + (step * (depth + 1 + deeper) + line).encode() for deeper, line in lines]
    return (content[:place] + b"".join(made) + content[place:]).decode()


def _usual_place(content: bytes, element: Element, tag: str) -> int | None:
    """Return where people look for what is managed: before the dependencies, behind the line of what stands there; None for the end."""
    names = [one.name for one in element.children]
    if tag != _MANAGEMENT or "dependencies" not in names or names.index("dependencies") == 0:
        return None
    before = element.children[names.index("dependencies") - 1].end
    rest = _REST_OF_LINE.match(content, before)
    return before if rest is None else rest.end()


def _nested(path: tuple[str, ...], lines: list[Line]) -> list[Line]:
    if not path:
        return lines
    within = [(depth + 1, line) for depth, line in _nested(path[1:], lines)]
    return [(0, f"<{path[0]}>"), *within, (0, f"</{path[0]}>")]


def _shallower(lines: list[Line]) -> list[Line]:
    return [(depth - 1, line) for depth, line in lines[1:-1]]


def project_places(text: str) -> Element:
    """Return where the elements of a pom.xml stand.

    Raises:
        InvalidConfigError: It is none.
    """
    root = read_places(FORM, text)
    if root.name != "project" or root.is_one_tag:
        raise unreadable(FORM, f"<{root.name}> at the top", "<project> at the top, with no prefix before it")
    return root


def _lock(project: Element) -> Element | None:
    profiles = project.all("profiles", "profile")
    return next((one for one in reversed(profiles) if one.said("id") == LOCK_PROFILE), None)


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


def _step(content: bytes, project: Element) -> str:
    """Return by how much the file indents."""
    match = _LINE.search(content[: project.children[0].start]) if project.children else None
    return match[1].decode() if match is not None and match[1] else _USUAL_STEP
