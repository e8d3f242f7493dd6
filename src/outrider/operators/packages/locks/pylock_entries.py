"""The entries of a pylock.toml as they are written, so that those that stay can stay to the letter."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.pylock import FORM
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.targets import PypiTarget

_ENTRY = re.compile(r"[ \t]*\[\[[ \t]*packages[ \t]*\]\]")
_TABLE = re.compile(r"[ \t]*\[")
_OF_ENTRY = re.compile(r"[ \t]*\[\[?[ \t]*packages[ \t]*\.")
_ELSEWHERE = ("vcs", "directory", "archive")
# The minor versions of Python 3 that wheels may be for.
_MINORS = range(6, 31)
_MOST_PATCHES = 30


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a file.

    Attributes:
        text: As it is written, with the lines that follow it up to the next one.
        said: What that says.
        name: Normalised.
        counts: Whether it is needed here, in a version of an index.
    """

    text: str
    said: Mapping[str, Any]
    name: str
    counts: bool

    @property
    def version(self) -> str:
        """Its version; empty where it has none."""
        return str(self.said.get("version") or "")

    @property
    def marker(self) -> str:
        """Of the machines that it is for; empty for all that the file is for."""
        return str(self.said.get("marker") or "")

    @property
    def index(self) -> str:
        """The address of its index; empty where that is not told."""
        return str(self.said.get("index") or "")


class PylockText(msgspec.Struct, frozen=True, kw_only=True):
    """A file.

    Attributes:
        head: What stands before its first package.
        entries: Its packages.
        tail: What stands behind the last one.
        target: The Python that is looked at, of this machine.
    """

    head: str
    entries: Sequence[Entry]
    tail: str
    target: PypiTarget


def read_entries(text: str, python: str) -> PylockText:
    """Return the parts of a file.

    Args:
        text: Of it.
        python: For which version of Python; that which runs this, or else the first one that the file is for, if none is given.

    Raises:
        InvalidConfigError: It is no pylock.toml.
        UnsupportedError: It is for other machines or Pythons, or written in a way that is not changed here.
    """
    document = read_toml(FORM, text)
    target = _target(document, python)
    head, blocks, tail = _parts(text)
    packages = document.get("packages", [])
    if [_read(block) for block in blocks] != packages:
        raise UnsupportedError(
            f"{FORM}: packages is written in a way that is not changed here", path="packages", found="other tables between them",
            expected="a [[packages]] for each", suggestions=["have its own tool write it anew"],
        )  # fmt: skip
    entries = [_entry(block, said, document, target) for block, said in zip(blocks, packages, strict=True)]
    return PylockText(head=head, entries=entries, tail=tail, target=target)


def _parts(text: str) -> tuple[str, list[str], str]:
    head: list[str] = []
    blocks: list[list[str]] = []
    tail: list[str] = []
    here = head
    for line in text.splitlines(keepends=True):
        if _ENTRY.match(line):
            here = []
            blocks.append(here)
        elif blocks and _TABLE.match(line) and not _OF_ENTRY.match(line) and _is_whole("".join(here)):
            here = tail
        here.append(line)
    return "".join(head), ["".join(block) for block in blocks], "".join(tail)


def _is_whole(block: str) -> bool:
    """Return whether nothing of a block is missing: a bracket within an array begins no table."""
    try:
        read_toml(FORM, block)
    except InvalidConfigError:
        return False
    return True


def _read(block: str) -> Any:
    try:
        found = read_toml(FORM, block)
    except InvalidConfigError:
        return None
    return found["packages"][0] if list(found) == ["packages"] else None


def _entry(block: str, said: Any, document: Mapping[str, Any], target: PypiTarget) -> Entry:
    name = said.get("name")
    if not isinstance(name, str) or not name:
        raise _malformed("packages.name", name, "the name of a package")
    is_of_index = isinstance(said.get("version"), str) and not any(said.get(key) for key in _ELSEWHERE)
    counts = is_of_index and _holds(said.get("marker", ""), f"packages.{name}.marker", document, target)
    return Entry(text=block, said=said, name=normalised(name), counts=counts)


