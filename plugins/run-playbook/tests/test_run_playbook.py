import json
import math
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import example
from hypothesis import given as given_by
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.core.schema import convert
from outrider.operators.host.operations.command_run import OPERATION
from outrider.operators.host.tests.host_calls import allowing, context
from outrider.runtime.context import AllowedCommand
from outrider.runtime.plugin_host.protocol import PluginCall
from outrider.runtime.plugins.configuration import schema_faults, with_defaults
from outrider.runtime.plugins.manifest import Plugin, read_plugin
from tests.peers import environments
from tests.plugins.harness import PLUGINS, Running, faults, module, running
from tests.servers.ports import free_port

FOLDER = "run-playbook"
CONFIG = {"playbook": "/etc/site.yml", "inventory": "/etc/hosts"}
PATTERNS = [
    r"--inventory=/[\w/.-]+",
    r"--limit=[\w.,:*!&-]*",
    r"--extra-vars=\{.*\}",
    "--check|--tags=all",
    r"/[\w/.-]+",
]
RECAP = """
PLAY RECAP *********************************************************************
{}\x1b[0;33mweb1\x1b[0m                       : ok=12   \x1b[0;33mchanged=3   \x1b[0m unreachable=0    failed=0    skipped=1    rescued=2    ignored=4   
db-1.example.org           : ok=2    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   

"""  # noqa: W291 - as Ansible prints it


def ansible_playbook() -> str:
    return str(environments.install("ansible", environments.PROGRAMS["ansible"]) / "ansible-playbook")


class OnRealHost(Running):
    """Its calls are the real operation, with an allow-list."""

    def __init__(self, plugin: Plugin, config: dict[str, Any], allowed: AllowedCommand, seconds: float) -> None:
        super().__init__(plugin, config, {})
        self.where = allowing(**{"ansible-playbook": allowed})
        self.seconds = seconds

    async def _call(self, call: PluginCall) -> Any:
        self.calls.append(call)
        assert call.operation == "host.command_run"
        deadline = self.where.clock.monotonic() + self.seconds
        return await OPERATION.run(
            convert(call.params, OPERATION.params), msgspec.structs.replace(context(self.where), deadline=deadline)
        )


@asynccontextmanager
async def on_host(
    folder: Path, *, program: list[str] | None = None, patterns: list[str] | None = None, seconds: float = 50.0
) -> AsyncIterator[OnRealHost]:
    argv = program or ["env", f"HOME={folder}", "ANSIBLE_HOST_KEY_CHECKING=false", ansible_playbook()]
    config = {"playbook": str(folder / "site.yml"), "inventory": str(folder / "hosts")}
    plugin = OnRealHost(
        read_plugin(PLUGINS / FOLDER), config, AllowedCommand(argv, PATTERNS if patterns is None else patterns), seconds
    )
    await plugin.host.start()
    try:
        yield plugin
    finally:
        await plugin.host.stop()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    hosts = {
        "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "gone": {"ansible_host": "127.0.0.1", "ansible_port": free_port(), "ansible_connection": "ssh"},
    }
    (tmp_path / "hosts").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    write_tasks(tmp_path, {"ansible.builtin.copy": {"content": "{{ given | to_json }}", "dest": f"{tmp_path}/out"}})
    return tmp_path


def write_tasks(folder: Path, *tasks: dict[str, Any]) -> None:
    play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks)}
    (folder / "site.yml").write_text(yaml.safe_dump([play]))


async def failure(plugin: Running, given: dict[str, Any] | None = None) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute({} if given is None else given, timeout=50)
    return caught.value


@pytest.mark.real
async def test_a_real_playbook(site: Path) -> None:
    text = "ü \"'\\ {{ lookup('pipe', 'touch " + str(site / "pwned") + "') }} {% raw %} \n\U0001f600\x85"
    given = {
        "text": text,
        "list": [1, 2.5, 1e-07, 1e300, True, None, {"k": "{{ 1 + 1 }}"}],
        "no": "no",
        "n": "012",
        "j": "{no",
        "p": "%}",
    }
    async with on_host(site) as plugin:
        result = await plugin.execute({"limit": "here", "extra_vars": {"given": given}}, timeout=50)
        again = await plugin.execute({"limit": "here", "extra_vars": {"given": given}}, timeout=50)
    assert result["hosts"] == {
        "here": {"ok": 1, "changed": 1, "unreachable": 0, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 0}
    }
    assert (result["changed"], result["check"], result["recap"]) == (1, False, True)
    assert result["summary"] == "site.yml · 1 host, 1 changed"
    assert again["summary"] == "site.yml · 1 host, 0 changed"
    assert json.loads((site / "out").read_text()) == given
    assert not (site / "pwned").exists(), "a text was evaluated"


