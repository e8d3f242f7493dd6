import asyncio
import socket
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, NotFoundError, PreconditionFailedError
from outrider.operators.host import services
from outrider.operators.host.operations import disk
from outrider.operators.host.tests.host_calls import plan, run, undo
from outrider.operators.host.tests.world import world

BAD_SERVICES = ("", "-x", "--force", "web\n", "web/../stop", "web?x", "a b", "a" * 256, "web\0")


async def test_closed_port_is_a_result() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = await run("tcp_check", host="127.0.0.1", port=bound.getsockname()[1])
    assert (found.open, found.reason != "") == (False, True)


async def test_open_port_is_a_result() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = await run("tcp_check", host="127.0.0.1", port=listener.getsockname()[1])
    assert (found.open, found.reason) == (True, "")


async def test_port_that_does_not_answer_is_a_result() -> None:
    with socket.socket() as full:  # a full backlog drops what comes beyond it
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            found = await run("tcp_check", host="127.0.0.1", port=full.getsockname()[1], timeout="100ms")
    assert found.reason == "no answer within 0.1 s"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
async def test_impossible_host_name_is_named(host: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run("tcp_check", host=host, port=1)
    assert caught.value.path == "host"


async def test_disk_of_a_path(tmp_path: Path) -> None:
    (found,) = (await run("disk", path=str(tmp_path))).disks
    assert found.path == str(tmp_path)
    assert 0 <= found.percent <= 100
    assert found.used + found.free <= found.size


async def test_disks_come_fullest_first_and_once() -> None:
    disks = (await run("disk")).disks
    assert disks
    assert [item.percent for item in disks] == sorted((item.percent for item in disks), reverse=True)


async def test_mount_points_may_hold_blanks_and_vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "with blank"
    folder.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/x {tmp_path}/with\\040blank ext4 rw 0 0\n/dev/y /nonexistent/mount ext4 rw 0 0\n")
    monkeypatch.setattr(disk, "_MOUNTS", mounts)
    assert [item.path for item in (await run("disk")).disks] == [str(folder)]


async def test_memory_adds_up() -> None:
    found = await run("memory")
    assert 0 < found.available <= found.total
    assert 0 <= found.percent <= 100


async def test_cpu_is_a_percentage() -> None:
    found = await run("cpu", over="20ms")
    assert 0 <= found.percent <= 100
    assert found.count >= 1
    assert len(found.load) == 3


async def test_cpu_sample_below_a_tick_is_refused() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run("cpu", over="5ms")
    assert caught.value.path == "over"


async def test_facts_name_the_machine() -> None:
    found = await run("facts")
    assert found.hostname == socket.gethostname()
    assert found.kernel.startswith("Linux ")
    assert found.uptime > 0


@pytest.mark.parametrize("verb", ["service", "service_start", "service_stop", "service_restart"])
@pytest.mark.parametrize("service", BAD_SERVICES)
async def test_service_name_that_would_be_an_option_or_a_path_is_refused(verb: str, service: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run(verb, service=service)
    assert caught.value.path == "service"


@pytest.mark.parametrize("verb", ["service", "services"])
async def test_no_manager_is_a_missing_requirement(verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(services, "SYSTEMD_RUNNING", tmp_path / "absent")
    with pytest.raises(MissingRequirementError) as caught:
        await (run(verb, service="web") if verb == "service" else run(verb))
    assert caught.value.suggestions


@pytest.mark.real
async def test_service_is_stopped_and_started_once() -> None:
    async with world() as (where, _):
        stopped = await run("service_stop", where=where, service="web")
        again = await run("service_stop", where=where, service="web")
        nothing = await plan("service_stop", where=where, service="web")
        started = await run("service_start", where=where, service="web")
    assert (stopped.changed, stopped.pid, again.changed, nothing.difference) == (True, 0, False, [])
    assert (started.changed, started.state) == (True, "running")
    assert await undo("service_stop", again, service="web") is None


@pytest.mark.real
async def test_service_list_can_be_filtered() -> None:
    async with world() as (where, _):
        assert [item.name for item in (await run("services", where=where, running=True)).services] == ["web"]
        assert (await run("services", where=where, running=False)).services == []


@pytest.mark.real
async def test_unknown_service_is_not_found() -> None:
    async with world() as (where, _):
        with pytest.raises(NotFoundError) as caught:
            await run("service", where=where, service="wbe")
    assert caught.value.code == "NOT_FOUND"


@pytest.mark.real
@pytest.mark.parametrize("verb", ["service_stop", "service_restart"])
async def test_service_that_was_restarted_since_the_plan_is_left_alone(verb: str) -> None:
    async with world() as (where, _):
        change = await plan(verb, where=where, service="web")
        await run("service_restart", where=where, service="web")
        before = await run("service", where=where, service="web")
        with pytest.raises(PreconditionFailedError):
            await run(verb, where=where, service="web", preconditions=change.preconditions)
        assert await run("service", where=where, service="web") == before
    assert len(asyncio.all_tasks()) == 1
