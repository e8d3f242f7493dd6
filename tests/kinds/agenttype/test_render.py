"""What an AgentType becomes."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import DeniedError, InvalidConfigError, OutriderError
from outrider.core.mutual_tls import MutualTlsSettings
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration
from outrider.core.schema import convert
from outrider.core.secrets import SecretRef
from outrider.core.tool_endpoints import ToolEndpoint
from outrider.core.tool_settings import (
    A2aServerSettings,
    OpenApiServerSettings,
    PluginServerSettings,
    StdioServerSettings,
    ToolSearchSettings,
)
from outrider.kinds.agenttype.environment import AGENT_KEY
from outrider.kinds.agenttype.granting import LONGEST_QUEUE_SECONDS, OPERATIONS, check_hook
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import References, render
from outrider.kinds.agenttype.tools import ToolUse
from tests.kinds.agenttype.support import FULL, IDENTITY, PLACE, agent, plain, rendered, told

# In the order in which they are tried: the first that the field takes and that is not what it holds already.
OTHERS: list[Any] = [
    "ambient", "other", "/other", "spiffe://example.org/other", "namespaced", "landlock", "advisory", "sealed", "stop", "day", "nodejs", "other.py", "openai", "7m", "2Gi",
    "6.00 USD", "UTC", "https://other.internal", "aws", "kv", "redis://cache.internal/0", "phone", "refuse", "pass", "answer", "3.13", "2024-06-01", "us-east-1", 17, 9000, True, False, 0.5, 0.85,
]  # fmt: skip
# A job has no port, so the mode does not change alone; where an operation runs is decided by the platform that runs it.
WITHOUT_CHOICE = {("invocation", "mode"), ("tools", 0, "runOn")}
Path_ = tuple[str | int, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the places of all values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def put(spec: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    """Return a copy with another value in a place."""
    made = deepcopy(spec)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


def changed(path: Path_) -> dict[str, Any]:
    """Return the full object with another value that is valid in a place."""
    old: Any = FULL
    for step in path:
        old = old[step]
    for other in OTHERS:
        if other == old or type(other) is not type(old):
            continue
        made = put(FULL, path, other)
        try:
            agent(made)
        except InvalidConfigError:
            continue
        return made
    raise AssertionError(f"no other value for {path} = {old!r}")


def fields(model: type[msgspec.Struct], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the fields of a model and of what is in them, without the numbers of lists."""
    for field in msgspec.structs.fields(model):
        here = (*path, field.encode_name)
        yield here
        for inner in structs(field.type):
            yield from fields(inner, here)


def structs(found: Any) -> list[type[msgspec.Struct]]:
    """Return the models in a type."""
    if isinstance(found, type) and issubclass(found, msgspec.Struct):
        return [found] if found is not SecretRef else []
    return [one for part in getattr(found, "__args__", ()) for one in structs(part)]


def test_every_field_is_in_the_full_object() -> None:
    there = {
        tuple(step for step in path[:end] if isinstance(step, str))
        for path in leaves(FULL)
        for end in range(1, len(path) + 1)
    }
    missing = [field for field in fields(AgentTypeSpec) if field not in there]
    instead = [field for field in missing if field[0] not in ("size", "targetRef")]
    assert not instead, "those two stand in place of resources and of a program"


def test_a_size_stands_for_resources() -> None:
    without = {key: value for key, value in FULL.items() if key != "resources"}
    bounds = [rendered({**without, "size": size}).resources for size in ("small", "medium", "large")]
    assert [(one.cpu, int(one.memory) >> 30) for one in bounds] == [(1.0, 2), (2.0, 4), (4.0, 8)]


@pytest.mark.parametrize("path", [path for path in leaves(FULL) if path not in WITHOUT_CHOICE], ids=str)
def test_changing_any_field_changes_what_is_rendered(path: Path_) -> None:
    try:
        found = plain(rendered(changed(path)))
    except OutriderError:
        return  # it is read, as it is refused
    assert found != plain(rendered(FULL))


def test_the_same_object_is_rendered_the_same() -> None:
    assert plain(rendered(FULL)) == plain(rendered(deepcopy(FULL)))


def test_an_empty_agent_may_ask_nothing() -> None:
    workload = rendered({"agent": {"command": ["a"]}})
    assert workload.sidecar.llm.routes == []
    assert workload.isolation.files.read == workload.isolation.files.write == []


