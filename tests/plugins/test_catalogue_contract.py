"""What every plugin of the catalogue has to keep."""

import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import Plugin, read_plugin
from tests.plugins.harness import PLUGINS, Running, command, start_process
from tests.servers.ports import free_port

FOLDERS = sorted(path.parent.name for path in PLUGINS.glob("*/plugin.yaml"))
TRIGGERS = [folder for folder in FOLDERS if read_plugin(PLUGINS / folder).manifest.type == "trigger"]
LINE = b'{"method":"cancel","params":{"id":99}}\nno json\n[]\n\n'


def example(plugin: Plugin, folder: Path) -> dict[str, Any]:
    """Return the configuration of the README's first example, with paths below `folder` and a free port."""
    block = re.search(r"```yaml\n(.*?)```", (plugin.folder / "README.md").read_text(), re.DOTALL)
    assert block is not None
    config = _config(yaml.safe_load(block[1]))
    permissions = plugin.manifest.permissions
    for field in {*permissions.filesystem.read, *permissions.filesystem.write} & set(config):
        path = folder / Path(config[field]).name
        config[field] = str(path)
        if plugin.manifest.configuration["properties"][field]["description"].startswith("path of the folder"):
            path.mkdir()
    for field in set(permissions.network.listen) & set(config):
        config[field] = f"127.0.0.1:{free_port()}"
    return config


def _config(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return _config(value[0])
    if "config" in value:
        return dict(value["config"])
    for key in ("triggers", "plugins", "spec", "transport", "plugin"):
        if key in value:
            return _config(value[key])
    return {}


def schemas(plugin: Plugin) -> list[dict[str, Any]]:
    """Return those of its configuration, of what it is given, and of what a tool gives."""
    return [plugin.manifest.configuration, *(schema for _, schema in plugin.manifest.exchanged())]


@pytest.fixture(params=FOLDERS)
def plugin(request: pytest.FixtureRequest) -> Plugin:
    return read_plugin(PLUGINS / request.param)


def test_the_catalogue_has_what_is_documented() -> None:
    keys = {read_plugin(PLUGINS / folder).manifest.key for folder in FOLDERS}
    triggers = {"http-probe", "file-tail", "process-monitor", "cpu-monitor", "webhook", "schedule"}
    triggers |= {"memory-monitor", "disk-monitor", "systemd-unit", "git-repository", "tcp-probe", "dns-probe"}
    triggers |= {
        "tls-expiry",
        "http-json",
        "prometheus-query",
        "postgresql-query",
        "redis",
        "ping",
        "journald",
        "nats-subject",
    }
    expected = {("trigger", name) for name in triggers}
    expected |= {("action", "service-restart"), ("action", "run-script"), ("output", "file"), ("output", "webhook")}
    outputs = ("email", "chat-webhook", "alertmanager", "pagerduty-events", "syslog", "postgresql", "nats-subject")
    expected |= {("output", name) for name in outputs}
    actions = ("http-call", "disk-clean-up", "systemd-unit", "git-commit", "container-restart", "run-playbook")
    expected |= {("action", name) for name in actions}
    expected |= {("tool", "log-search")}
    assert expected <= keys
    assert len(keys) == len(FOLDERS), "two plugins of one type share an id"


def test_its_schemas_are_valid_and_closed(plugin: Plugin) -> None:
    for schema in schemas(plugin):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False
        for field in schema.get("properties", {}).values():
            assert field["description"]
            for value in [*field.get("examples", ()), *([field["default"]] if "default" in field else ())]:
                assert not list(schema_faults(field, value, ()))


def test_permissions_name_fields_of_the_configuration(plugin: Plugin) -> None:
    permissions = plugin.manifest.permissions
    named = [*permissions.network.connect, *permissions.network.listen]
    named += [*permissions.filesystem.read, *permissions.filesystem.write]
    assert set(named) <= set(plugin.manifest.configuration.get("properties", {}))


def test_its_target_names_fields_of_the_input(plugin: Plugin) -> None:
    assert set(re.findall(r"\{(\w+)\}", plugin.manifest.target)) <= set(plugin.manifest.input.get("properties", {}))
    assert bool(plugin.manifest.target) == (plugin.manifest.type == "action")


def test_its_readme_names_every_field(plugin: Plugin) -> None:
    text = (plugin.folder / "README.md").read_text()
    for schema in schemas(plugin):
        for name, field in schema.get("properties", {}).items():
            row = re.search(rf"^\| `{name}` \|.*$", text, re.MULTILINE)
            assert row is not None, name
            default = field.get("default")
            assert not default or isinstance(default, list | dict) or str(default) in row[0], name


def test_the_readmes_example_fits_the_schema(plugin: Plugin, tmp_path: Path) -> None:
    assert not list(schema_faults(plugin.manifest.configuration, example(plugin, tmp_path), ()))


@pytest.mark.real
async def test_it_shakes_hands_and_stops_when_asked(plugin: Plugin, tmp_path: Path) -> None:
    running = Running(plugin, example(plugin, tmp_path), {})
    began = time.monotonic()
    await running.host.start(credit=1)
    assert time.monotonic() - began < 2
    began = time.monotonic()
    await running.host.stop()
    assert time.monotonic() - began < 1
    assert running.process is not None
    assert await running.process.wait() == 0
    assert running.host.fault is None


@pytest.mark.real
async def test_it_ends_when_its_input_ends(plugin: Plugin, tmp_path: Path) -> None:
    running = Running(plugin, example(plugin, tmp_path), {})
    await running.host.start(credit=1)
    assert running.process is not None
    began = time.monotonic()
    running.process.stdin.close()
    await running.process.wait()
    assert time.monotonic() - began < 1
    await running.host.kill()


@pytest.mark.real
async def test_it_ends_when_its_input_ends_before_the_handshake(plugin: Plugin) -> None:
    process = await start_process(command(plugin))
    process.stdin.close()
    began = time.monotonic()
    assert await process.wait() == 0
    assert time.monotonic() - began < 2
    process.stdin.close()


@pytest.mark.real
async def test_it_survives_lines_that_are_no_messages(plugin: Plugin, tmp_path: Path) -> None:
    running = Running(plugin, example(plugin, tmp_path), {})
    await running.host.start(credit=1)
    assert running.process is not None
    running.process.stdin.write(LINE)
    with pytest.raises(Exception, match="unknown method") as caught:
        await running.execute({}, method="no-such-method", timeout=2)
    assert getattr(caught.value, "code", "") == "UNSUPPORTED"
    await running.host.stop()
    assert running.host.fault is None


@pytest.mark.real
@pytest.mark.parametrize("folder", TRIGGERS)
async def test_a_trigger_sends_nothing_without_credit(folder: str, tmp_path: Path) -> None:
    plugin = read_plugin(PLUGINS / folder)
    running = Running(plugin, example(plugin, tmp_path), {"host.processes": lambda _: {"processes": []}})
    await running.host.start(credit=0)
    await running.host.stop()
    assert running.events == []
    assert running.host.fault is None
