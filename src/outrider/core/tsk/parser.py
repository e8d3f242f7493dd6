"""From tokens to the tree of a file: tables and entries. Values are read by `expressions`."""

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.expressions import ExpressionParser
from outrider.core.tsk.faults import fault
from outrider.core.tsk.nodes import File, Node, Table
from outrider.core.tsk.scanner import END, NEWLINE, scan, source_of

_SEPARATORS = frozenset({NEWLINE, ";", ","})
_ENDS = _SEPARATORS | {"}", "<", END}
_KEYS = frozenset({"key", "string", "global"})


def parse(data: bytes | str, name: str) -> File:
    """Read a .tsk file.

    Args:
        data: Its content.
        name: What errors call it.

    Raises:
        InvalidConfigError: Naming line and column.
    """
    source = source_of(data, name)
    return File(source, _Parser(source, scan(source)).file())


class _Parser(ExpressionParser):
    def file(self) -> Table:
        """Read everything."""
        root = Table(0)
        table = root
        while True:
            self._skip_separators()
            kind = self.kind
            if kind == END:
                return root
            if kind == "[":
                table = self._section(root)
            else:
                self._entry(table)

    def _skip_separators(self) -> None:
        kinds = self.tokens.kinds
        while kinds[self.index] in _SEPARATORS:
            self.index += 1

    def _section(self, root: Table) -> Table:
        at = self.at
        self.index += 1
        table, path = root, [self._section_name()]
        while self.kind == "field":
            path.append(str(self.take()))
        self.expect("]", "']' after the section's name")
        for name in path:
            table = self._inner(table, name, at)
        self._end_of_entry()
        return table

    def _section_name(self) -> str:
        if self.kind not in ("key", "string"):
            raise self.unexpected("a section's name", fix="write [name] or [name.part]")
        return str(self.take())

    def _inner(self, table: Table, name: str, at: int) -> Table:
        """Return a table inside another one; it is opened again where it is there already."""
        found = table.entries.get(name)
        if isinstance(found, Table):
            return found
        if found is not None:
            raise self._twice(name, at, table.keys[name], "is a value and cannot be a section")
        inner = Table(at)
        table.entries[name], table.keys[name] = inner, at
        return inner

    def _entry(self, table: Table) -> None:
        tokens, index = self.tokens, self.index
        kind, at = tokens.kinds[index], tokens.places[index]
        if kind not in _KEYS:
            raise self.unexpected("a key", fix="write key: value")
        key = f"${tokens.values[index]}" if kind == "global" else str(tokens.values[index])
        if kind == "string" and key.startswith(("$", "[")):
            raise fault(self.source, at, f"a key in quotes that begins with {key[0]}", found=key, fix="rename it")
        sign = tokens.kinds[index + 1]
        self.index = index + 1
        if sign in (":", "="):
            self.index = index + 2
            if tokens.kinds[index + 2] == NEWLINE:
                raise fault(
                    self.source, self.at, f"'{key}' has no value on its line", found=f"{key}{sign}",
                    expected="a value; indentation means nothing here", fix=f"write {key} {{ ... }} for a block",
                )  # fmt: skip
            self._put(table, key, at, self.value())
        elif sign == "{":
            self.index += 1
            self._block(self._inner(table, key, at), "}")
        elif sign == ">" and self.tokens.kinds[self.index + 1] == NEWLINE:
            self.index += 1
            self._block(self._inner(table, key, at), "<")
        elif sign == "field":
            raise fault(
                self.source, at, "a dotted key", found=f"{key}.{self.tokens.values[self.index]}",
                fix=f'write "{key}.{self.tokens.values[self.index]}" with quotes, or a section [{key}]',
            )  # fmt: skip
        else:
            raise self.unexpected(f"':' after the key '{key}'", fix=f"write {key}: value")
        self._end_of_entry()

    def _block(self, table: Table, closing: str) -> None:
        opened = self.tokens.places[self.index - 1]
        with self.deeper():
            while True:
                self._skip_separators()
                if self.kind == closing:
                    self.index += 1
                    return
                if self.kind == END:
                    raise fault(self.source, opened, "a block that is never closed", fix=f"close it with {closing}")
                self._entry(table)

    def _put(self, table: Table, key: str, at: int, value: Node) -> None:
        if key in table.entries:
            raise self._twice(key, at, table.keys[key], "is given twice")
        table.entries[key], table.keys[key] = value, at

    def _twice(self, key: str, at: int, before: int, what: str) -> InvalidConfigError:
        return fault(
            self.source, at, f"'{key}' {what}", found=f"first at {self.source.place(before)}",
            fix=f"rename or remove one '{key}'",
        )  # fmt: skip

    def _end_of_entry(self) -> None:
        if self.kind not in _ENDS:
            raise self.unexpected("the end of the entry", fix="begin a new line, or put quotes around the text")
