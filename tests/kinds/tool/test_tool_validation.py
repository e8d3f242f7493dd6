"""What is said about a Tool whose plugin cannot be used, and where; and which version it has."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.kinds.agenttype.tools import ToolUse
from outrider.kinds.agenttype.validation import references
from outrider.runtime.folders import ObjectFolder
from tests.kinds.agenttype.support import told
from tests.sidecar.tools.plugins.support import write_probe

TOOL = """apiVersion: outrider.dev/v1alpha1
kind: Tool
metadata: {name: eyes}
spec:
  {version}transport:
    plugin:
      id: probe
      {more}
"""
AGENT = """apiVersion: outrider.dev/v1alpha1
kind: AgentType
metadata: {name: triage}
spec:
  agent: {command: [a]}
  tools: [{server: eyes, tools: ["*"], version: ">=1.2,<2"}]
"""


def declare(folder: Path, more: str = "", *, version: str = "", plugin: str = "probe", **manifest: Any) -> None:
    """Write a Tool and the plugin beside it."""
    write_probe(folder, **manifest)
    text = TOOL.replace("{more}", more).replace("{version}", f"version: {version}\n  " if version else "")
    (folder / "tool.yaml").write_text(text.replace("id: probe", f"id: {plugin}"))


def fault(folder: Path, more: str = "", **declared: Any) -> InvalidConfigError:
    declare(folder, more, **declared)
    with pytest.raises(InvalidConfigError) as caught:
        ObjectFolder(folder).read()
    return caught.value


@pytest.mark.parametrize(
    ("more", "place", "source", "said"),
    [
        ("config: {tokn: x}", "spec.transport.plugin.config.tokn", "tool.yaml:8:16", "did you mean 'token'?"),
        ("config: {token: 1}", "spec.transport.plugin.config.token", "tool.yaml:8:23", "text"),
        ("config: {refuse: {secret: t}}", "spec.transport.plugin.config.refuse", "tool.yaml:8:24", "true or false"),
        ("config: []", "spec.transport.plugin.config", "tool.yaml:8:15", "a mapping"),
        ("minLevel: none", "spec.transport.plugin.minLevel", "tool.yaml:8:17", "landlock"),
        ("conf: {}", "spec.transport.plugin.conf", "tool.yaml:8:7", "did you mean 'config'?"),
    ],
)
def test_faults_of_a_plugins_configuration_have_their_place(
    tmp_path: Path, more: str, place: str, source: str, said: str
) -> None:
    error = fault(tmp_path, more)
    assert (error.path, error.source) == (place, source)
    assert said in f"{error.expected} {error.suggestions}"


@pytest.mark.parametrize(
    ("plugin", "said", "hint"),
    [
        ("prob", "no tool plugin is called 'prob'", "did you mean 'probe'?"),
        ("dns-probe", "plugin 'dns-probe' is of another type", "name a tool: outrider plugin list shows them"),
    ],
)
def test_a_plugin_that_is_no_tool_is_told_of_with_its_place(
    tmp_path: Path, plugin: str, said: str, hint: str
) -> None:  # fmt: skip
    declare(tmp_path, plugin=plugin)
    with pytest.raises(OutriderError, match=said) as caught:
        ObjectFolder(tmp_path).read()
    error = caught.value
    assert (error.path, error.source, error.hint) == ("spec.transport.plugin.id", "tool.yaml:7:11", hint)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"permissions": {"operations": ["host.disk"]}}, "a tool asks for no operations"),
        ({"input": {"properties": {}}}, "input of a tool is an object"),
        ({"output": {"type": "array"}}, "output of a tool is an object"),
        ({"type": "action", "read_only": True}, "those of a tool"),
    ],
)
def test_a_plugin_yaml_that_is_wrong_is_told_of_where_it_is(
    tmp_path: Path, manifest: dict[str, Any], said: str
) -> None:  # fmt: skip
    error = fault(tmp_path, **manifest)
    assert said in error.message
    assert "plugins/probe/plugin.yaml:" in error.source


def test_a_schema_that_is_none_is_told_of(tmp_path: Path) -> None:
    error = fault(tmp_path, input={"type": "object", "properties": {"a": {"type": "txt"}}})
    assert "input.properties.a.type is no JSON Schema" in error.message


def test_the_version_of_a_plugin_is_its_own(tmp_path: Path) -> None:
    declare(tmp_path)
    (tmp_path / "agent.yaml").write_text(AGENT)
    objects = ObjectFolder(tmp_path).read()
    known = references(objects, objects.catalogue)
    settings = told(ToolUse(server="eyes", tools=["*"]), dict(known.tools))
    assert settings.servers[0].version == "1.2.0"


@pytest.mark.parametrize("version", ["2.0.0", "1.0.0"])
def test_a_range_of_versions_holds_for_plugins_too(tmp_path: Path, version: str) -> None:
    declare(tmp_path)
    write_probe(tmp_path, version=version)
    (tmp_path / "agent.yaml").write_text(AGENT)
    with pytest.raises(InvalidConfigError, match="has another version") as caught:
        ObjectFolder(tmp_path).read()
    assert (caught.value.path, caught.value.found) == ("spec.tools[0].version", version)


def test_a_version_that_is_written_must_be_that_of_the_plugin(tmp_path: Path) -> None:
    declare(tmp_path, version="1.2.0")
    ObjectFolder(tmp_path).read()
    error = fault(tmp_path, version="1.1.0")
    assert (error.path, error.found, error.expected) == ("spec.version", "1.1.0", "1.2.0")


def test_any_other_tool_says_its_version(tmp_path: Path) -> None:
    text = "apiVersion: outrider.dev/v1alpha1\nkind: Tool\nmetadata: {name: a}\nspec: {transport: {http: {url: 'http://h/'}}}\n"
    (tmp_path / "tool.yaml").write_text(text)
    with pytest.raises(InvalidConfigError, match="'version' is missing"):
        ObjectFolder(tmp_path).read()
