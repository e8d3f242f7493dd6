"""Events that a person or a program sends to a running platform, and reads from it."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
BATCH = "application/cloudevents-batch+json"


def ask(platform: Platform, method: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Ask the API as a foreign program does."""
    state = platform.folder / ".outrider"
    url = json.loads((state / "endpoint.json").read_text())["url"]
    trust = ssl.create_default_context(cafile=str(state / "orchestrator" / "ca.pem"))
    fields = {"Authorization": f"Bearer {(state / 'token').read_text().strip()}"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{url}/v1/events", body, fields, method=method)
    try:
        with urllib.request.urlopen(request, context=trust, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_sent_event_is_acted_on_and_on_record(hook: Hook) -> None:
    hook.declare()
    run = hook.platform.command
    with running(hook.platform):
        sent = run("events", "send", "ears/hook", "--data", '{"state": "down"}', "--label", "zone=a", "--id", "E1")
        assert (sent.returncode, "accepted" in sent.stdout) == (0, True)
        again = run(
            "events", "send", "ears/hook", "--data", "@-", "--id", "E1", "-o", "json", stdin='{"state": "down"}'
        )
        assert json.loads(again.stdout)[0]["outcome"] == "duplicate"
        eventually(lambda: finished(hook.platform, 1), what=hook.platform.logs())
        (row,) = hook.platform.json("events")
        assert row["event"]["labels"] == {"zone": "a", "outrider.dev/sent-by": "user:owner"}
        assert len(hook.executed()) == 1
        assert "event.send" in run("audit", "list").stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ears/hook", "--data", "{"], "--data: not JSON"),
        (["ears/hook", "--data", "[1]"], "data"),
        (["ears/hook", "--label", "zone"], "NAME=TEXT"),
        ([], "either a source or --cloudevents"),
        (["--cloudevents", "absent.json"], "absent.json cannot be read"),
    ],
)
def test_what_is_no_event_is_refused(hook: Hook, words: list[str], expected: str) -> None:
    hook.declare()
    with running(hook.platform):
        done = hook.platform.command("events", "send", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert expected in done.stderr
        assert hook.platform.json("events") == []


def test_cloudevents_go_in_and_out(hook: Hook) -> None:
    hook.declare()
    event = {"specversion": "1.0", "id": "C1", "source": "ears/hook", "type": "com.example.down", "data": {"n": 1}}
    with running(hook.platform):
        platform = hook.platform
        assert ask(platform, "POST", json.dumps(event).encode(), content_type="application/cloudevents+json") == (
            200, {"outcomes": [{"id": "C1", "outcome": "accepted", "reason": ""}]},
        )  # fmt: skip
        batch = json.dumps([event, {**event, "id": "C2"}]).encode()
        _, outcomes = ask(platform, "POST", batch, content_type=BATCH)
        assert [item["outcome"] for item in outcomes["outcomes"]] == ["duplicate", "accepted"]
        binary = {"ce_specversion": "1.0", "ce_id": "C3", "ce_source": "ears/hook", "ce_type": "t", "ce_zone": "a%20b"}
        assert ask(platform, "POST", b'{"n": 3}', content_type="application/json", **binary)[0] == 200
        (platform.folder / "four.json").write_text(json.dumps({**event, "id": "C4"}))
        assert platform.command("events", "send", "--cloudevents", "four.json").returncode == 0
        eventually(lambda: finished(platform, 4), what=platform.logs())

        status, listed = ask(platform, "GET", accept=BATCH)
        assert (status, [item["id"] for item in listed]) == (200, ["C1", "C2", "C3", "C4"])
        assert (listed[2]["zone"], listed[2]["data"]) == ("a b", {"n": 3})

        status, refused = ask(platform, "POST", b'{"specversion": "0.3"}', content_type="application/cloudevents+json")
        assert (status, refused["error"]["path"]) == (400, "specversion")
        assert ask(platform, "POST", b"<x/>", content_type="text/xml", **binary)[1]["error"]["path"] == "content-type"


def test_recorded_events_are_sent_again(hook: Hook) -> None:
    hook.declare(rule="  rateLimit: {count: 3, period: 1h}")
    platform, run = hook.platform, hook.platform.command
    with running(platform):
        for number in range(2):
            done = run("events", "send", "ears/hook", "--id", f"E{number}", "--data", f'{{"number": {number}}}')
            assert done.returncode == 0
        run("events", "send", "else/where", "--id", "X")
        eventually(lambda: finished(platform, 2), what="two runs")
        shown = run("events", "replay", "--since", "1h")
        assert shown.returncode == 6
        assert "E1  ears/hook  sent  -> on-post\n" in shown.stdout
        assert "X  else/where  sent  -> nothing\n" in shown.stdout
        assert "3 events; by what is recorded, 2 runs would start" in shown.stdout
        assert "--yes sends them" in shown.stderr
        assert len(platform.runs()) == 2, "a plan sends nothing"
        assert run("events", "replay", "--since", "1h", "--rule", "on-post", "--source", "ears/hook").returncode == 6
        assert run("events", "replay", "E1", "--yes").stdout == "1 events sent again\n"
        eventually(lambda: finished(platform, 3), what="a third run")
        (row,) = [row for row in platform.json("events") if "outrider.dev/replay-of" in row["event"]["labels"]]
        assert row["event"]["labels"]["outrider.dev/replay-of"] == "E1"
        assert (row["event"]["data"], row["event"]["id"] != "E1") == ({"number": 1}, True)
        assert run("events", "replay", "E9", "--yes").returncode == 3
        assert run("events", "replay").returncode == 2
        assert run("events", "replay", "E1", "--since", "1h").returncode == 2
        assert "event.send" in run("audit", "list").stdout
