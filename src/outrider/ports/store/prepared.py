"""Statements that are compiled once and run by the database's own driver.

SQLAlchemy builds, checks and wraps anew each time a statement runs, which costs five times what SQLite needs for one. Where
that counts a statement is prepared; everywhere else it is not worth the words.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Compiled, DBAPICursor


class Prepared:
    """A statement for one of SQLAlchemy's connections.

    Types are the driver's: SQLite returns a boolean as 0 or 1.

    Args:
        statement: Select, insert, update or delete; an insert is given every column that the database does not count up.
    """

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> int:
        """Run it and return how many rows it concerned."""
        return int(self._execute(connection, parameters).rowcount)

    def run_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each row."""
        form = self._form(connection)
        _cursor(connection).executemany(form.text, [form.values(row) for row in rows])

    def all(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the rows; each has its columns as attributes."""
        cursor = self._execute(connection, parameters)
        return [self._form(connection).row(row) for row in cursor.fetchall()]

    def first(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> Any:
        """Return the first row, or None."""
        row = self._execute(connection, parameters).fetchone()
        return None if row is None else self._form(connection).row(row)

    def _execute(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> DBAPICursor:
        form = self._form(connection)
        cursor = _cursor(connection)
        cursor.execute(form.text, form.values(parameters))
        return cursor

    def _form(self, connection: sa.Connection) -> "_Form":
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(
                self._statement.compile(dialect=dialect, column_keys=_given(self._statement))
            )
        return form


class _Form:
    """A statement in the language of one kind of database."""

    def __init__(self, compiled: Compiled) -> None:
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
        self.text = str(compiled)
        self._names = compiled.positiontup
        # What the statement itself says, such as a state that is looked for.
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        statement = compiled.statement
        columns = [column.name for column in statement.selected_columns] if isinstance(statement, sa.Select) else []
        named: Any = namedtuple("Row", [*columns])  # type: ignore[misc]  # noqa: PYI024 - its fields are known at run time only
        self.row: Callable[[Sequence[Any]], Any] = named._make

    def values(self, parameters: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver wants them."""
        given = {**self._constants, **parameters}
        return given if self._names is None else [given[name] for name in self._names]


def _given(statement: Any) -> list[str] | None:
    """Return the columns that the caller of an insert gives."""
    if not isinstance(statement, sa.Insert):
        return None
    table = statement.table
    counted = table.autoincrement_column if isinstance(table, sa.Table) else None
    return [column.name for column in table.columns if column is not counted]


def _cursor(connection: sa.Connection) -> DBAPICursor:
    return connection.connection.cursor()
