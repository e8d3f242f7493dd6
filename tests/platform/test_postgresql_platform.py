"""A platform whose truth is in a real PostgreSQL server."""

import os
import signal

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def declare(hook: Hook, address: str) -> None:
    """Write the objects, with the store in a database."""
    hook.declare()
    text = (hook.platform.folder / "outrider.yaml").read_text()
    hook.platform.write(text.replace("spec: {groups:", f'spec: {{store: {{postgresql: {{url: "{address}"}}}}, groups:'))


def kill_orchestrator(platform: Platform) -> None:
    part = platform.part("orchestrator")
    os.kill(part["pid"], signal.SIGKILL)
    eventually(lambda: platform.part("orchestrator")["pid"] not in (0, part["pid"]), seconds=30, what="another one")
    eventually(lambda: platform.command("events", "--limit", "1").returncode == 0, seconds=30, what="its answer")


def test_a_platform_keeps_its_truth_in_postgresql(hook: Hook, postgresql_address: str) -> None:
    declare(hook, postgresql_address)
    platform, run = hook.platform, hook.platform.command
    with running(platform):
        for number in range(5):
            assert hook.post({"number": number}) == 202
        kill_orchestrator(platform)
        for number in range(5, 10):
            assert hook.post({"number": number}) == 202
        eventually(lambda: finished(platform, 10), seconds=30, what="ten runs")
        keys = [key for key, _ in hook.executed()]
        assert len(set(keys)) == len(keys) == 10, "nothing lost, nothing twice"
        assert run("rules", "why", "last").returncode == 0
        assert run("status").returncode == 0
        refused = run("backup", "b.tar.gz")
        assert refused.returncode == 1
        assert "pg_dump" in refused.stderr
    assert not (platform.folder / ".outrider" / "orchestrator" / "orchestrator.db").exists()
    assert len(platform.runs()) == 10, "what is stopped can be looked at too"
    assert run("audit", "verify").returncode == 0
    assert run("support-bundle", "s.tar.gz").returncode == 0
    with running(platform):
        assert len(platform.runs()) == 10


def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    hook: Hook, postgresql: PostgresqlServer, postgresql_address: str
) -> None:
    declare(hook, postgresql_address)
    platform = hook.platform
    with running(platform):
        assert hook.post({"number": 1}) == 202
        eventually(lambda: finished(platform, 1), what="a run")
        postgresql.stop(signal.SIGKILL)
        assert hook.post({"number": 2}) == 202, "the agent keeps it"
        assert platform.command("runs", "list").returncode == 7
        postgresql.start()
        eventually(lambda: finished(platform, 2), seconds=60, what="the second run")
        assert len({key for key, _ in hook.executed()}) == 2


def test_a_database_that_cannot_be_used_is_told_at_once(hook: Hook, postgresql_address: str) -> None:
    address = postgresql_address.partition("?")[0].replace("/postgres", "/no-such-database")
    declare(hook, address)
    refused = hook.platform.command("up", str(hook.platform.folder))
    assert refused.returncode != 0
    assert "no-such-database" in refused.stderr
