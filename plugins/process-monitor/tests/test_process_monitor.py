import subprocess
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from tests.plugins.harness import faults, running, until

pytestmark = pytest.mark.real
CONFIG = {"name": "sleep", "every": "10ms"}


def processes(params: dict[str, Any], *pids: int) -> dict[str, Any]:
    """Answer as the host does, from /proc, for the given processes only."""
    living = [pid for pid in pids if (Path("/proc") / str(pid) / "cmdline").exists()]
    return {"processes": [{"pid": pid, "name": params["name"], "argv": ["sleep"]} for pid in living]}


async def test_it_reports_the_end_of_a_real_process_and_its_return() -> None:
    first = subprocess.Popen(["sleep", "60"])
    second: list[subprocess.Popen[bytes]] = []
    pids = [first.pid]
    async with running("process-monitor", CONFIG, operations={"host.processes": lambda p: processes(p, *pids)}) as it:
        await it.seen(1)
        assert it.events[0].data["pids"] == [first.pid]
        first.kill()
        first.wait()
        await it.seen(2)
        second.append(subprocess.Popen(["sleep", "60"]))
        pids.append(second[0].pid)
        await it.seen(3)
    second[0].kill()
    second[0].wait()
    assert [event.data["state"] for event in it.events] == ["running", "gone", "running"]
    assert [event.unhealthy for event in it.events] == [False, True, False]
    assert [event.severity for event in it.events] == ["low", "high", "low"]
    assert it.events[1].data["summary"] == "sleep gone: no such process"
    assert it.calls[0].params == {"name": "sleep", "limit": 20}


async def test_not_knowing_is_not_gone() -> None:
    answers: list[Any] = [
        {"processes": [{"pid": 1, "name": "sleep", "argv": []}]},
        UnavailableError("no /proc"),
        {},
        None,
    ]
    operations = {"host.processes": lambda _: answers[0] if len(answers) == 1 else answers.pop(0)}
    async with running("process-monitor", CONFIG, operations=operations) as plugin:
        await until(lambda: len(plugin.calls) > 6)
        assert [event.data["state"] for event in plugin.events] == ["running"]
        assert any("no /proc" in line for line in plugin.lines)
        assert len(plugin.lines) < 6


@pytest.mark.parametrize("bad", [{}, {"name": ""}, {"name": "a", "every": 5}, {"name": "a", "nmae": "b"}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("process-monitor", bad)
