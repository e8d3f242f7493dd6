"""What can be said of a file of calls without running any of them."""

from collections.abc import Iterator
from typing import Any

from outrider.core.calls import normalise
from outrider.core.errors import InvalidConfigError, OutriderError, collected, did_you_mean
from outrider.core.schema import convert
from outrider.core.tsk.nodes import CallOf, File, Ref, Table
from outrider.core.tsk.written import NotWrittenError, written
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation
from outrider.surfaces.tsk.evaluation import global_owners, place
from outrider.surfaces.tsk.surroundings import FUNCTIONS


def check_calls(file: File) -> None:
    """Check names, and the parameters of calls that are written out.

    Raises:
        InvalidConfigError: With every fault, in the order of the file.
    """
    owners = global_owners(file)
    faults = [found for table in _tables(file.root) for found in _Checks(file, table, set(owners)).faults()]
    if faults:
        raise collected(faults)


def _tables(table: Table) -> Iterator[Table]:
    yield table
    for value in table.entries.values():
        if isinstance(value, Table):
            yield from _tables(value)


class _Checks:
    def __init__(self, file: File, table: Table, known: set[str]) -> None:
        self._file = file
        self._table = table
        self._globals = known

    def faults(self) -> Iterator[OutriderError]:
        for value in self._table.entries.values():
            if not isinstance(value, Table):
                yield from self._node(value)

    def _node(self, node: Any) -> Iterator[OutriderError]:
        match node:
            case Ref():
                yield from self._reference(node)
            case CallOf():
                yield from self._call(node)
        for child in _children(node):
            yield from self._node(child)

    def _reference(self, node: Ref) -> Iterator[OutriderError]:
        names = self._globals if node.scope == "global" else self._table.entries
        if node.scope in ("env", "var") or node.name in names:
            return
        shown = f"${node.name}" if node.scope == "global" else node.name
        near = did_you_mean(node.name, names)[:2] if names else []
        quoted = f'write "{shown}" with quotes, for a text'
        found = InvalidConfigError(f"nothing is called '{shown}' here", found=shown, suggestions=[*near, quoted])
        found.source = self._file.source.place(node.at)
        yield found

    def _call(self, node: CallOf) -> Iterator[OutriderError]:
        if node.name in FUNCTIONS or node.name == "if":
            return
        try:
            values = [written(argument) for argument in node.arguments]
        except NotWrittenError:
            values = None
        try:
            if values is None:
                registry().family(node.name.partition(".")[0])
                return
            call = normalise(registry(), node.name, values)
            convert(call.params, load_operation(registry(), call.family, call.operation).code.params)
        except OutriderError as error:
            yield place(error, self._file.source, node.at, node)


def _children(node: Any) -> Iterator[Any]:
    for name in getattr(node, "__struct_fields__", ()):
        value = getattr(node, name)
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value
        elif hasattr(value, "__struct_fields__"):
            yield value
