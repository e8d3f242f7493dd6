"""The values of a file: references resolved, reads run, changes collected for a plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from outrider.core.calls import Call, normalise
from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError, LimitedError, OutriderError, UnsupportedError, did_you_mean
from outrider.core.schema import describe
from outrider.core.tsk.faults import fault
from outrider.core.tsk.nodes import (
    Binary,
    CallOf,
    File,
    ListOf,
    Literal,
    Node,
    ObjectOf,
    Range,
    Ref,
    Source,
    Table,
    Ternary,
    Unary,
)
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.surfaces.tsk.operators import binary, boolean, unary
from outrider.surfaces.tsk.surroundings import FUNCTIONS, MissingValueError, Surroundings, lookup
from outrider.surfaces.tsk.unknown import Unknown, holds_unknown, with_markers

MAX_NODES = 10_000
MAX_CALLS = 1_000
MAX_CHAIN = 64
_LAZY = "if"


class Evaluation:
    """One reading of a file.

    Args:
        file: The tree.
        invoker: Runs the reads.
        options: Who asks.
        surroundings: What the file may see.

    Attributes:
        changes: The calls that change something, in the order in which they were met; none of them was made.
    """

    def __init__(self, file: File, invoker: Invoker, options: CallOptions, surroundings: Surroundings) -> None:
        self.changes: list[Call] = []
        self._file = file
        self._invoker = invoker
        self._options = options
        self._surroundings = surroundings
        self._globals = global_owners(file)
        self._known: dict[tuple[int, str], Any] = {}
        self._under_way: list[tuple[int, str]] = []
        self._nodes = 0
        self._calls = 0

    async def run(self) -> dict[str, Any]:
        """Return the file's values; those that only a change will give are `Unknown`.

        Raises:
            OutriderError: With the place in the file.
        """
        try:
            return await self._table(self._file.root)
        except RecursionError as error:
            too_deep = LimitedError(
                "the values are nested too deeply", suggestions=["give parts of them names of their own"]
            )
            raise self._placed(too_deep, 0) from error

    async def _table(self, table: Table) -> dict[str, Any]:
        return {
            name: await self._table(value) if isinstance(value, Table) else await self._entry(table, name)
            for name, value in table.entries.items()
        }

    async def _entry(self, table: Table, name: str) -> Any:
        key = (id(table), name)
        if key in self._known:
            return self._known[key]
        at = table.keys[name]
        if key in self._under_way:
            way = [step for _, step in self._under_way[self._under_way.index(key) :]] + [name]
            raise self._placed(
                InvalidConfigError(f"a circle: {' -> '.join(way)}", found=name, suggestions=["break the circle"]), at
            )
        if len(self._under_way) >= MAX_CHAIN:
            raise self._placed(
                LimitedError(f"a chain of more than {MAX_CHAIN} references", suggestions=["shorten the chain"]), at
            )
        node = table.entries[name]
        if isinstance(node, Table):
            return await self._table(node)
        self._under_way.append(key)
        try:
            value = await self._value(node, table)
        finally:
            self._under_way.pop()
        self._known[key] = value
        return value

    async def _value(self, node: Node, table: Table) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._placed(LimitedError(f"more than {MAX_NODES} values", suggestions=["split the file"]), node.at)
        match node:
            case Literal(value=value):
                return value
            case ListOf(items=items):
                return [await self._value(item, table) for item in items]
            case ObjectOf(pairs=pairs):
                return {name: await self._value(item, table) for name, item in pairs.items()}
            case CallOf():
                return self._read(await self._call(node, table), node.fields, node.at)
            case Ref():
                return await self._reference(node, table)
        return await self._computed(node, table)

    async def _computed(self, node: Range | Unary | Binary | Ternary, table: Table) -> Any:
        with self._placing(node.at):
            match node:
                case Range(low=low, high=high):
                    return {"from": low, "to": high}
                case Unary(operator=sign, operand=operand):
                    return unary(sign, self._certain(await self._value(operand, table), operand.at))
                case Ternary(condition=condition):
                    chosen = await self._condition(condition, table, "?")
                    return await self._value(node.yes if chosen else node.no, table)
                case Binary():
                    return await self._binary(node, table)

    async def _binary(self, node: Binary, table: Table) -> Any:
        if node.operator == "||":
            try:
                left = await self._value(node.left, table)
            except MissingValueError:
                left = None
            return await self._value(node.right, table) if left is None or left is False else left
        if node.operator == "&&":
            left = await self._condition(node.left, table, "&&")
            return left and await self._condition(node.right, table, "&&")
        left = self._certain(await self._value(node.left, table), node.left.at)
        right = self._certain(await self._value(node.right, table), node.right.at)
        return binary(node.operator, left, right)

    async def _condition(self, node: Node, table: Table, where: str) -> bool:
        return boolean(self._certain(await self._value(node, table), node.at), where)

    def _certain(self, value: Any, at: int) -> Any:
        if holds_unknown(value):
            raise self._placed(
                UnsupportedError(
                    "the value is not known before the change that gives it is made",
                    suggestions=["use it alone as a parameter", "apply that change first, in a file of its own"],
                ),
                at,
            )
        return value

    async def _reference(self, node: Ref, table: Table) -> Any:
        if node.scope in ("env", "var"):
            with self._placing(node.at):
                found = lookup(self._surroundings, node.scope, node.name)
        else:
            found = await self._named(node, table)
        return self._read(found, node.fields, node.at)

    async def _named(self, node: Ref, table: Table) -> Any:
        if node.scope == "global":
            owner, name = self._globals.get(node.name), f"${node.name}"
            known = [f"${known}" for known in self._globals]
        else:
            owner, name = (table if node.name in table.entries else None), node.name
            known = [known for known in table.entries if not known.startswith("$")]
        if owner is None:
            quoted = f'write "{name}" with quotes, for a text'
            near = did_you_mean(name, known) if known else []
            raise self._placed(
                InvalidConfigError(f"nothing is called '{name}' here", found=name, suggestions=[*near[:2], quoted]),
                node.at,
            )
        return await self._entry(owner, name)

    def _read(self, value: Any, fields: tuple[str, ...], at: int) -> Any:
        for position, field in enumerate(fields):
            if isinstance(value, Unknown):
                return Unknown(value.item, (*value.fields, *fields[position:]))
            if not isinstance(value, dict):
                raise self._placed(
                    InvalidConfigError(f".{field}: {describe(value)} has no fields", found=describe(value), suggestions=[f"remove .{field}"]), at
                )  # fmt: skip
            if field not in value:
                near = did_you_mean(field, value) if value else ["it has no fields at all"]
                raise self._placed(
                    MissingValueError(f"there is no field '{field}'", found=field, expected=", ".join(value)[:200], suggestions=near[:3]), at
                )  # fmt: skip
            value = value[field]
        return value

    async def _call(self, node: CallOf, table: Table) -> Any:
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise self._placed(LimitedError(f"more than {MAX_CALLS} calls", suggestions=["split the file"]), node.at)
        if node.name == _LAZY:
            return await self._if(node, table)
        arguments = [await self._value(argument, table) for argument in node.arguments]
        with self._placing(node.at, node):
            if node.name in FUNCTIONS:
                return FUNCTIONS[node.name](self._surroundings, [self._certain(value, node.at) for value in arguments])
            return await self._operation(node, arguments)

    async def _if(self, node: CallOf, table: Table) -> Any:
        if len(node.arguments) not in (2, 3):
            raise self._placed(
                InvalidConfigError(f"@if: {len(node.arguments)} arguments", expected="@if(condition, yes, no)", suggestions=["write condition ? yes : no"]), node.at
            )  # fmt: skip
        condition, *choices = node.arguments
        if await self._condition(condition, table, "@if"):
            return await self._value(choices[0], table)
        return await self._value(choices[1], table) if len(choices) > 1 else None

    async def _operation(self, node: CallOf, arguments: list[Any]) -> Any:
        registry = self._invoker.registry
        call = normalise(registry, node.name, arguments)
        if holds_unknown(call.params):
            family, _ = registry.family(call.family)
            if not family.operation(call.operation)[0].effect.changes:
                self._certain(Unknown(0), node.at)
            call = Call(call.family, call.operation, with_markers(call.params))
        elif not self._invoker.prepare(call, self._options).effect.changes:
            return to_builtins(await self._invoker.run(call, self._options))
        self.changes.append(call)
        return Unknown(len(self.changes))

    @contextmanager
    def _placing(self, at: int, call: CallOf | None = None) -> Iterator[None]:
        """Give the errors of a block their place in the file."""
        try:
            yield
        except OutriderError as error:
            self._placed(error, at, call)
            raise

    def _placed(self, error: OutriderError, at: int, call: CallOf | None = None) -> OutriderError:
        return place(error, self._file.source, at, call)


def place(error: OutriderError, source: Source, at: int, call: CallOf | None = None) -> OutriderError:
    """Give an error, and the faults in it, their place in a file; the first place that it got stays."""
    for part in (error, *error.causes):
        if not part.source:
            given = _parameter(part.path, call)
            part.source = source.place(given.at if given is not None else at)
            if isinstance(given, Range):
                part.suggestions = [f'write "{given.low}-{given.high}" with quotes, for a text', *part.suggestions[:2]]
    return error


def _parameter(path: str, call: CallOf | None) -> Node | None:
    """Return the value that a call gives for a parameter."""
    if call is None or not path or not call.arguments or not isinstance(call.arguments[-1], ObjectOf):
        return None
    name = path.removeprefix("$.").partition(".")[0].partition("[")[0]
    return call.arguments[-1].pairs.get(name)


def global_owners(file: File) -> dict[str, Table]:
    """Return the table of each `$name`.

    Raises:
        InvalidConfigError: Two tables give one.
    """
    owners: dict[str, Table] = {}
    waiting = [file.root]
    while waiting:
        table = waiting.pop()
        for name, value in table.entries.items():
            if isinstance(value, Table):
                waiting.append(value)
            elif name.startswith("$"):
                before = owners.setdefault(name[1:], table)
                if before is not table:
                    places = sorted((before.keys[name], table.keys[name]))
                    raise fault(
                        file.source, places[1], f"'{name}' is given twice", found=f"first at {file.source.place(places[0])}",
                        fix=f"rename or remove one '{name}'",
                    )  # fmt: skip
    return owners
