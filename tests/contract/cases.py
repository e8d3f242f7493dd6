"""Every operation that is installed, as the cases of the suite."""

import re
from typing import Any

import msgspec
import pytest

from outrider.core.operation import Example, OperationDeclaration
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import Operation, load_operation

_SECTION = re.compile(r"\n *Attributes:\n(?P<body>.*?)(?:\n *\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^ *(\w+): \S", re.MULTILINE)
_WORD = re.compile(r"\{(\w+)\}")


class Case(msgspec.Struct, frozen=True):
    family: str
    module: str
    declaration: OperationDeclaration

    @property
    def name(self) -> str:
        return f"{self.family}.{self.declaration.name}"

    def load(self) -> Operation:
        return load_operation(registry(), self.family, self.declaration.name)

    def fields(self) -> dict[str, msgspec.structs.FieldInfo]:
        return {field.encode_name: field for field in msgspec.structs.fields(self.load().code.params)}


def cases() -> list[Case]:
    return [
        Case(family.name, family.module, declaration)
        for family in registry().families.values()
        for declaration in family.declaration.operations
    ]


every_operation = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])


def _examples(*, reading: bool) -> list[Any]:
    return [
        pytest.param(case, example, id=f"{case.name}: {example.title}")
        for case in cases()
        for example in case.declaration.examples
        if case.declaration.effect.changes is not reading
    ]


every_read = pytest.mark.parametrize(("case", "example"), _examples(reading=True))
every_example = pytest.mark.parametrize(("case", "example"), _examples(reading=True) + _examples(reading=False))


def documented(struct: type[msgspec.Struct]) -> set[str]:
    """Return the fields that the docstrings of a struct and its bases explain."""
    names: set[str] = set()
    for base in struct.__mro__:
        section = _SECTION.search(base.__doc__ or "")
        names.update(_ENTRY.findall(section["body"]) if section else ())
    return names


def filled(value: Any, placeholders: dict[str, Any]) -> Any:
    """Return an example's parameters with what the world provides; a word alone keeps the type of its value."""
    if isinstance(value, dict):
        return {key: filled(item, placeholders) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, placeholders) for item in value]
    if not isinstance(value, str):
        return value
    alone = _WORD.fullmatch(value)
    return placeholders[alone[1]] if alone else _WORD.sub(lambda word: str(placeholders[word[1]]), value)


def plain_params(example: Example) -> dict[str, Any]:
    """Return an example's parameters where no world is needed."""
    words = {"http": "http://127.0.0.1:1", "port": 1, "folder": "/tmp", "service": "web", "pid": 2}
    known = {word: words.get(word, word) for word in _WORD.findall(str(example.params))}
    params: dict[str, Any] = filled(example.params, known)
    return params
