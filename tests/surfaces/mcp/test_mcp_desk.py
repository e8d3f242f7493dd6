"""Tools as an AI agent uses them, on real files."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from outrider.core.mcp.tools import ToolResult
from outrider.runtime.audit import read_chain
from outrider.runtime.contexts import PlatformContext, user_state_folder
from outrider.runtime.discovery import registry
from outrider.surfaces.door import Door
from outrider.surfaces.mcp.desk import ToolDesk
from tests.surfaces.conftest import policy


def declare(shop: PlatformContext, *objects: str) -> None:
    (shop.folder / "outrider.yaml").write_text("---\n".join(objects))


async def planned(desk: ToolDesk, path: Path, content: str = "new") -> dict[str, Any]:
    result = await desk.call("host_file_write", {"path": str(path), "content": content})
    assert not result.failed, result.content
    return result.content


async def apply(desk: ToolDesk, plan: dict[str, Any], **arguments: Any) -> ToolResult:
    return await desk.call("plan_apply", {"plan": plan["id"], **arguments})


def test_every_operation_is_a_tool_with_valid_schemas(desk: ToolDesk) -> None:
    tools = {tool.name: tool for tool in desk.tools()}
    operations = [
        (f"{family.name}_{operation.name}", operation)
        for family in registry().families.values()
        for operation in family.declaration.operations
    ]
    assert set(tools) == {name for name, _ in operations} | {"plan_apply", "plan_show"}
    for name, operation in operations:
        tool = tools[name]
        assert tool.annotations.read_only_hint is not operation.effect.changes
        assert tool.annotations.destructive_hint is (operation.effect == "destroy")
        assert tool.description.startswith(operation.summary)
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.input_schema["type"] == "object"
        assert all(field.get("description") for field in tool.input_schema["properties"].values()), tool.name
        if tool.output_schema is not None:
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
            assert tool.output_schema["type"] == "object"


async def test_a_read_runs(desk: ToolDesk, home: Path) -> None:
    (home / "a.txt").write_text("hello")
    result = await desk.call("host_file_read", {"path": str(home / "a.txt")}, "1" * 32)
    assert not result.failed
    assert result.content["content"] == "hello"
    (record,) = read_chain(user_state_folder() / "audit.jsonl")
    assert (record.entry.principal, record.entry.trace_id) == ("agent:editor", "1" * 32)


async def test_a_change_is_only_planned(desk: ToolDesk, home: Path) -> None:
    plan = await planned(desk, home / "a.txt")
    assert plan["items"][0]["change"]["difference"] == [{"path": "content", "before": None, "after": "new"}]
    assert plan["actor"] == "agent:editor"
    assert not (home / "a.txt").exists()


async def test_without_a_policy_a_plan_waits_for_a_person(desk: ToolDesk, home: Path) -> None:
    plan = await planned(desk, home / "a.txt")
    result = await apply(desk, plan)
    assert (result.failed, result.content["state"]) == (False, "waiting")
    assert f"outrider apply {plan['id']}" in result.content["next"]
    assert not (home / "a.txt").exists()


@pytest.mark.real
async def test_a_person_applies_it_and_the_agent_sees_it(desk: ToolDesk, home: Path) -> None:
    plan = await planned(desk, home / "a.txt")
    waiting = asyncio.create_task(apply(desk, plan, wait="30s"))
    command = [sys.executable, "-m", "outrider", "apply", plan["id"]]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = await waiting
    assert (result.content["state"], result.content["outcomes"][0]["state"]) == ("applied", "done")
    assert (home / "a.txt").read_text() == "new"
    shown = await desk.call("plan_show", {"plan": plan["id"][:10]})
    assert shown.content == result.content


async def test_a_policy_lets_agents_apply(desk: ToolDesk, shop: PlatformContext, home: Path) -> None:
    declare(shop, policy("agents-write", "allow", "['host.file_write']", targets="['file/*']"))
    plan = await planned(desk, home / "a.txt")
    result = await apply(desk, plan)
    assert result.content["state"] == "applied"
    assert (home / "a.txt").read_text() == "new"
    again = await apply(desk, plan)
    assert again.content == result.content


async def test_a_policy_for_another_target_does_not(desk: ToolDesk, shop: PlatformContext, home: Path) -> None:
    declare(shop, policy("agents-write", "allow", "['host.file_write']", targets="['file//elsewhere/*']"))
    assert (await apply(desk, await planned(desk, home / "a.txt"))).content["state"] == "waiting"
    assert not (home / "a.txt").exists()


async def test_require_approval_waits_for_a_person(desk: ToolDesk, shop: PlatformContext, home: Path) -> None:
    declare(
        shop,
        policy("yes", "allow", "['*']"),
        policy("ask", "requireApproval", "['host.*']", more=", approval: {from: [oncall]}"),
    )
    assert (await apply(desk, await planned(desk, home / "a.txt"))).content["state"] == "waiting"


async def test_a_policy_that_forbids_is_named(desk: ToolDesk, shop: PlatformContext, home: Path) -> None:
    declare(
        shop,
        policy("yes", "allow", "['*']"),
        policy("never", "deny", "['host.file_write']", targets="['file/*a.txt']"),
    )
    result = await desk.call("host_file_write", {"path": str(home / "a.txt"), "content": "new"})
    assert (result.failed, result.content["code"]) == (True, "DENIED")
    assert "Policy/never" in result.content["message"]


async def test_a_plan_made_before_a_policy_forbade_it_is_not_applied(
    desk: ToolDesk, shop: PlatformContext, home: Path
) -> None:
    declare(shop, policy("yes", "allow", "['*']"))
    plan = await planned(desk, home / "a.txt")
    declare(shop, policy("never", "deny", "['host.file_*']"))
    result = await apply(desk, plan)
    assert (result.failed, result.content["code"]) == (True, "DENIED")
    assert not (home / "a.txt").exists()


async def test_what_a_policy_always_forbids_is_no_tool(desk: ToolDesk, shop: PlatformContext) -> None:
    declare(shop, policy("no-files", "deny", "['host.file*']"))
    names = {tool.name for tool in desk.tools()}
    assert "host_facts" in names
    assert not {name for name in names if name.startswith("host_file")}
    result = await desk.call("host_file_read", {"path": "/etc/hostname"})
    assert (result.failed, result.content["code"]) == (True, "UNKNOWN_OPERATION")
    assert "host_file" not in str(result.content["suggestions"])


async def test_policies_that_cannot_be_read_allow_nothing(desk: ToolDesk, shop: PlatformContext) -> None:
    declare(shop, "kind: Polcy\n")
    result = await desk.call("host_facts", {})
    assert (result.failed, result.content["code"]) == (True, "INVALID_CONFIG")
    assert desk.tools()


async def test_a_platform_whose_folder_is_gone_allows_nothing(desk: ToolDesk, shop: PlatformContext) -> None:
    shop.folder.rename(shop.folder.with_name("elsewhere"))
    result = await desk.call("host_facts", {})
    assert (result.failed, result.content["code"]) == (True, "NOT_FOUND")


async def test_the_world_moved_and_nothing_is_applied(desk: ToolDesk, shop: PlatformContext, home: Path) -> None:
    declare(shop, policy("yes", "allow", "['*']"))
    plan = await planned(desk, home / "a.txt")
    (home / "a.txt").write_text("somebody else's")
    result = await apply(desk, plan)
    assert result.content["state"] == "partial"
    assert result.content["outcomes"][0]["error"]["code"] == "PRECONDITION_FAILED"
    assert (home / "a.txt").read_text() == "somebody else's"


async def test_secrets_do_not_reach_the_agent(shop: PlatformContext, home: Path) -> None:
    secret = home / "token"
    secret.write_text("correct-horse-battery\n")
    secret.chmod(0o600)
    declare(
        shop,
        "apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {name: shop}\n"
        f"spec: {{secrets: {{token: {{file: {secret}}}}}}}\n",
    )
    door = Door(shop)
    door.invoker.environment.secrets.resolve("token")
    result = await ToolDesk(door, "editor").call("host_file_read", {"path": str(secret)})
    assert not result.failed
    assert "correct-horse" not in str(result.content)


@pytest.mark.parametrize(
    ("name", "arguments", "code", "words"),
    [
        ("host_file_reed", {}, "UNKNOWN_OPERATION", "did you mean 'file_read'?"),
        ("", {}, "UNKNOWN_OPERATOR", "use one of"),
        ("host.facts", {}, "UNKNOWN_OPERATION", "did you mean 'facts'?"),
        ("hots_facts", {}, "UNKNOWN_OPERATOR", "did you mean 'host'?"),
        ("host_file_read", {"pth": "/x"}, "INVALID_CONFIG", "path"),
        ("host_file_read", {"path": 5}, "INVALID_CONFIG", "path"),
        ("host_file_read", {"path": "/nowhere/at/all"}, "NOT_FOUND", "check the path"),
        ("plan_apply", {"plan": "ABCDEFGH"}, "NOT_FOUND", "plan"),
        ("plan_apply", {"plan": "ABCDEFGH", "wait": 5}, "INVALID_CONFIG", "wait"),
        ("plan_show", {}, "INVALID_CONFIG", "plan"),
    ],
)
async def test_a_fault_is_a_result_with_the_error_object(
    desk: ToolDesk, name: str, arguments: dict[str, Any], code: str, words: str
) -> None:
    result = await desk.call(name, arguments)
    assert (result.failed, result.content["code"]) == (True, code)
    assert words in str(result.content)
    assert result.content["suggestions"]


async def test_a_result_fits_its_schema(desk: ToolDesk, home: Path) -> None:
    tools = {tool.name: tool for tool in desk.tools()}
    plan = await planned(desk, home / "a.txt")
    for name, arguments in (
        ("host_facts", {}),
        ("host_file_write", {"path": str(home / "b"), "content": ""}),
        ("plan_apply", {"plan": plan["id"]}),
    ):
        result = await desk.call(name, arguments)
        jsonschema.validate(result.content, tools[name].output_schema or {})
