"""One requirement of a pyproject.toml, as it is written and as uv.lock writes it: https://peps.python.org/pep-0508/."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from packaging.version import InvalidVersion, Version

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import Tree, order_of

FORM = "pyproject.toml"
_OPERATOR = re.compile(r"(===|[<>=!~]=|[<>])\s*(.+)")
_EXTRAS = re.compile(r"[^\[;<>=!~(]*\[([^\]]*)\]")
Where = tuple[str | int, ...]


class PyRequirement(msgspec.Struct, kw_only=True, frozen=True):
    """A requirement.

    Attributes:
        where: Keys and numbers that lead to it in the file.
        need: What it asks for.
        extras: That are asked of it, in the order in which they are written.
        clauses: Of its specifier, likewise.
        extra: Of the project; empty for what it needs anyway.
        url: The address that it has in place of a range; empty where it has none.
        source: Where else than in the usual indexes it comes from, as uv.lock writes it, such as `editable = "packages/core"`.
        index: The address of the index that alone is asked for it, as it is written; empty where none is.
        place: Where it lies, or whence it is fetched, as its source says it; empty of a member of a workspace, and of what comes from an index.
        part: The marker of the machines on which it comes from there; empty for all.
    """

    where: Where
    need: Need
    extras: tuple[str, ...]
    clauses: tuple[str, ...]
    extra: str = ""
    url: str = ""
    source: str = ""
    index: str = ""
    place: str = ""
    part: str = ""

    @property
    def told(self) -> Need:
        """What it asks for on the machines that it is about, as core metadata of the project have it."""
        return self.need.on(self.part).with_extra(self.extra)

    @property
    def order(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        return self.need.name, self.extras, order_of(self._where), bool(self.place), _sorted(self.clauses)

    def entry(self) -> str:
        """Return it as uv.lock writes it."""
        fields = [f"name = {toml_text(self.need.name)}"]
        if self.extras:
            fields.append(f"extras = [{', '.join(map(toml_text, self.extras))}]")
        if marker := marker_text(self._where):
            fields.append(f"marker = {toml_text(marker)}")
        if self.clauses:
            fields.append(f"specifier = {toml_text(','.join(_sorted(self.clauses)))}")
        return f"{{ {', '.join([*fields, *([self.source] if self.source else [])])} }}"

    @property
    def _where(self) -> Tree:
        return marker_tree(self.told.marker)


def read_requirements(listed: Any, where: Where, extra: str = "", *, form: str = FORM) -> Iterator[PyRequirement]:
    """Yield the requirements of a list.

    Args:
        listed: What stands there.
        where: Keys that lead to it.
        extra: Of the project, that they are of.
        form: What the file is called in errors.

    Raises:
        InvalidConfigError: It is no list of requirements.
    """
    if not isinstance(listed, list):
        raise malformed(where, listed, "a list of requirements", form=form)
    for number, text in enumerate(listed):
        yield read_requirement(text, (*where, number), extra, form=form)


def read_requirement(text: Any, where: Where, extra: str = "", *, form: str = FORM) -> PyRequirement:
    """Return a requirement; arguments and errors are those of `read_requirements`."""
    needs = read_need(text) if isinstance(text, str) else []
    if not needs:
        raise malformed(where, text, "a requirement such as NAME>=1.2", form=form)
    need, url = needs[0], ""
    if "@" in need.range:
        url = need.range.removeprefix(" @ ")
        need = msgspec.structs.replace(need, range="")
    return PyRequirement(
        where=where, need=need, extras=_extras(text), clauses=_clauses(text, need), extra=extra, url=url
    )


def shown(where: Iterable[str | int]) -> str:
    """Return keys and numbers as people write them."""
    return ".".join(map(str, where))


def malformed(where: Iterable[str | int], found: Any, expected: str, *, form: str = FORM) -> InvalidConfigError:
    """Return the error for what cannot be read.

    Args:
        where: Keys and numbers that lead to it.
        found: What stands there.
        expected: In words.
        form: What the file is called.
    """
    return InvalidConfigError(
        f"{form}: {shown(where)} cannot be read", path=shown(where), found=str(found)[:80], expected=expected, suggestions=["correct it"]
    )  # fmt: skip


def _extras(text: str) -> tuple[str, ...]:
    """Return the extras of a requirement in the order in which they are written."""
    match = _EXTRAS.match(text)
    return tuple(dict.fromkeys(normalised(one.strip()) for one in match[1].split(",") if one.strip())) if match else ()


def _clauses(text: str, need: Need) -> tuple[str, ...]:
    """Return the clauses of a requirement likewise."""
    head = _EXTRAS.sub("", text.partition(";")[0])
    first = _OPERATOR.search(head)
    if not need.range or first is None:
        return ()
    return tuple(re.sub(r"\s", "", one) for one in head[first.start() :].strip().rstrip(")").split(",") if one.strip())


def _sorted(clauses: Sequence[str]) -> list[str]:
    """Return clauses sorted by their versions, as uv does."""
    return sorted(clauses, key=_clause_version)


def _clause_version(clause: str) -> Version:
    match = _OPERATOR.fullmatch(clause)
    assert match is not None
    try:
        return Version(match[2].removesuffix(".*"))
    except InvalidVersion:
        return Version("0")
