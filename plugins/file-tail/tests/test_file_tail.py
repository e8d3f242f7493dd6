import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import Running, faults, module, refusal, running, until

pytestmark = pytest.mark.real
Tail = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def tail(log: Path) -> Tail:
    @asynccontextmanager
    async def start(*, credit: int = 1000, commit: bool = True, **config: Any) -> AsyncIterator[Running]:
        given = {"path": str(log), "every": "10ms", "from": "start", "max_per_second": 1000, **config}
        async with running("file-tail", given, credit=credit, commit=commit) as plugin:
            yield plugin

    return start


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def lines(plugin: Running) -> list[str]:
    return [event.data["line"] for event in plugin.events]


async def shows(plugin: Running, *expected: str) -> None:
    await plugin.seen(len(expected))
    assert lines(plugin) == list(expected)


async def test_it_reports_what_matches(tail: Tail, log: Path) -> None:
    append(log, "fine\nERROR E42 disk\n")
    async with tail(match=r"ERROR (?P<code>\w+)", severity="high") as plugin:
        await shows(plugin, "ERROR E42 disk")
        event = plugin.events[0]
        assert event.severity == "high"
        assert event.data["groups"] == {"code": "E42"}
        assert event.data["summary"] == "ERROR E42 disk"


async def test_it_begins_at_the_end_with_the_whole_last_line(tail: Tail, log: Path) -> None:
    append(log, "old\nhalf a")
    async with tail(**{"from": "end"}) as plugin:
        append(log, " line\nnew\n")
        await shows(plugin, "half a line", "new")


async def test_a_line_counts_once_it_is_complete(tail: Tail, log: Path) -> None:
    async with tail() as plugin:
        append(log, "one\nhalf")
        await shows(plugin, "one")
        append(log, " and whole\r\n")
        await shows(plugin, "one", "half and whole")


async def test_a_missing_file_is_waited_for_and_read_from_its_start(tail: Tail, log: Path) -> None:
    async with tail(**{"from": "end"}) as plugin:
        await until(lambda: any("No such file" in line for line in plugin.lines))
        append(log, "first\n")
        await shows(plugin, "first")


async def test_rotation_by_rename_loses_nothing(tail: Tail, log: Path) -> None:
    log.touch()
    async with tail() as plugin:
        for turn in range(20):
            append(log, f"a{turn}\n")
            log.rename(log.with_suffix(f".{turn}"))
            append(log.with_suffix(f".{turn}"), f"late{turn}")
            append(log, f"b{turn}\n")
            await plugin.seen(3 * (turn + 1))
        expected = [name for turn in range(20) for name in (f"a{turn}", f"late{turn}", f"b{turn}")]
        assert lines(plugin) == expected


async def test_rotation_goes_on_after_a_gap(tail: Tail, log: Path) -> None:
    append(log, "one\n")
    async with tail() as plugin:
        await plugin.seen(1)
        log.unlink()
        await asyncio.sleep(0.03)
        append(log, "two\n")
        await shows(plugin, "one", "two")


@pytest.mark.parametrize("after", ["x\n", "completely other content that is longer than it was\n"])
async def test_truncation_is_seen_even_when_the_file_is_longer_again(tail: Tail, log: Path, after: str) -> None:
    append(log, "one long first line\n")
    async with tail() as plugin:
        await plugin.seen(1)
        log.write_text(after)
        await plugin.seen(2)
        assert lines(plugin)[1] == after.strip()


async def test_long_lines_are_cut_and_the_next_one_is_whole(tail: Tail, log: Path) -> None:
    append(log, b"x" * 3_000_000 + b"\nnext\n")
    async with tail(max_line=64) as plugin:
        await shows(plugin, "x" * 64, "next")
        assert [event.data["cut"] for event in plugin.events] == [True, False]


async def test_binary_content_is_shown_safely(tail: Tail, log: Path) -> None:
    append(log, b"\x00\xff\x1b[31m\xc3\xa4\tb\n")
    async with tail() as plugin:
        await shows(plugin, "\ufffd\ufffd\ufffd[31mä\tb")


async def test_a_flood_is_bounded_and_counted(tail: Tail, log: Path) -> None:
    append(log, "".join(f"line {number}\n" for number in range(50_000)))
    async with tail(max_per_second=5) as plugin:
        await until(lambda: any("left_out" in event.data for event in plugin.events))
        told = sum(event.data.get("left_out", 1) for event in plugin.events)
        await until(lambda: sum(event.data.get("left_out", 1) for event in plugin.events) == 50_000)
        assert told <= 50_000
        assert len(plugin.events) <= 30
        assert plugin.events[-1].data["line"] == "line 49999"


async def test_without_credit_it_waits_and_stops_at_once(tail: Tail, log: Path) -> None:
    append(log, "a\nb\nc\nd\n")
    async with tail(credit=2, commit=False) as plugin:
        await plugin.seen(2)
        await asyncio.sleep(0.05)
        assert lines(plugin) == ["a", "b"]
        plugin.host.grant(1, [])
        await plugin.seen(3)


async def test_a_pipe_or_folder_in_its_place_does_no_harm(tail: Tail, log: Path) -> None:
    os.mkfifo(log)
    async with tail() as plugin:
        await until(lambda: any("not a regular file" in line for line in plugin.lines))
        log.unlink()
        append(log, "now\n")
        await shows(plugin, "now")


async def test_a_wrong_expression_is_refused(log: Path) -> None:
    error = await refusal("file-tail", {"path": str(log), "match": "("})
    assert error.code == "INVALID_CONFIG"
    assert "config.match" in error.message


@pytest.mark.parametrize("bad", [{}, {"path": ""}, {"path": "a/"}, {"path": "a", "from": "middle"},
                                 {"path": "a", "every": "5"}, {"path": "a", "max_per_second": 0}, {"path": 1}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("file-tail", bad)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.lists(st.sampled_from([b"a", b"\n", b"bcd", b"\r\n", b"\x00"]), max_size=40).map(b"".join),
       cuts=st.lists(st.integers(0, 100), max_size=5), limit=st.integers(1, 6))  # fmt: skip
def test_lines_do_not_depend_on_the_pieces(
    monkeypatch: pytest.MonkeyPatch, data: bytes, cuts: list[int], limit: int
) -> None:
    splitter = module("file-tail", "file_tail", monkeypatch).Lines(limit)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    seen = [line for piece in pieces for line in splitter.feed(piece)]
    whole = data.split(b"\n")[:-1]
    assert seen == [(line[:limit].removesuffix(b"\r"), len(line) > limit) for line in whole]
