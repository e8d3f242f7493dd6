"""requirements.txt: a lock of pins, and a manifest where it has ranges; of it only the lines that change are written anew."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.requirements import read
from outrider.operators.packages.locks.writing.requirements import entry, hashes_of
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.targets import PypiTarget
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.DOTALL)
_OPTION = re.compile(r"\s--?[A-Za-z]")
_HEAD = re.compile(r"\s*+[A-Za-z0-9][A-Za-z0-9._-]*+\s*+(?:\[[^\]]*+\]\s*+)?")
_VERSION = re.compile(r"(?:\(\s*+)?={2,3}\s*+(?P<version>[^\s,;*()#\\]++)")
_MARK = "\ufeff"
_SPECIFIER = re.compile(r"[^;#\\\r\n]*?(?=\s*(?:[;\\\r\n]|\s#|\s--?[A-Za-z]|$))")
_HASH = re.compile(r"(?P<gap>[ \t\\\r\n]++)--hash(?:=|[ \t]++)\S++")
_NEXT = " \\\n    "
# An index that a file names is not asked here, and another one may have other packages of the same names.
_INDEXES = re.compile(r"\s*(?:-i|--index-url|--extra-index-url|-f|--find-links|--no-index)\b")
_CONSTRAINTS = re.compile(r"\s*(?:-c|--constraint)\b")


class Line(msgspec.Struct):
    """A logical line.

    Attributes:
        text: As it is written, with its line ends.
        need: What it asks for; None where that is nothing, or nothing that can be read.
        pin: The version that it pins; empty where it is no pin.
        counts: Whether its marker holds here.
    """

    text: str
    need: Need | None = None
    pin: str = ""
    counts: bool = False


class RequirementsProject(Project):
    """A file.

    Args:
        path: Of it.
        text: Of it.
        python: For which version of Python.

    Raises:
        InvalidConfigError: It is too large, or no text.
        UnsupportedError: It names an index.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str, python: str) -> None:
        # As pip does, a byte order mark is passed over; it stays.
        self._mark = _MARK if text.startswith(_MARK) else ""
        self._path, self._lines = path, _lines(text.removeprefix(_MARK), PypiTarget.of(python))
        self._folder = path.resolve().parent
        self.paths = [path]
        self.texts = {path: text}
        self.wishes = [_wish(at, one) for at, one in enumerate(self._lines) if one.counts]
        self.locked = {
            one.need.name: {one.pin} for one in self._lines if one.need is not None and one.pin and one.counts
        }
        self.warnings = [*_warnings(self._lines), *read(text).unreadable]

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder."""
        return msgspec.structs.replace(question, folder=self._folder)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.anyhow}{wider}")

    def direct(self, answer: Resolved) -> set[str]:
        """Return what nothing else needs: a file of pins does not say what is meant by itself."""
        return {one.name for one in answer.packages if not one.needed_by}

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the file as it would be; lines for other machines stay as they are."""
        chosen = {one.name: one for one in answer.packages}
        texts = [
            _repinned(one, chosen[one.need.name]) if one.counts and one.pin and one.need is not None else one.text
            for one in self._lines
        ]
        for one in widenings:
            at = int(one.before.where[0])
            texts[at] = _rewritten_range(self._lines[at], one.after.range)
        return {self._path: self._mark + _with_more("".join(texts), self._missing(answer, before))}

    def _missing(self, answer: Resolved, before: Resolved | None) -> list[list[str]]:
        """Return the lines for what is needed and not in the file, where such a file has to have all that is needed."""
        present = {one.need.name for one in self._lines if one.need is not None and one.counts}
        missing = [one for one in answer.packages if one.name not in present]
        if any(_HASH.search(one.text) for one in self._lines):
            return [list(entry(one)) for one in missing]
        if before is None or any(one.name not in present for one in before.packages):
            return []
        return [[f"{one.name}=={one.version}  # needed by {', '.join(one.needed_by)}"] for one in missing]


def _lines(text: str, target: PypiTarget) -> list[Line]:
    found = []
    for raw in _logical(text):
        if _INDEXES.match(raw):
            raise UnsupportedError(
                "requirements.txt: a file that names an index is not changed", path="path", found=raw.strip().partition(" ")[0],
                expected="an index in the settings of pip", suggestions=["set PIP_INDEX_URL, and take the line out"],
            )  # fmt: skip
        found.append(_line(raw, target))
    return found


def _logical(text: str) -> Iterator[str]:
    """Yield logical lines as they are written: a backslash joins, but for that of a comment."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        parts.append(line)
        if not line.rstrip("\r\n").endswith("\\") or line.lstrip().startswith("#"):
            yield "".join(parts)
            parts = []
    if parts:
        yield "".join(parts)


def _line(raw: str, target: PypiTarget) -> Line:
    plain = _COMMENT.sub("", raw).replace("\\\r\n", "").replace("\\\n", "").strip()
    if not plain or plain.startswith("-"):
        return Line(raw)
    option = _OPTION.search(plain)
    needs = read_need((plain[: option.start()] if option else plain).strip())
    if not needs or "@" in needs[0].range:
        return Line(raw)
    need = needs[0]
    head = _HEAD.match(raw)
    version = _VERSION.match(raw, head.end()) if head is not None else None
    pins = read(raw).packages
    pin = pins[0].version if pins and version is not None and version["version"] == pins[0].version else ""
    return Line(raw, need, pin, not need.marker or target.holds(need.marker, ""))


def _wish(at: int, line: Line) -> Wish:
    assert line.need is not None
    name = line.need.name + (f"[{','.join(line.need.extras)}]" if line.need.extras else "")
    if line.pin:
        return Wish(name=line.need.name, range="", where=(at,), text=name, firm=f"{name}=={line.pin}")
    wanted = line.need.range
    return Wish(name=line.need.name, range=wanted, where=(at,), text=f"{name}{wanted}", anyhow=name if wanted else "")


def _warnings(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if _CONSTRAINTS.match(line.text):
            yield f"{line.text.strip()} is not followed"
        if line.pin and not line.counts and line.need is not None:
            yield f"{line.need.name}=={line.pin} is for another machine or Python, and was left as it is"


def _repinned(line: Line, one: ResolvedPackage) -> str:
    """Return a line with another version, and its hashes where it had some; the same text where nothing changes."""
    if one.version == line.pin:
        return line.text
    head = _HEAD.match(line.text)
    assert head is not None
    version = _VERSION.match(line.text, head.end())
    assert version is not None
    start, end = version.span("version")
    text = f"{line.text[:start]}{one.version}{line.text[end:]}"
    comment = _COMMENT.search(text)
    spans = list(_HASH.finditer(text, 0, comment.start() if comment is not None else len(text)))
    if not spans:
        return text
    gap, hashes = spans[1]["gap"] if len(spans) > 1 else _NEXT, hashes_of(one)
    written = f"{spans[0]['gap']}--hash={hashes[0]}" + "".join(f"{gap}--hash={each}" for each in hashes[1:])
    return f"{text[: spans[0].start()]}{written}{text[spans[-1].end() :]}"


def _rewritten_range(line: Line, wanted: str) -> str:
    head = _HEAD.match(line.text)
    assert head is not None
    found = _SPECIFIER.match(line.text, head.end())
    assert found is not None
    return f"{line.text[: found.start()]}{wanted}{line.text[found.end() :]}"


def _with_more(text: str, blocks: Sequence[Sequence[str]]) -> str:
    if not blocks:
        return text
    end = "" if not text or text.endswith("\n") else "\n"
    added = "".join(f"{line}\n" for block in blocks for line in block)
    return f"{text}{end}{added}"