def test_programs_find_the_sidecar() -> None:
    env = rendered({"agent": {"command": ["a"]}}).env
    assert env["OPENAI_BASE_URL"] == env["OPENAI_API_BASE"] == "http://127.0.0.1:4180/v1"
    assert env["ANTHROPIC_BASE_URL"] == env["GOOGLE_GEMINI_BASE_URL"] == "http://127.0.0.1:4180"
    assert {env["OPENAI_API_KEY"], env["ANTHROPIC_API_KEY"], env["GOOGLE_API_KEY"]} == {AGENT_KEY}
    assert env["NO_PROXY"] == "127.0.0.1,localhost"
    assert env["PYTHONPATH"] == "/o/shared/wrapper/python"
    assert env["NODE_OPTIONS"] == '--require "/o/shared/wrapper/nodejs/outrider.cjs"'


def test_what_the_program_sets_is_joined_without_empty_pieces() -> None:
    env = rendered(FULL).env
    assert env["PYTHONPATH"] == "/o/shared/wrapper/python:/o/shared/packages:lib"
    assert env["NO_PROXY"] == "127.0.0.1,localhost,db"
    assert env["TOKEN"] == SecretRef("token", "a")
    assert "NODE_OPTIONS" not in env


@pytest.mark.parametrize("runtime", ["java", "none"])
def test_other_runtimes_get_variables_only(runtime: str) -> None:
    workload = rendered({"agent": {"command": ["a"]}, "wrapper": {"runtime": runtime}})
    assert not workload.init.runtimes
    assert workload.sidecar.wrapper is None
    assert "PYTHONPATH" not in workload.env
    assert "OPENAI_BASE_URL" in workload.env


def test_a_provider_by_name_is_filled_from_its_object() -> None:
    first, second, *_ = rendered(FULL).sidecar.llm.routes[0].providers
    assert (first.provider, first.url, first.model, first.dialect) == (
        "inner",
        "http://10.0.0.1:8000/v1",
        "small",
        "openai",
    )
    assert (second.url, second.ca) == ("https://models.internal", Path("/home/ana/triage/ca.pem"))


def test_the_script_answers_only_offline() -> None:
    online = rendered(FULL, msgspec.structs.replace(PLACE, offline=False))
    assert online.sidecar.llm.offline is None
    assert rendered(FULL).sidecar.llm.offline == Path("/home/ana/triage/answers.yaml")


def test_a_script_is_enough_where_nobody_else_answers() -> None:
    llm = {"routes": [{"alias": "a"}], "offline": {"script": "answers.yaml"}}
    workload = rendered({"agent": {"command": ["a"]}, "llm": llm}, msgspec.structs.replace(PLACE, offline=False))
    assert workload.sidecar.llm.offline == Path("/home/ana/triage/answers.yaml")


def test_who_asks_for_approvals_is_waited_for() -> None:
    (grant, *_) = rendered(FULL, msgspec.structs.replace(PLACE, asks=True)).sidecar.tools.grants
    assert grant.approval is None
    assert grant.timeout == 3.0 + 300.0 + LONGEST_QUEUE_SECONDS


def test_two_hooks_of_one_name_stay_apart() -> None:
    spec = {"agent": {"command": ["a"]}, "wrapper": {"hooks": ["a/x.py", "b/x.py"]}}
    workload = rendered(spec)
    assert len(set(workload.init.hooks.values())) == 2
    assert workload.env["OUTRIDER_HOOKS"] == "/o/shared/hooks/0-x.py:/o/shared/hooks/1-x.py"


def test_grants_become_those_of_the_sidecar() -> None:
    tools = rendered(FULL).sidecar.tools
    assert [server.name for server in tools.servers] == [OPERATIONS, "shop"]
    operation, shop, able = tools.grants
    assert (operation.tools, operation.prefix, operation.timeout) == (["host_file_tail"], "", 3.0)
    assert (shop.tools, shop.prefix) == (["search"], "s_")
    assert (able.server, able.tools, able.prefix) == ("shop", ["*"], "shop_")


def test_all_tools_are_listed_unless_a_search_is_asked_for() -> None:
    spec = {"agent": {"command": ["a"]}, "tools": [{"server": "shop", "tools": ["*"]}]}
    assert rendered(spec).sidecar.tools.search is None
    assert rendered(spec | {"toolSearch": {}}).sidecar.tools.search == ToolSearchSettings(list_up_to=40)


