import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, MissingRequirementError
from outrider.operators.host.journal import entry_of
from outrider.operators.host.tests.host_calls import run
from tests.servers.journald import Journald

real = [pytest.mark.real, pytest.mark.skipif(os.geteuid() != 0, reason="a journal of its own needs root")]


@pytest.fixture
def journald() -> Iterator[Journald]:
    with Journald() as daemon:
        yield daemon


class TestReal:
    pytestmark = real

    async def test_entries_after_a_place(self, journald: Journald) -> None:
        start = await run("journal", namespace=journald.namespace)
        assert (start.entries, start.more) == ([], False)
        assert start.cursor
        journald.write(MESSAGE="disk is full", PRIORITY="2", SYSLOG_IDENTIFIER="shop", UNIT="shop.service")
        journald.write(MESSAGE="hello", PRIORITY="6", SYSLOG_IDENTIFIER="other")
        found = await run("journal", namespace=journald.namespace, after=start.cursor)
        assert [(entry.message, entry.priority, entry.identifier, entry.pid) for entry in found.entries] == [
            ("disk is full", 2, "shop", os.getpid()), ("hello", 6, "other", os.getpid()),
        ]  # fmt: skip
        assert found.entries[0].unit == "shop.service"
        again = await run("journal", namespace=journald.namespace, after=found.cursor)
        assert (again.entries, again.cursor, again.more) == ([], found.cursor, False)

    async def test_filters(self, journald: Journald) -> None:
        start = (await run("journal", namespace=journald.namespace)).cursor
        for number, (priority, identifier) in enumerate([("3", "a"), ("6", "a"), ("3", "b")]):
            journald.write(MESSAGE=str(number), PRIORITY=priority, SYSLOG_IDENTIFIER=identifier)
        options = {"namespace": journald.namespace, "after": start}
        assert [entry.message for entry in (await run("journal", **options, priority="err")).entries] == ["0", "2"]
        assert [entry.message for entry in (await run("journal", **options, identifier="a")).entries] == ["0", "1"]
        assert (await run("journal", **options, unit="none.service")).entries == []

    async def test_a_long_journal_is_read_in_pieces(self, journald: Journald) -> None:
        place = (await run("journal", namespace=journald.namespace)).cursor
        for number in range(7):
            journald.write(MESSAGE=str(number))
        seen: list[str] = []
        more = True
        while more:
            found = await run("journal", namespace=journald.namespace, after=place, limit=3)
            seen += [entry.message for entry in found.entries]
            place, more = found.cursor, found.more
        assert seen == [str(number) for number in range(7)]

    async def test_bytes_that_are_no_text_and_long_messages(self, journald: Journald) -> None:
        start = (await run("journal", namespace=journald.namespace)).cursor
        journald.write(MESSAGE=b"caf\xe9 \x01")
        journald.write(MESSAGE="x" * 100_000)
        found = (await run("journal", namespace=journald.namespace, after=start)).entries
        assert [entry.message for entry in found] == ["caf\ufffd \x01", "x" * 4000]

    async def test_what_is_no_cursor_is_named(self, journald: Journald) -> None:
        with pytest.raises(InvalidConfigError) as caught:
            await run("journal", namespace=journald.namespace, after="s=nothing")
        assert caught.value.path == "after"


async def test_without_journalctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingRequirementError):
        await run("journal")


@given(
    st.binary(max_size=100)
    | st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none()).map(lambda d: json.dumps(d).encode())
)
def test_any_line_is_an_entry_or_an_error(line: bytes) -> None:
    with pytest.raises(ExecutionFailedError):
        entry_of(line)


@pytest.mark.parametrize(
    ("message", "text"), [([104, 105], "hi"), (["a", "b"], "a"), (None, ""), ([], ""), ([[104]], "h"), ("ü", "ü")]
)
def test_forms_of_a_message(message: object, text: str) -> None:
    line = json.dumps({"__REALTIME_TIMESTAMP": "1", "__CURSOR": "c", "MESSAGE": message}).encode()
    assert entry_of(line).message == text
