"""A platform with a queue: what it publishes, what it takes, and what becomes of both when a part of it is killed."""

import asyncio
import itertools
import json
import os
import random
import signal
import tarfile
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Self

import nats
import nats.errors
import pytest
from nats.js.errors import APIError

from tests.platform.harness import ROOT, Platform, eventually, running
from tests.platform.hook import Hook
from tests.platform.queues import INBOX, Own, declare, event, with_own_queue
from tests.servers.nats import NatsServer
from tests.servers.nats_operator import Operator
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def own(hook: Hook) -> Own:
    return with_own_queue(hook)


def test_events_and_runs_are_published_and_the_inbox_is_taken(hook: Hook, own: Own) -> None:
    with running(hook.platform):
        hook.post({"number": 0})
        own.send(event(1), event(1), event(2))
        eventually(lambda: len(own.published("OUTRIDER_RUNS")) == 3, what=hook.platform.logs())
        runs = own.published("OUTRIDER_RUNS")
        assert {run["type"] for run in runs} == {"dev.outrider.run.completed"}
        assert {run["data"]["event"]["data"]["body"]["number"] for run in runs} == {0, 1, 2}
        assert [one["data"]["body"]["number"] for one in own.published("OUTRIDER_EVENTS")] == [0, 1, 2]
        status = hook.platform.json("queue", "status")
        assert (status["connected"], status["waiting"], status["dead"]) == (True, 0, 0)
        assert "event.send" in hook.platform.command("audit", "list").stdout
        mode = (hook.platform.folder / ".outrider" / "queue" / "password").stat().st_mode
        assert mode & 0o777 == 0o600


def test_dead_letters_are_listed_mended_and_dropped(hook: Hook, own: Own) -> None:
    run = hook.platform.command
    with running(hook.platform):
        own.send(b"garbage", event(1).replace(b'"1.0"', b'"0.3"'))
        eventually(lambda: len(hook.platform.json("queue", "dead")) == 2)
        letters = hook.platform.json("queue", "dead")
        assert [letter["data"][:7] for letter in letters] == ["garbage", '{"specv']
        assert "JSON" in letters[0]["reason"]
        assert "specversion" in letters[1]["reason"]
        status = run("status")
        assert status.returncode == 6
        assert "2 dead letters" in status.stdout
        assert run("queue", "retry", "--all").returncode == 0
        eventually(lambda: [one["sequence"] for one in hook.platform.json("queue", "dead")] == [3, 4])
        assert run("queue", "drop", "3").returncode == 2, "no terminal, and no --yes"
        assert run("queue", "drop", "3", "4", "--yes").returncode == 0
        assert hook.platform.json("queue", "dead") == []
        assert run("queue", "show", "3").returncode == 3
        assert run("queue", "retry").returncode == 2
        actions = run("audit", "list").stdout
        assert actions.count("queue.retry") == 2
        assert actions.count("queue.drop") == 2


def test_a_queue_that_is_down_delays_and_stops_nothing(hook: Hook, own: Own) -> None:
    with running(hook.platform):
        part = hook.platform.part("queue")
        os.kill(part["pid"], signal.SIGSTOP)
        for number in range(20):
            assert hook.post({"number": number}) == 202
        eventually(lambda: len(hook.executed()) == 20, what="rules go on")
        eventually(lambda: not hook.platform.json("queue", "status")["connected"], seconds=40)
        status = hook.platform.command("status")
        assert status.returncode == 6
        assert "messages wait since" in status.stdout
        os.kill(part["pid"], signal.SIGCONT)
        eventually(lambda: len(own.published("OUTRIDER_EVENTS")) == 20, seconds=40)
        assert [one["data"]["body"]["number"] for one in own.published("OUTRIDER_EVENTS")] == list(range(20))


