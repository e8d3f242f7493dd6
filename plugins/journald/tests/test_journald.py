import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from tests.plugins.harness import faults, on_this_host, refusal, running, until
from tests.servers.journald import Journald

CONFIG = {"every": "10ms", "unit": "nginx.service", "matches": "^out of"}


def entry(message: str, priority: int = 3) -> dict[str, Any]:
    return {
        "time": "2026-07-01T10:00:00.000Z", "priority": priority, "unit": "nginx.service", "identifier": "nginx", "pid": 7,
        "message": message, "cursor": message,
    }  # fmt: skip


def answer(*entries: dict[str, Any], cursor: str = "here", more: bool = False) -> dict[str, Any]:
    return {"entries": list(entries), "cursor": cursor, "more": more}


async def test_entries_that_match_are_reported_in_order_and_once() -> None:
    answers = iter([
        answer(cursor="start"), answer(entry("out of memory"), entry("fine"), cursor="b", more=True),
        answer(entry("out of disk", 2), entry("out of ideas", 7), cursor="c"),
    ])  # fmt: skip
    operations = {"host.journal": lambda _: next(answers, answer(cursor="c"))}
    async with running("journald", CONFIG, operations=operations) as plugin:
        await plugin.seen(3)
        await until(lambda: len(plugin.calls) > 5)
    assert [(event.data["message"], event.severity) for event in plugin.events] == [
        ("out of memory", "high"), ("out of disk", "critical"), ("out of ideas", "low"),
    ]  # fmt: skip
    assert plugin.events[0].data["summary"] == "nginx.service: out of memory"
    assert [call.params["after"] for call in plugin.calls[:5]] == ["", "start", "b", "c", "c"]
    assert plugin.calls[0].params["unit"] == "nginx.service"


async def test_a_place_that_is_gone_is_found_anew() -> None:
    def journal(params: dict[str, Any]) -> Any:
        if params["after"] == "old":
            return InvalidConfigError("after: not a cursor of this journal")
        return (
            answer(entry("out of time"), cursor="new") if params["after"] == "begin" else answer(cursor=places.pop(0))
        )

    places = ["old", "begin"]
    async with running("journald", CONFIG, operations={"host.journal": journal}) as plugin:
        await plugin.seen(1)
    assert any("is gone" in line for line in plugin.lines)


@pytest.mark.parametrize(
    "bad", [MissingRequirementError("no journalctl"), {}, "?", {"cursor": "a", "more": False, "entries": None}]
)
async def test_what_cannot_be_read_is_told_once(bad: Any) -> None:
    async with running("journald", CONFIG, operations={"host.journal": lambda _: bad}) as plugin:
        await until(lambda: len(plugin.calls) > 3)
    assert sum("cannot be measured" in line for line in plugin.lines) == 1
    assert plugin.events == []


@pytest.fixture
def daemon() -> Iterator[Journald]:
    with Journald() as started:
        yield started


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="a journal of its own needs root")
async def test_a_real_journal(daemon: Journald, tmp_path: Path) -> None:
    given = {"namespace": daemon.namespace, "identifier": "shop", "priority": "err", "every": "20ms"}
    async with on_this_host("journald", given, tmp_path) as plugin:
        await until(lambda: len(plugin.calls) > 1)
        daemon.write(MESSAGE="not urgent", PRIORITY="6", SYSLOG_IDENTIFIER="shop")
        daemon.write(MESSAGE="somebody else", PRIORITY="1", SYSLOG_IDENTIFIER="other")
        daemon.write(MESSAGE="database is gone", PRIORITY="3", SYSLOG_IDENTIFIER="shop")
        await plugin.seen(1)
        daemon.write(MESSAGE="still gone", PRIORITY="2", SYSLOG_IDENTIFIER="shop")
        await plugin.seen(2)
    assert [(event.data["message"], event.severity) for event in plugin.events] == [
        ("database is gone", "high"), ("still gone", "critical"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"unit": "-x"}, {"priority": "loud"}, {"every": "soon"}, {"namespace": ""}, {"path": "/"}]
)
def test_wrong_configurations(change: dict[str, Any]) -> None:
    assert not faults("journald", {})
    assert faults("journald", change)


@pytest.mark.parametrize(("change", "field"), [({"every": "0s"}, "every"), ({"matches": "("}, "matches")])
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal("journald", change)
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