def _target(document: Mapping[str, Any], python: str) -> PypiTarget:
    named = document.get("requires-python", "")
    environments = document.get("environments", [])
    if not isinstance(environments, list):
        raise _malformed("environments", environments, "a list of markers")
    try:
        pythons = SpecifierSet(named)
    except (InvalidSpecifier, TypeError) as error:
        raise _malformed("requires-python", named, "a range of versions of Python") from error
    named_pythons = [python] if python else ["", *(f"3.{minor}" for minor in _MINORS)]
    for one in (each for name in named_pythons for each in _patches(name)):
        target = PypiTarget.of(one)
        here = any(_holds(each, "environments", document, target) for each in environments) or not environments
        if here and pythons.contains(target.full_version, prereleases=True):
            return target
    wanted = " or ".join([*map(str, environments), *([f"Python {named}"] if named else [])])
    raise UnsupportedError(
        f"{FORM}: it is for other machines or Pythons", path="environments" if environments else "requires-python", found=wanted[:200],
        expected=f"Python {python} on this machine" if python else "this machine",
        suggestions=["fix it on such a machine", "name another Python: --python 3.12"],
    )  # fmt: skip


def _patches(python: str) -> Iterator[str]:
    """Yield a version of Python; of a minor one its releases too, for not all may be meant."""
    yield python
    if python.count(".") == 1:
        yield from (f"{python}.{patch}" for patch in range(1, _MOST_PATCHES))


def _holds(marker: Any, where: str, document: Mapping[str, Any], target: PypiTarget) -> bool:
    """Return whether a marker is true here, with all extras and groups that the file has."""
    if marker == "":
        return True
    sets = {"extras": _texts(document, "extras"), "dependency_groups": _texts(document, "dependency-groups")}
    try:
        return bool(Marker(marker).evaluate({**target.markers, **sets}, context="lock_file"))
    except (
        InvalidMarker,
        UndefinedComparison,
        UndefinedEnvironmentName,
        RecursionError,
        TypeError,
        AttributeError,
    ) as error:
        raise _malformed(where, marker, "a marker such as sys_platform == 'linux'") from error


def _texts(document: Mapping[str, Any], key: str) -> frozenset[str]:
    found = document.get(key, [])
    if not isinstance(found, list):
        raise _malformed(key, found, "a list of names")
    return frozenset(normalised(one) for one in found if isinstance(one, str))


def _malformed(path: str, found: Any, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{FORM}: {path} cannot be read", path=path, found=str(found)[:80], expected=expected, suggestions=["correct it"]
    )  # fmt: skip


def changed_text(before: PylockText, texts: Mapping[int, Sequence[str]], added: Mapping[str, Sequence[str]]) -> str:
    """Return a file with other packages.

    Args:
        before: The file.
        texts: By the number of an entry, the lines that are to be in its place; none where it goes.
        added: By name, lines of new packages.
    """
    found = [
        (one.name, _in_place(one.text, texts[at]) if at in texts else one.text) for at, one in enumerate(before.entries)
    ]
    end = "\r\n" if "\r\n" in before.head else "\n"
    for name, lines in sorted(added.items()):
        # Where the packages are sorted, a new one stands in its place.
        at = next((at for at, (other, _) in enumerate(found) if other > name), len(found))
        last, text = found[at - 1] if at else ("", "")
        if at and at == len(found):
            found[at - 1] = (last, text.rstrip() + end * 2)
        found.insert(at, (name, end.join([*lines, "", ""] if at < len(found) else [*lines, ""])))
    return before.head + "".join(text for _, text in found) + before.tail


def _in_place(text: str, lines: Sequence[str]) -> str:
    """Return lines with the same ends as a text."""
    end = "\r\n" if "\r\n" in text else "\n"
    return end.join(lines) + text[len(text.rstrip()) :] if lines else ""
