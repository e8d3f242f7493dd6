import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    DeniedError,
    ExecutionFailedError,
    MissingRequirementError,
    OutriderError,
    UnavailableError,
)
from outrider.operators.host.tests.world import SERVICE, world
from outrider.ports.process import ProcessGroup, process
from outrider.runtime.context import Environment
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, on_this_host, running, until

FOLDER = "systemd-unit-action"


@asynccontextmanager
async def on_host(where: Environment) -> AsyncIterator[Running]:
    where.state.mkdir(exist_ok=True)
    async with on_this_host(FOLDER, {}, where.state, supervisor=where.supervisor) as plugin:
        yield plugin


@pytest.fixture
async def supervised() -> AsyncIterator[Running]:
    async with world() as (where, _), on_host(where) as plugin:
        yield plugin


async def failure(plugin: Running, unit: str, action: str) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute({"unit": unit, "action": action})
    return caught.value


@pytest.mark.real
async def test_restart_stop_and_start_of_a_real_service(supervised: Running) -> None:
    first = await supervised.execute({"unit": SERVICE, "action": "restart"})
    assert first["manager"] == "supervisor"
    assert process(first["after"]["pid"]).name == "sleep"
    assert first["before"]["pid"] != first["after"]["pid"]
    assert first["changed"] is True
    assert first["summary"].startswith(
        f"restart {SERVICE} · {first['before']['state']}, pid {first['before']['pid']} ->"
    )
    stopped = await supervised.execute({"unit": SERVICE, "action": "stop"})
    assert stopped["before"] == first["after"]
    assert stopped["after"]["pid"] == 0
    again = await supervised.execute({"unit": SERVICE, "action": "stop"})
    assert again["changed"] is False
    started = await supervised.execute({"unit": SERVICE, "action": "start"})
    assert started["before"] == again["after"]
    assert process(started["after"]["pid"]).name == "sleep"
    assert f"start of {SERVICE} by supervisor" in supervised.lines[-1]


@pytest.mark.real
async def test_a_unit_that_nobody_knows(supervised: Running) -> None:
    assert (await failure(supervised, "no-such-unit.service", "restart")).code == "NOT_FOUND"
    assert [call.operation for call in supervised.calls] == ["host.service"]


@pytest.mark.real
async def test_hangup_of_a_service_that_is_stopped(supervised: Running) -> None:
    await supervised.execute({"unit": SERVICE, "action": "stop"})
    assert (await failure(supervised, SERVICE, "hangup")).code == "CONFLICT"
    assert "host.process_signal" not in [call.operation for call in supervised.calls]


@pytest.mark.real
async def test_hangup_reaches_the_process_and_leaves_it_running(tmp_path: Path) -> None:
    done = tmp_path / "done"
    script = f"trap 'echo got >> {done}' HUP; echo ready > {tmp_path}/ready; while :; do sleep 0.01; done"
    group = await ProcessGroup.start(["sh", "-c", script])
    state = {"name": "x", "state": "active (running)", "pid": group.pid, "manager": "systemd"}
    try:
        await until((tmp_path / "ready").exists)
        async with running(
            FOLDER, {}, operations={"host.service": lambda _: state, "host.process_signal": signalled}
        ) as plugin:
            result = await plugin.execute({"unit": "x", "action": "hangup"})
        await until(done.exists)
        assert group.exit_code is None
    finally:
        await group.terminate(0)
    assert result["before"] == result["after"] == {"state": "active (running)", "pid": group.pid}
    assert result["changed"] is False


def signalled(params: dict[str, Any]) -> dict[str, Any]:
    os.kill(params["pid"], signal.Signals[f"SIG{params['signal']}"])
    return {"pid": params["pid"], "name": "x", "signal": params["signal"]}


@pytest.mark.real
async def test_a_process_that_ends_on_hup_is_a_failure() -> None:
    states = [{"name": "x", "state": "active (running)", "pid": 7, "manager": "systemd"},
              {"name": "x", "state": "failed (failed)", "pid": 0, "manager": "systemd"}]  # fmt: skip
    operations = {"host.service": lambda _: states.pop(0), "host.process_signal": lambda _: {}}
    async with running(FOLDER, {}, operations=operations) as plugin:
        error = await failure(plugin, "x", "hangup")
    assert error.code == "EXECUTION_FAILED"
    assert "its process 7 ended on HUP, it is failed (failed) now" in error.message


@pytest.mark.real
@pytest.mark.parametrize(("action", "fails"), [("start", True), ("restart", True), ("stop", False)])
async def test_a_unit_that_is_failed_afterwards(action: str, fails: bool) -> None:
    operations = {
        "host.service": lambda _: {"name": "x", "state": "active (running)", "pid": 7, "manager": "systemd"},
        f"host.service_{action}": lambda _: {
            "service": "x",
            "manager": "systemd",
            "state": "failed (failed)",
            "pid": 0,
        },
    }
    async with running(FOLDER, {}, operations=operations) as plugin:
        if fails:
            error = await failure(plugin, "x", action)
            assert (error.code, f"failed after {action}" in error.message) == ("EXECUTION_FAILED", True)
        else:
            assert (await plugin.execute({"unit": "x", "action": action}))["after"]["state"] == "failed (failed)"


@pytest.mark.real
@pytest.mark.parametrize("error", [DeniedError("a policy"), ExecutionFailedError("systemctl start x: no"),
                                   UnavailableError("busy"), MissingRequirementError("no systemd")])  # fmt: skip
async def test_errors_of_the_operations_pass_through_and_the_plugin_lives(error: OutriderError) -> None:
    operations = {
        "host.service": lambda _: {"name": "x", "state": "inactive (dead)", "pid": 0, "manager": "systemd"},
        "host.service_start": lambda _: error,
    }
    async with running(FOLDER, {}, operations=operations) as plugin:
        assert (await failure(plugin, "x", "start")).code == error.code
        plugin.operations["host.service_start"] = lambda _: {"state": "active (running)", "pid": 8}
        result = await plugin.execute({"unit": "x", "action": "start"})
    assert result["summary"] == "start x · inactive (dead) -> active (running), pid 8"
    assert [call.params for call in plugin.calls] == [{"service": "x"}] * 4


@pytest.mark.parametrize("bad", [{}, {"unit": "a"}, {"action": "stop"}, {"unit": "--now", "action": "stop"},
                                 {"unit": "a/b", "action": "stop"}, {"unit": "a\n", "action": "stop"},
                                 {"unit": "a", "action": "reload"}, {"unit": "a", "action": "stop", "x": 1}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / FOLDER).manifest.input, bad, ("with",)))


def test_the_schema_takes_the_names_that_the_operations_take() -> None:
    schema = read_plugin(PLUGINS / FOLDER).manifest.input
    for unit in ("web", "nginx.service", "getty@tty1.service", "a:b_c-d", "x" * 255):
        assert not list(schema_faults(schema, {"unit": unit, "action": "stop"}, ("with",)))
