"""What every command writes with `-o json` is what the reference page says: run on a platform that has some of everything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs.generate import REFERENCE
from docs.pages.output import SCHEMAS, commands
from outrider.core.codec import to_builtins
from outrider.core.errors import OutriderError
from outrider.core.schema import convert
from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished
from tests.platform.queues import with_own_queue

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

DOCUMENT = json.loads((REFERENCE / SCHEMAS).read_text())
TYPES = dict(commands())
APPROVED = """
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: asks}
spec: {when: {any: [{type: asked}]}, do: [{plugin: recorder, requireApproval: {from: [oncall], expire: 1h}}]}
---
apiVersion: outrider.dev/v1alpha1
kind: OperatorCall
metadata: {name: nightly}
spec: {schedule: "0 3 * * *", operator: '@host("disk", "/")', runOn: hands}
"""
CASES = """
- name: one post
  events: [{at: 0s, source: ears/hook, type: webhook, data: {body: {}}}]
  expect: [{rule: on-post}]
"""
AGENT = """
apiVersion: outrider.dev/v1alpha1
kind: AgentType
metadata: {name: echo}
spec: {agent: {command: [sh, -c, cat]}, llm: {offline: {script: answers.yaml}}}
"""
# It goes on for ever, or is tried where there is a cluster: tests/local/cluster, tests/controller.
ELSEWHERE = ("watch", "cluster", "controller")
CALLS = 'room: @host("disk", "/")\n'


def arguments(folder: Path, run: str, event: str) -> dict[str, list[list[str]]]:
    """Return how each command is called, with all forms of its result where there are several."""
    return {
        "reload": [["--yes"]],
        "status": [[]],
        "events": [[]],
        "events list": [[]],
        "events replay": [[event], [event, "--yes"]],
        "events send": [["ears/hook", "--type", "sent"]],
        "runs list": [[]],
        "runs show": [[run]],
        "rules list": [[]],
        "rules test": [[], ["--cases", "../cases.yml"]],
        "rules why": [[event]],
        "schedules list": [[]],
        "queue dead": [[]],
        "queue show": [["1"]],
        "queue status": [[]],
        "silences list": [[]],
        "agent cost": [["ai"]],
        "agent invoke": [["echo", "--input", "x"], ["echo", "--no-wait"]],
        "agent memory": [["ai"]],
        "agent prompts": [["ai"]],
        "agent run": [["ai", "--offline"]],
        "agent runs": [["ai"]],
        "agents": [[]],
        "agents list": [[]],
        "approvals list": [[]],
        "audit list": [[]],
        "audit verify": [[]],
        "operators list": [[]],
        "operators show": [["host"]],
        "plan": [["host.file_write", str(folder / "note"), "content=1"]],
        "tsk apply": [["empty.tsk"]],
        "tsk eval": [["calls.tsk"]],
        "tsk plan": [["calls.tsk"]],
        "apply": [["-f", "."]],
        "get": [["rules"]],
        "describe": [["rule", "on-post"]],
        "validate": [[]],
        "plans": [[]],
        "mcp tools": [[]],
        "plugin list": [[]],
        "plugin new": [["made", "--type", "action"]],
        "plugin show": [["webhook"]],
        "plugin test": [["plugins/made"]],
        "secret list": [[]],
        "context list": [[]],
        "backup": [["saved.tar.gz"]],
        "support-bundle": [["bundle.tar.gz"]],
        "doctor": [[]],
        "explain": [[], ["DENIED"], ["rule.do.retry"]],
        "version": [[]],
    }


def same(value: Any, types: tuple[Any, ...]) -> bool:
    """Tell whether a value is one of these types, with no field that they do not have."""
    for target in types:
        try:
            back = to_builtins(convert(value, target))
        except OutriderError:
            continue
        if back == value:
            return True
    return False


def test_every_command_gives_what_is_documented(hook: Hook) -> None:
    own = with_own_queue(hook)
    folder = hook.platform.folder
    (folder / "more.yaml").write_text(APPROVED)
    (folder.parent / "cases.yml").write_text(CASES)
    (folder / "calls.tsk").write_text(CALLS)
    (folder / "ai").mkdir()
    (folder / "ai" / "agent.yaml").write_text(AGENT)
    (folder / "ai" / "answers.yaml").write_text("- say: hello\n")
    (folder / "agent.yaml").write_text(AGENT)
    (folder / "answers.yaml").write_text("- say: hello\n")
    (folder / "empty.tsk").write_text("a = 1\n")
    with running(hook.platform):
        hook.post()
        own.send(b"garbage")
        eventually(lambda: hook.platform.json("queue", "dead"), what="a dead letter")
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        hook.platform.command("events", "send", "ears/asker", "--type", "asked")
        hook.platform.command("silences", "add", "--rule", "none-*", "--for", "1h")
        run, event = hook.platform.runs()[-1]["id"], hook.platform.json("events")[0]["event"]["id"]
        called = arguments(folder, run, event)
        others = {name for name in TYPES if name.split()[1] in ELSEWHERE}
        assert {f"outrider {name}" for name in called} | others == TYPES.keys(), "a command is not tried here"
        faults = [fault for name, forms in called.items() for form in forms for fault in differences(hook, name, form)]
    assert not faults, "\n".join(faults)


def differences(hook: Hook, name: str, form: list[str]) -> Iterator[str]:
    done = hook.platform.command(*name.split(), *form, "-o", "json")
    said = f"{name} {form}: "
    if done.returncode not in (0, 6):
        yield said + done.stderr
        return
    try:
        value = json.loads(done.stdout)
    except ValueError:
        yield said + f"no JSON: {done.stdout!r}"
        return
    schema = {**DOCUMENT["commands"][f"outrider {name}"], "$defs": DOCUMENT["$defs"]}
    yield from (said + error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(value))
    types = TYPES[f"outrider {name}"]
    if Any not in types and not same(value, types):
        yield said + f"it has fields that are not documented: {done.stdout[:500]}"


def test_a_field_that_is_not_documented_is_seen() -> None:
    types = TYPES["outrider version"]
    assert same({"outrider": "1", "python": "3", "system": "x"}, types)
    assert not same({"outrider": "1", "python": "3", "system": "x", "more": 1}, types)