def test_a_capability_is_that_of_the_newest_tool() -> None:
    use = {"capability": "search", "tools": ["*"]}
    (grant,) = rendered({"agent": {"command": ["a"]}, "tools": [use]}).sidecar.tools.grants
    assert grant.server == "other"


STDIO: dict[str, Any] = {
    "command": ["npx", "server"], "env": {"A": "x"}, "folder": "code", "read": ["data"], "write": ["out"], "ports": [443],
    "minLevel": "namespaced", "memory": "1Gi", "processes": 7,
}  # fmt: skip


@pytest.mark.parametrize("field", STDIO)
def test_every_field_of_a_program_reaches_its_sidecar(field: str) -> None:
    def server(stdio: dict[str, Any]) -> Any:
        endpoint = convert({"version": "1", "transport": {"stdio": stdio}}, ToolEndpoint)
        use = ToolUse(server="git", tools=["*"])
        return told(use, {"git": endpoint}).servers[0]

    usual = {key: value for key, value in STDIO.items() if key != field}
    assert server(STDIO) != server({"command": ["a"]} | usual)
    assert isinstance(server(STDIO), StdioServerSettings)


OPENAPI: dict[str, Any] = {
    "document": "pets.yaml", "url": "https://pets.internal/v1", "token": {"secret": "pets"}, "headers": {"X-Team": "a"}, "ca": "ca.pem",
    "mutualTls": {},
}  # fmt: skip


def openapi_server(openapi: dict[str, Any]) -> Any:
    endpoint = convert({"version": "1", "transport": {"openapi": openapi}}, ToolEndpoint)
    use = ToolUse(server="pets", tools=["*"])
    return told(use, {"pets": endpoint}).servers[0]


@pytest.mark.parametrize("field", OPENAPI)
def test_every_field_of_a_service_reaches_its_sidecar(field: str) -> None:
    usual = {key: value for key, value in OPENAPI.items() if key != field}
    assert openapi_server(OPENAPI) != openapi_server({"document": "other.yaml"} | usual)
    assert openapi_server(OPENAPI) == OpenApiServerSettings(
        name="pets", version="1", document="/home/ana/pets.yaml", url="https://pets.internal/v1", token=SecretRef("pets"),
        headers={"X-Team": "a"}, ca=Path("/home/ana/ca.pem"), mutual_tls=MutualTlsSettings(identity=IDENTITY),
    )  # fmt: skip


ACCESS = {"agents": ["triage", "ops-*"], "requireApproval": {"from": ["owners"], "expire": "5m"}}


def accessible(access: dict[str, Any]) -> ToolEndpoint:
    transport = {"http": {"url": "https://tools.internal"}}
    return convert({"version": "1", "capabilities": ["search"], "transport": transport, "access": access}, ToolEndpoint)


@pytest.mark.parametrize(("name", "admitted"), [("triage", True), ("ops-1", True), ("other", False)])
def test_a_tool_says_who_may_use_it(name: str, admitted: bool) -> None:
    for use in (ToolUse(server="git", tools=["*"]), ToolUse(capability="search", tools=["*"])):
        if admitted:
            assert told(use, {"git": accessible(ACCESS)}, agent=name).servers
            continue
        with pytest.raises(OutriderError):
            told(use, {"git": accessible(ACCESS)}, agent=name)
    with pytest.raises(OutriderError):
        told(ToolUse(server="git", tools=["*"]), {"git": accessible({"agents": []})}, agent=name)


def test_a_tool_that_looks_at_prompts_is_for_the_agent_too() -> None:
    check_hook("git", {"git": accessible({"agents": ["triage"]})}, "triage")
    for access in ({"agents": ["other"]}, {"requireApproval": {"from": ["owners"]}}):
        with pytest.raises(DeniedError):
            check_hook("git", {"git": accessible(access)}, "triage")
    hooks = {"llm": {"hooks": [{"server": "shop", "tool": "look"}]}}
    with pytest.raises(DeniedError):
        render(
            agent({"agent": {"command": ["a"]}, **hooks}),
            PLACE,
            References(tools={"shop": accessible(ACCESS | {"agents": []})}),
        )


