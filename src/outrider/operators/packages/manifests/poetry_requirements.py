"""What a pyproject.toml asks Poetry for, and where it says so: https://python-poetry.org/docs/pyproject/.

In `[project]` and `[dependency-groups]` it is written as elsewhere, in `[tool.poetry]` as a name with a range of Poetry's own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from packaging.markers import InvalidMarker, Marker

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.requirement_texts import with_range
from outrider.operators.packages.pypi.core_metadata import read_need
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.texts import flattened

Where = tuple[str | int, ...]
ANY = "*"
_POETRY = ("tool", "poetry")
_PYTHON = "python"
_ELSEWHERE = ("git", "path", "file", "url")
_ITSELF = ["use Poetry itself: poetry lock"]


class PoetryRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement.

    Attributes:
        where: Keys and numbers that lead to it in the file.
        name: Of the package, normalised.
        text: As it is written there: a requirement, or of Poetry's own a range alone.
        is_own: Whether it is one of Poetry's own.
    """

    where: Where
    name: str
    text: str
    is_own: bool

    @property
    def range(self) -> str:
        """Its range; empty where any version will do."""
        if self.is_own:
            return "" if self.text == ANY else self.text
        return read_need(self.text)[0].range

    @property
    def told(self) -> str:
        """It with its name."""
        return f"{self.name} {self.text}" if self.is_own else self.text

    @property
    def anyhow(self) -> str:
        """What stands for any version in place of its text."""
        return self.with_range("")

    def with_range(self, wanted: str) -> str:
        """Return its text with another range."""
        return (wanted or ANY) if self.is_own else with_range(self.text, wanted)


def requirements_of(document: Mapping[str, Any]) -> list[PoetryRequirement]:
    """Return the requirements of a project.

    Raises:
        InvalidConfigError: One of them is none.
        UnsupportedError: One comes from elsewhere than a registry.
    """
    for where in (("project",), ("tool",), _POETRY):
        _table(document, where)
    return [*_standard(document), *_own(document)]


def _standard(document: Mapping[str, Any]) -> Iterator[PoetryRequirement]:
    lists: list[tuple[Where, Any]] = [(("project", "dependencies"), _at(document, ("project", "dependencies")))]
    for above in (("project", "optional-dependencies"), ("dependency-groups",)):
        lists += [((*above, name), listed) for name, listed in _table(document, above).items()]
    for where, listed in lists:
        if listed is not None and not isinstance(listed, list):
            raise malformed(where, listed, "a list of requirements")
        for number, text in enumerate(listed or ()):
            if where[0] != "dependency-groups" or not isinstance(text, dict):
                yield _requirement((*where, number), text)


def _requirement(where: Where, text: Any) -> PoetryRequirement:
    needs = read_need(text) if isinstance(text, str) else []
    if not needs:
        raise malformed(where, text, "a requirement such as NAME>=1.2")
    if "@" in needs[0].range:
        raise unsupported(where, "comes from elsewhere than a registry", "a range")
    return PoetryRequirement(where=where, name=needs[0].name, text=text, is_own=False)


def _own(document: Mapping[str, Any]) -> Iterator[PoetryRequirement]:
    tables: list[Where] = [(*_POETRY, "dependencies"), (*_POETRY, "dev-dependencies")]
    groups = _table(document, (*_POETRY, "group"))
    for name in groups:
        where: Where = (*_POETRY, "group", name)
        included = _table(document, where).get("include-groups", [])
        if not isinstance(included, list) or not all(isinstance(one, str) for one in included):
            raise malformed((*where, "include-groups"), included, "names of groups")
        tables.append((*where, "dependencies"))
    for where in tables:
        for name, found in _table(document, where).items():
            if name.lower() == _PYTHON:
                continue
            if isinstance(found, list):
                for number, one in enumerate(found):
                    yield from _of_table((*where, name, number), name, one)
            else:
                yield from _of_table((*where, name), name, found)


def _of_table(where: Where, name: str, found: Any) -> Iterator[PoetryRequirement]:
    if isinstance(found, str):
        yield PoetryRequirement(where=where, name=normalised(name), text=found, is_own=True)
        return
    if not isinstance(found, dict):
        raise malformed(where, found, "a range, or a table with a version")
    for key in _ELSEWHERE:
        if key in found:
            raise unsupported((*where, key), "has it come from elsewhere than the usual index", "a version")
    if not _is_marker(found.get("markers", "")):
        raise malformed((*where, "markers"), found["markers"], "an environment marker")
    version = found.get("version")
    if isinstance(version, str):
        yield PoetryRequirement(where=(*where, "version"), name=normalised(name), text=version, is_own=True)


def _is_marker(text: Any) -> bool:
    try:
        return isinstance(text, str) and (not text or bool(Marker(text)))
    except (InvalidMarker, RecursionError):
        return False


def _table(document: Mapping[str, Any], where: Where) -> Mapping[str, Any]:
    found = _at(document, where)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(where, found, "a table")
    return found


def _at(document: Any, where: Where) -> Any:
    for key in where:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def unsupported(where: Where, what: str, expected: str) -> UnsupportedError:
    """Return the error for what is not read here.

    Args:
        where: Keys that lead to it.
        what: Is wrong with it.
        expected: In its place.
    """
    shown = flattened(".".join(map(str, where)))
    return UnsupportedError(f"{FORM}: {shown} {what}", path=shown, found=shown, expected=expected, suggestions=_ITSELF)


def malformed(where: Where, found: Any, expected: str) -> InvalidConfigError:
    """Return the error for what cannot be read; arguments as for `unsupported`."""
    shown = flattened(".".join(map(str, where)))
    return InvalidConfigError(
        f"{FORM}: {shown} cannot be read", path=shown, found=flattened(str(found)[:80]), expected=expected, suggestions=["correct it"]
    )  # fmt: skip