class Senders(threading.Thread):
    """Publishes numbered events into the inbox until it is stopped, each until the queue has stored it."""

    def __init__(self, own: Own) -> None:
        super().__init__()
        self._own = own
        self._stopped = threading.Event()
        self.accepted: set[int] = set()

    def run(self) -> None:
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        numbers = itertools.count()
        number = next(numbers)
        while not self._stopped.is_set():
            with suppress(nats.errors.Error, OSError, APIError):
                connection = await self._own.connect(allow_reconnect=False)
                js = connection.jetstream(timeout=2)
                while not self._stopped.is_set():
                    await js.publish(INBOX, event(number))
                    self.accepted.add(number)
                    number = next(numbers)
                    await asyncio.sleep(0.01)
                await connection.close()
            await asyncio.sleep(0.05)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()


def kill_some(platform: Platform, *, seconds: float, pause: float) -> Counter[str]:
    """Kill the queue or the orchestrator at random, again and again."""
    chance, kills, end = random.Random(11), Counter[str](), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(pause)
        name = chance.choice(["queue", "orchestrator"])
        part = platform.part(name)
        if part["state"] == "running":
            with suppress(ProcessLookupError):
                os.kill(part["pid"], signal.SIGKILL)
            kills[name] += 1
    return kills


def disturbed(hook: Hook, own: Own, *, seconds: float, pause: float) -> tuple[int, Counter[str]]:
    with running(hook.platform):
        with Senders(own) as senders:
            kills = kill_some(hook.platform, seconds=seconds, pause=pause)
        wanted = {f"n{number}" for number in senders.accepted}
        eventually(lambda: hook.platform.command("queue", "status").returncode == 0, seconds=90, what="the queue")
        eventually(
            lambda: wanted <= {one["data"]["event"]["id"] for one in own.published("OUTRIDER_RUNS")},
            seconds=120,
            what=f"{len(wanted)} runs: {hook.platform.json('queue', 'status')}",
        )
        runs = Counter(run["data"]["event"]["id"] for run in own.published("OUTRIDER_RUNS"))
        assert set(runs.values()) == {1}, "published once"
        events = Counter(one["id"] for one in own.published("OUTRIDER_EVENTS"))
        assert wanted <= set(events)
        assert set(events.values()) == {1}
        executed = Counter(hook.executed())
        assert set(executed.values()) == {1}, "what is done again is a later attempt"
        assert len({key for key, _ in executed}) == len(runs)
        assert hook.platform.json("queue", "dead") == []
    return len(wanted), kills