def test_whom_a_tool_wants_to_be_asked_is_asked() -> None:
    use = ToolUse(server="git", tools=["*"], require_approval=ApprovalTerms(groups=["friends"]), elicit=True)
    (grant,) = told(use, {"git": accessible(ACCESS)}).grants
    assert (grant.approval, grant.elicit) == (ApprovalTerms(groups=["owners"], expire=Duration(300.0)), False)
    (grant,) = told(use, {"git": accessible({})}).grants
    assert (grant.approval, grant.elicit) == (ApprovalTerms(groups=["friends"]), True)


def test_a_document_is_a_file_or_an_address() -> None:
    assert (
        openapi_server({"document": "https://pets.internal/openapi.json"}).document
        == "https://pets.internal/openapi.json"
    )
    assert openapi_server({"document": "../a b.json"}).document == "/home/ana/../a b.json"
    assert openapi_server({"document": "/etc/pets.json"}).document == "/etc/pets.json"


@pytest.mark.parametrize(
    ("openapi", "path"),
    [
        ({}, "document"), ({"document": ""}, "document"), ({"document": "ftp://pets.internal/a"}, "document"),
        ({"document": "https://u:p@pets.internal/a"}, "document"), ({"document": "a", "url": "pets.internal"}, "url"),
        ({"document": "a", "url": "https://pets.internal/?a=1"}, "url"), ({"document": "a", "url": "https://u@pets.internal/"}, "url"),
        ({"document": "a", "headers": {"a b": "c"}}, "headers"), ({"document": "a", "query": {}}, "query"),
    ],
)  # fmt: skip
def test_services_that_cannot_be_declared(openapi: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        openapi_server(openapi)
    assert caught.value.path.startswith(f"transport.openapi.{path}")


A2A: dict[str, Any] = {
    "url": "https://other.internal/a2a/web", "token": {"secret": "web"}, "headers": {"x-team": "a"}, "ca": "ca.pem",
    "mutualTls": {},
}  # fmt: skip


@pytest.mark.parametrize("field", A2A)
def test_every_field_of_another_agent_reaches_its_sidecar(field: str) -> None:
    def server(a2a: dict[str, Any]) -> Any:
        endpoint = convert({"version": "1", "transport": {"a2a": a2a}}, ToolEndpoint)
        use = ToolUse(server="web", tools=["send"])
        return told(use, {"web": endpoint}).servers[0]

    usual = {key: value for key, value in A2A.items() if key != field}
    assert server(A2A) != server({"url": "https://a.internal"} | usual)
    assert isinstance(server(A2A), A2aServerSettings)
    assert server(A2A).ca == Path("/home/ana/ca.pem")


@pytest.mark.parametrize("url", ["ftp://a", "https://", "https://a@b/", "https://a/#x", "https://a/?x=1", "a"])
def test_addresses_before_which_no_card_lies(url: str) -> None:
    with pytest.raises(InvalidConfigError, match="url"):
        convert({"version": "1", "transport": {"a2a": {"url": url}}}, ToolEndpoint)


PLUGIN: dict[str, Any] = {"id": "log-search", "config": {"folder": {"secret": "place"}}, "minLevel": "namespaced"}


@pytest.mark.parametrize("field", PLUGIN)
def test_every_field_of_a_plugin_reaches_its_sidecar(field: str) -> None:
    def server(plugin: dict[str, Any]) -> Any:
        endpoint = convert({"version": "1", "transport": {"plugin": plugin}}, ToolEndpoint)
        use = ToolUse(server="logs", tools=["*"])
        return told(use, {"logs": endpoint}).servers[0]

    usual = {key: value for key, value in PLUGIN.items() if key != field}
    assert server(PLUGIN) != server({"id": "other"} | usual)
    assert server(PLUGIN) == PluginServerSettings(
        name="logs", version="1", plugin="log-search", config=PLUGIN["config"], base=Path("/home/ana"), min_level="namespaced"
    )  # fmt: skip


@pytest.mark.parametrize("transport", [{}, {"http": {"url": "https://a.internal/"}, "stdio": {"command": ["a"]}}])
def test_a_server_is_reached_in_one_way(transport: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError, match="in one way"):
        convert({"version": "1", "transport": transport}, ToolEndpoint)


def test_an_address_holds_no_password() -> None:
    with pytest.raises(InvalidConfigError, match="regex"):
        convert({"version": "1", "transport": {"http": {"url": "https://ana:secret@tools.internal/mcp"}}}, ToolEndpoint)