@pytest.mark.real
async def test_a_check_changes_nothing(site: Path) -> None:
    async with on_host(site) as plugin:
        result = await plugin.execute({"limit": "here", "check": True, "extra_vars": {"given": 1}}, timeout=50)
    assert (result["changed"], result["check"]) == (1, True)
    assert result["summary"] == "site.yml (check) · 1 host, 1 changed"
    assert not (site / "out").exists()


@pytest.mark.real
async def test_a_playbook_that_fails(site: Path) -> None:
    write_tasks(site, {"ansible.builtin.fail": {"msg": "the disk is full"}})
    async with on_host(site) as plugin:
        error = await failure(plugin, {"limit": "here"})
        assert (error.code, error.retryable) == ("EXECUTION_FAILED", False)
        assert "site.yml: exit status 2; failed: here\nfatal: [here]: FAILED!" in error.message
        assert "the disk is full" in error.message
        assert any("the disk is full" in line for line in plugin.lines)
        write_tasks(site, {"ansible.builtin.ping": {}})
        assert (await plugin.execute({"limit": "here"}, timeout=50))["hosts"]["here"]["ok"] == 1


@pytest.mark.real
async def test_a_host_that_is_unreachable(site: Path) -> None:
    if shutil.which("ssh") is None:
        pytest.fail("ssh is not in PATH: apt-get install openssh-client")
    write_tasks(site, {"ansible.builtin.ping": {}})
    async with on_host(site) as plugin:
        error = await failure(plugin)  # without a limit the other host is asked, too
        assert (error.code, error.retryable) == ("UNAVAILABLE", True)
        assert "exit status 4; unreachable: gone\nfatal: [gone]: UNREACHABLE!" in error.message
        write_tasks(site, {"ansible.builtin.command": "false"})
        error = await failure(plugin)
    assert error.code == "EXECUTION_FAILED"
    assert "failed: here; unreachable: gone" in error.message


@pytest.mark.real
@pytest.mark.parametrize(
    ("given", "play", "said"), [({"limit": "nobody"}, None, "no hosts"), ({}, "- hosts: [", "exit status 4; ")]
)
async def test_what_ansible_refuses(site: Path, given: dict[str, Any], play: str | None, said: str) -> None:
    if play:
        (site / "site.yml").write_text(play)
    async with on_host(site) as plugin:
        error = await failure(plugin, given)
    assert error.code == "EXECUTION_FAILED"
    assert said in error.message.lower()


@pytest.mark.real
async def test_the_allow_list_decides(site: Path) -> None:
    async with on_host(site, patterns=[*PATTERNS[:3], "--check", PATTERNS[4]], program=["true"]) as plugin:
        assert (await failure(plugin)).code == "DENIED"
        result = await plugin.execute({"check": True})
    assert (result["recap"], result["hosts"], result["summary"]) == (False, {}, "site.yml (check) · done")
    async with on_host(site, patterns=[], program=["true"]) as plugin:
        assert (await failure(plugin)).code == "DENIED"
    async with on_host(site, program=["no-such-ansible"]) as plugin:
        assert (await failure(plugin)).code == "NOT_FOUND"


@pytest.mark.real
async def test_a_playbook_that_takes_too_long(site: Path) -> None:
    async with on_host(site, program=["sh", "-c", "sleep 60"], seconds=0.3) as plugin:
        assert (await failure(plugin)).code == "TIMEOUT"


@pytest.mark.real
async def test_the_arguments_are_always_five() -> None:
    done = {"exit_code": 0, "stdout": RECAP.format(""), "stderr": "", "truncated": False, "duration_ms": 3.5}
    async with running(FOLDER, CONFIG, operations={"host.command_run": lambda _: done}) as plugin:
        result = await plugin.execute({})
        await plugin.execute({"limit": "a:!b", "check": True, "extra_vars": {"v": 'x"', "w": "{{ x }}"}})
    assert [call.params for call in plugin.calls] == [
        {"name": "ansible-playbook", "arguments": [
            "--inventory=/etc/hosts", "--limit=", "--extra-vars={}", "--tags=all", "/etc/site.yml"]},
        {"name": "ansible-playbook", "arguments": [
            "--inventory=/etc/hosts", "--limit=a:!b", '--extra-vars={"v": "x\\"", "w": !unsafe "{{ x }}"}', "--check", "/etc/site.yml"]},
    ]  # fmt: skip
    assert list(result["hosts"]) == ["web1", "db-1.example.org"]
    assert result["hosts"]["web1"] == {
        "ok": 12, "changed": 3, "unreachable": 0, "failed": 0, "skipped": 1, "rescued": 2, "ignored": 4,
    }  # fmt: skip
    assert (result["changed"], result["duration_ms"], result["summary"]) == (4, 3.5, "site.yml · 2 hosts, 4 changed")