def test_nothing_is_lost_or_doubled_when_either_is_killed(hook: Hook, own: Own) -> None:
    accepted, kills = disturbed(hook, own, seconds=20, pause=2.5)
    assert accepted > 100
    assert set(kills) == {"queue", "orchestrator"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled_in_two_minutes_of_kills(hook: Hook, own: Own) -> None:
    accepted, kills = disturbed(hook, own, seconds=120, pause=3)
    assert accepted > 1000
    assert min(kills.values()) > 5


def test_several_orchestrators_publish_each_message_once(hook: Hook, postgresql_address: str) -> None:
    port = free_port()
    own = Own(hook.platform, port)
    declare(
        hook,
        f'{{embedded: {{listen: "127.0.0.1:{port}"}}, publish: [events, runs], inbox: {{}}}}',
        f'orchestrators: 2, store: {{postgresql: {{url: "{postgresql_address}"}}}}, ',
    )
    with running(hook.platform):
        own.send(*(event(number) for number in range(200)))
        eventually(lambda: len(own.published("OUTRIDER_RUNS")) == 200, seconds=60, what=hook.platform.logs())
        assert len(own.published("OUTRIDER_EVENTS")) == 200
        os.kill(hook.platform.part("orchestrator")["pid"], signal.SIGKILL)
        own.send(*(event(number) for number in range(200, 300)))
        eventually(lambda: len(own.published("OUTRIDER_RUNS")) == 300, seconds=60)
        numbers = sorted(run["data"]["event"]["data"]["body"]["number"] for run in own.published("OUTRIDER_RUNS"))
        assert numbers == list(range(300))


def test_what_is_published_changes_while_it_runs(hook: Hook, own: Own) -> None:
    with running(hook.platform):
        eventually(lambda: hook.platform.json("queue", "status")["connected"])
        pid = hook.platform.part("orchestrator")["pid"]
        path = hook.platform.folder / "outrider.yaml"
        text = path.read_text()
        path.write_text(text.replace("publish: [events, runs], inbox: {}", "publish: [runs]"))
        assert hook.platform.command("reload", "--yes").returncode == 0
        hook.post({"number": 1})
        eventually(lambda: len(own.published("OUTRIDER_RUNS")) == 1)
        assert own.published("OUTRIDER_EVENTS") == []
        assert hook.platform.command("queue", "dead").returncode == 3, "there is no inbox any more"
        assert hook.platform.part("orchestrator")["pid"] == pid
        path.write_text(text.replace("embedded: {", "embedded: {storage: 2GB, "))
        refused = hook.platform.command("reload", "--yes")
        assert refused.returncode == 5
        assert "spec.queue" in refused.stderr


def test_a_queue_elsewhere_with_credentials_from_a_secret(hook: Hook) -> None:
    operator = Operator()
    with NatsServer(operator.server, jetstream=True) as server:
        path = hook.platform.folder / "user.creds"
        path.write_text(operator.credentials)
        path.chmod(0o600)
        queue = f'{{url: "{server.url}", credentials: {{secret: nats}}, prefix: shop-1, publish: [runs]}}'
        declare(hook, queue, "secrets: {nats: {file: user.creds}}, ")
        with running(hook.platform):
            hook.post({"number": 1})
            eventually(
                lambda: [one["messages"] for one in hook.platform.json("queue", "status")["streams"]] == [1],
                what=hook.platform.logs(),
            )
            assert hook.platform.json("queue", "status")["streams"][0]["name"] == "SHOP_1_RUNS"
            assert not any(part["name"] == "queue" for part in hook.platform.json("status")["parts"])
            for log in (hook.platform.folder / ".outrider").rglob("*.json*"):
                assert operator.credentials.splitlines()[1] not in log.read_text()


def test_the_permissions_that_are_documented_are_enough(hook: Hook) -> None:
    publish = '["outrider.>", "$JS.API.INFO", "$JS.API.STREAM.>", "$JS.API.CONSUMER.>", "$JS.ACK.OUTRIDER_INBOX.>"]'
    page = (ROOT / "docs" / "how-to" / "use-a-queue.md").read_text()
    assert all(f"`{subject}`" in page for subject in [*json.loads(publish), "_INBOX.>"])
    users = f'{{user: a, password: b, permissions: {{publish: {publish}, subscribe: "_INBOX.>"}}}}, {{user: c, password: d}}'
    with NatsServer(f"authorization {{ users: [{users}] }}", jetstream=True) as server:
        queue = f'{{url: "{server.url}", user: a, password: {{secret: nats}}, publish: [events, runs], inbox: {{}}}}'
        declare(hook, queue, "secrets: {nats: {env: PASSWORD}}, ")
        hook.platform.environment["PASSWORD"] = "b"
        with running(hook.platform):
            eventually(lambda: hook.platform.json("queue", "status")["connected"], what=hook.platform.logs())
            other = Own(hook.platform, server.port, user="c", password="d")
            other.send(event(1), b"garbage")
            eventually(lambda: len(other.published("OUTRIDER_RUNS")) == 1, what=hook.platform.logs())
            eventually(lambda: len(hook.platform.json("queue", "dead")) == 1)
            assert hook.platform.command("queue", "drop", "1", "--yes").returncode == 0


def test_a_login_that_is_refused_is_told(hook: Hook) -> None:
    with NatsServer('authorization { token: "right" }') as server:
        declare(
            hook,
            f'{{url: "{server.url}", token: {{secret: nats}}, publish: [runs]}}',
            "secrets: {nats: {env: TOKEN}}, ",
        )
        hook.platform.environment["TOKEN"] = "wrong"
        with running(hook.platform):
            eventually(lambda: "refuses the login" in hook.platform.command("status").stdout)
            assert "right" not in hook.platform.logs()
            hook.post({"number": 1})
            eventually(lambda: hook.platform.json("queue", "status")["waiting"] == 1)


def test_a_server_without_jetstream_is_told(hook: Hook) -> None:
    with NatsServer() as server:
        declare(hook, f'{{url: "{server.url}", publish: [runs]}}')
        with running(hook.platform):
            eventually(lambda: "no JetStream" in hook.platform.command("queue", "status").stdout)


def test_a_port_that_is_taken_is_told_at_once(hook: Hook) -> None:
    with NatsServer() as server:
        declare(hook, f'{{embedded: {{listen: "127.0.0.1:{server.port}"}}, publish: [runs]}}')
        done = hook.platform.command("up", ".", "--detach")
        assert done.returncode == 5
        assert "spec.queue.embedded.listen" in done.stderr


@pytest.mark.parametrize("kept", [b"", b"a\nb", b"\xff\xfe"])
def test_a_password_that_is_damaged_is_made_anew(hook: Hook, own: Own, kept: bytes) -> None:
    path = hook.platform.folder / ".outrider" / "queue" / "password"
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_bytes(kept)
    path.chmod(0o600)
    with running(hook.platform):
        own.send(event(1))
        eventually(lambda: len(own.published("OUTRIDER_RUNS")) == 1)
        assert len(path.read_bytes()) == 43
    path.chmod(0o644)
    refused = hook.platform.command("up", ".", "--detach")
    assert refused.returncode == 5
    assert "0644" in refused.stderr


def test_a_dead_letter_that_cannot_be_kept_comes_when_it_can(hook: Hook, own: Own) -> None:
    with running(hook.platform):
        eventually(lambda: hook.platform.json("queue", "status")["connected"])
        own.run(lambda js: js.delete_stream("OUTRIDER_DEAD"))
        own.send(b"garbage")
        eventually(lambda: hook.platform.command("queue", "show", "1").returncode == 0, seconds=40)


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        ("{}", "a queue is embedded or has a url"),
        ('{embedded: {}, url: "nats://a:1"}', "a queue is embedded or has a url"),
        ("{embedded: {}, token: {secret: a}}", "makes its own login"),
        ("{embedded: {}, replicas: 3}", "makes its own login"),
        ('{embedded: {listen: "0.0.0.0:4222"}}', "queue.embedded.listen"),
        ('{url: "nats://u:p@a:1"}', "queue.url"),
        ('{url: "http://a:1"}', "queue.url"),
        ('{url: "nats://a:1", user: a}', "belong together"),
        ('{url: "nats://a:1", token: {secret: a}, credentials: {secret: b}}', "one login"),
        ('{url: "nats://a:1", prefix: "a.b"}', "queue.prefix"),
        ('{url: "nats://a:1", publish: [secrets]}', "queue.publish"),
        ("{embedded: {storage: 100MiB}, publish: [events, runs]}", "its streams do not fit"),
        ("{embedded: {}, inbox: {storage: 5GiB}}", "its streams do not fit"),
        ("{embedded: {}, publish: [runs], storage: 0B}", "too small"),
    ],
)
def test_wrong_queues(hook: Hook, queue: str, said: str) -> None:
    declare(hook, queue)
    done = hook.platform.command("validate")
    assert done.returncode == 2
    assert said in done.stderr


def test_a_backup_leaves_the_streams_out(hook: Hook, own: Own) -> None:
    with running(hook.platform):
        eventually(lambda: hook.platform.json("queue", "status")["connected"])
        assert hook.platform.command("backup", "saved").returncode == 0
    with tarfile.open(hook.platform.folder / "saved") as archive:
        names = archive.getnames()
    assert any("orchestrator.db" in name for name in names)
    assert not any("queue" in name for name in names)