@pytest.mark.real
async def test_output_without_a_recap() -> None:
    done = {"exit_code": 0, "stdout": "{}", "stderr": "", "truncated": True, "duration_ms": 1.0}
    async with running(FOLDER, CONFIG, operations={"host.command_run": lambda _: done}) as plugin:
        result = await plugin.execute({})
        assert (result["recap"], result["hosts"]) == (False, {})
        assert plugin.lines == ["site.yml: its output has no recap: it was longer than 256 KiB"]
        plugin.operations["host.command_run"] = lambda _: {**done, "exit_code": -9}
        error = await failure(plugin)
    assert (error.code, "exit status -9; no recap" in error.message) == ("EXECUTION_FAILED", True)


@pytest.mark.real
async def test_variables_that_are_too_long_are_not_sent() -> None:
    async with running(FOLDER, CONFIG) as plugin:
        error = await failure(plugin, {"extra_vars": {"v": "x" * 4096}})
        assert plugin.calls == []
    assert (error.code, "4096" in error.message) == ("INVALID_CONFIG", True)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Loader(yaml.SafeLoader):
    """The YAML that Ansible reads, with its tag."""


class Unsafe(str):
    __slots__ = ()


def construct_unsafe(loader: Loader, node: yaml.ScalarNode) -> Unsafe:
    return Unsafe(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", construct_unsafe)


@given_by(st.dictionaries(TEXT, VALUES, max_size=4))
@example({"k" * 1025: {"{" * 1500: "{" * 1500}, "no": "no"})
def test_variables_arrive_as_they_are(value: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        text = module(FOLDER, "ansible_text", patch).variables(value)
    assert text.isascii()
    assert "\n" not in text
    loaded = yaml.load(text, Loader)
    assert same(loaded, value)


def same(loaded: Any, value: Any) -> bool:
    """Compare with types, and see that what may be a template is marked."""
    if isinstance(value, str):
        return type(loaded) is (Unsafe if "{" in value else str) and loaded == value
    if type(loaded) is not type(value):
        return False
    if isinstance(value, dict):
        return list(loaded) == list(value) and all(same(loaded[key], value[key]) for key in value)
    if isinstance(value, list):
        return len(loaded) == len(value) and all(map(same, loaded, value))
    return bool(loaded == value or (isinstance(value, float) and math.isclose(loaded, value)))


@pytest.mark.parametrize(
    ("stdout", "hosts"),
    [
        ("", None),
        ("PLAY RECAP ***\n\n", {}),
        ("a : ok=1 changed=1 unreachable=0 failed=0\nPLAY RECAP ***\nb : ok=1    changed=0    unreachable=0    failed=0\n", {"b"}),
        ('ok: [a] => {"msg": "PLAY RECAP ***"}\n', None),
        ("PLAY RECAP ***\nx : ok=1\n[::1]:22 : ok=1 changed=0 unreachable=0 failed=0 skipped=0\n", {"[::1]:22"}),
        ("PLAY RECAP ***\nold : ok=9 changed=0 unreachable=0 failed=0\nPLAY RECAP ***\nnew : ok=1 changed=0 unreachable=0 failed=0", {"new"}),
    ],
)  # fmt: skip
def test_recaps(monkeypatch: pytest.MonkeyPatch, stdout: str, hosts: Any) -> None:
    found = module(FOLDER, "ansible_text", monkeypatch).recap(stdout)
    assert (None if found is None else set(found)) == (None if hosts is None else set(hosts))


@pytest.mark.parametrize("bad", [{}, {"playbook": "a"}, {"playbook": "-e", "inventory": "b"},
                                 {"playbook": "a\n", "inventory": "b"}, {"playbook": "a", "inventory": "b", "x": 1}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults(FOLDER, bad)


@pytest.mark.parametrize("bad", [{"limit": "@/etc/shadow"}, {"limit": "a b"}, {"limit": "a\n"}, {"check": 1},
                                 {"extra_vars": {"ansible_connection": "local"}}, {"extra_vars": {"a b": 1}},
                                 {"extra_vars": []}, {"tags": "x"}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / FOLDER).manifest.input, bad, ("with",)))


def test_the_readmes_patterns_take_what_is_sent() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (PLUGINS / FOLDER / "README.md").read_text(), re.DOTALL)
    [patterns] = [
        block["commands"]["ansible-playbook"]["arguments"]
        for block in map(yaml.safe_load, blocks)
        if "commands" in block
    ]
    config = with_defaults(
        read_plugin(PLUGINS / FOLDER).manifest.configuration, yaml.safe_load(blocks[0])["plugins"][0]["config"]
    )
    with pytest.MonkeyPatch.context() as patch:
        loaded = module(FOLDER, "run_playbook", patch)
        plugin = loaded.RunPlaybook(config, None)
        for given in ({}, yaml.safe_load(blocks[1])["do"][0]["with"], {"check": True, "extra_vars": {"a": "}\n{"}}):
            arguments = plugin._arguments(given)
            assert len(arguments) == len(patterns)
            assert all(re.fullmatch(pattern, argument) for pattern, argument in zip(patterns, arguments, strict=True))
