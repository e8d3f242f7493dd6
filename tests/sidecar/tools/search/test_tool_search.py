"""What an agent with many tools sees of them, and what it finds."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.tool_settings import ToolGrantSettings
from outrider.sidecar.tools.catalogue import Catalogue
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.search.server import LONGEST_FOUND, MOST_QUERY
from outrider.sidecar.tools.tool_server import FIND_TOOLS, MEMORY, SEARCH, Definition
from tests.sidecar.tools.search.support import TOOLS, names, search, tool
from tests.sidecar.tools.support import audited, definition, desk, scripted
from tests.sidecar.tools.test_gate import gated, listed

ALL = sorted(one["name"] for one in TOOLS)


class Told:
    """A server whose tools a test says."""

    version = "1"

    def __init__(self, name: str, tools: Sequence[Definition]) -> None:
        self.name, self.tools = name, list(tools)
        self.left_out: Mapping[str, str] = {}

    async def list_tools(self) -> list[Definition]:
        return self.tools

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        raise AssertionError

    async def close(self) -> None:
        pass


def grant(server: str, *tools: str) -> Grant:
    return Grant(ToolGrantSettings(server=server, tools=list(tools)), 0.0)


async def test_few_tools_are_all_listed_and_no_search(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = TOOLS
        async with desk(server, tmp_path, search=search(len(TOOLS))) as made, gated(made) as client:
            assert await listed(client) == ALL


async def test_of_many_tools_only_the_search_is_listed_whatever_was_found(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = TOOLS
        async with desk(server, tmp_path, search=search(len(TOOLS) - 1)) as made, gated(made) as client:
            assert await listed(client) == [FIND_TOOLS]
            found = await made.call(FIND_TOOLS, query="create an issue", limit=2)
            assert names(found) == ["issues_create", "issues_create-comment"]
            assert await listed(client) == [FIND_TOOLS]
            assert await made.call("issues_create", text="a") == {
                "content": [{"type": "text", "text": '{"text": "a"}'}]
            }


async def test_what_is_found_is_all_that_a_call_needs(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [{**one, "title": "t", "annotations": {"readOnlyHint": True}} for one in TOOLS]
        async with desk(server, tmp_path, search=search(), prefix="gh_") as made:
            result = await made.call(FIND_TOOLS, query="merge", limit=1)
    (found,) = result["structuredContent"]["tools"]
    (meant,) = [one for one in TOOLS if one["name"] == "pulls_merge"]
    assert found.pop("score") > 0
    assert found == {**meant, "name": "gh_pulls_merge"}


async def test_memories_are_always_listed_and_neither_counted_nor_found(tmp_path: Path) -> None:
    finder = search(2)
    notes = Told(f"{MEMORY}notes", [definition("notes_get"), definition("notes_put")])
    shop = Told("shop", [definition("add"), definition("buy"), definition("cancel")])
    grants = [Grant(finder.grant(), 0.0), grant(notes.name, "*"), grant("shop", "*")]
    made = Catalogue([finder, notes, shop], grants, tmp_path / "pins.json", finder)
    await made.refresh()
    assert [one.name for one in made.listed()] == [FIND_TOOLS, "notes_get", "notes_put"]
    result = await finder.call({}, {"arguments": {"query": "does notes_get add"}}, 1.0)
    assert names(result)[0] == "add"
    assert not set(names(result)) & {"notes_get", "notes_put", FIND_TOOLS}
    shop.tools.pop()
    made = Catalogue([finder, notes, shop], grants, tmp_path / "pins.json", finder)
    await made.refresh()
    assert [one.name for one in made.listed()] == ["add", "buy", "notes_get", "notes_put"]


async def test_a_search_is_audited_and_metered_as_a_call_that_reads(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = TOOLS
        async with desk(server, tmp_path, search=search()) as made:
            await made.call(FIND_TOOLS, query="pet")
            assert [(one.tool, one.server, one.outcome) for one in made.used] == [(FIND_TOOLS, SEARCH, "ok")]
            (status,) = [one for one in made.desk.status() if one.tool == FIND_TOOLS]
            assert (status.server, status.calls, status.failures) == (SEARCH, 1, 0)
    assert [(one["phase"], one["action"], one["outcome"]) for one in audited(tmp_path)] == [
        ("fact", "tool.@search.find_tools", "ok")
    ]


async def test_a_tool_that_would_be_refused_is_not_found(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = list(TOOLS)
        async with desk(server, tmp_path, search=search()) as made:
            assert names(await made.call(FIND_TOOLS, query="merge")) == ["pulls_merge"]
            server.tools = [
                {**one, "inputSchema": {"type": "object"}} if one["name"] == "pulls_merge" else one for one in TOOLS
            ]
            await made.catalogue.refresh()
            assert names(await made.call(FIND_TOOLS, query="merge")) == []
            assert await made.code("pulls_merge") == "CONFLICT"


async def test_what_a_server_has_no_more_is_not_found_and_what_is_new_is(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = list(TOOLS)
        async with desk(server, tmp_path, search=search()) as made:
            assert names(await made.call(FIND_TOOLS, query="zebra merge")) == ["pulls_merge"]
            server.tools = [one for one in TOOLS if one["name"] != "pulls_merge"] + [definition("zebra")]
            await made.catalogue.refresh()
            assert names(await made.call(FIND_TOOLS, query="zebra merge")) == ["zebra"]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({}, "query"), ({"query": ""}, "query"), ({"query": "x" * 1_000_000}, "query"), ({"query": 5}, "query"), ({"query": None}, "query"),
        ({"query": ["a"]}, "query"), ({"query": "a", "limit": 0}, "limit"), ({"query": "a", "limit": 21}, "limit"),
        ({"query": "a", "limit": "5"}, "limit"), ({"query": "a", "limit": True}, "limit"), ({"query": "a", "k": 1}, "k"),
    ],
)  # fmt: skip
async def test_other_arguments_are_refused_by_name(tmp_path: Path, arguments: dict[str, Any], path: str) -> None:
    async with scripted() as server, desk(server, tmp_path, search=search(0)) as made:
        result = await made.desk.call(FIND_TOOLS, {"arguments": arguments})
        assert result["isError"]
        said = result["structuredContent"]
        assert (said["code"], path in f"{said.get('path')} {said['message']}") == ("INVALID_CONFIG", True)


@pytest.mark.parametrize("query", [" ", "?!", "\x00", "w " * (MOST_QUERY // 2), "x" * MOST_QUERY])
async def test_queries_without_sense_find_nothing(tmp_path: Path, query: str) -> None:
    async with scripted() as server, desk(server, tmp_path, search=search(0)) as made:
        assert names(await made.call(FIND_TOOLS, query=query)) == []


async def test_a_call_of_an_unknown_tool_does_not_tell_of_all(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = TOOLS
        async with desk(server, tmp_path, search=search()) as made:
            near = (await made.call("pulls_merg"))["structuredContent"]
            far = (await made.call("zzzz"))["structuredContent"]
    assert (near["expected"], near["hint"]) == (FIND_TOOLS, "did you mean 'pulls_merge'?")
    assert (far["expected"], far["hint"]) == (FIND_TOOLS, f"use one of: {FIND_TOOLS}")


async def test_no_tool_takes_the_name_of_the_search(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [definition(FIND_TOOLS), *TOOLS]
        async with desk(server, tmp_path, search=search()) as made:
            assert "left out 1 tools" in made.catalogue.problems["s"]
            assert FIND_TOOLS in made.catalogue.problems["s"]
            assert made.catalogue.find(FIND_TOOLS).server.name == SEARCH  # type: ignore[union-attr]  # it is there
        async with desk(server, tmp_path, search=search(), prefix="s_") as made:
            assert made.catalogue.problems == {}
            assert names(await made.call(FIND_TOOLS, query=FIND_TOOLS, limit=1)) == ["s_find_tools"]
        async with desk(server, tmp_path) as made:
            assert made.catalogue.find(FIND_TOOLS) is not None, "without a search the name is free"


async def test_a_definition_that_is_too_long_hides_no_other(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [tool("merge_merge", "merge", merge="x" * LONGEST_FOUND), *TOOLS]
        async with desk(server, tmp_path, search=search()) as made:
            assert names(await made.call(FIND_TOOLS, query="merge")) == ["pulls_merge"]


@settings(max_examples=50, deadline=None)
@given(st.sets(st.sampled_from(ALL)), st.text(max_size=50) | st.sampled_from(ALL), st.integers(1, 20))
def test_only_what_is_granted_is_found_and_always_the_same(granted: set[str], query: str, limit: int) -> None:
    async def found(folder: Path) -> Any:
        finder = search(0)
        grants = [Grant(finder.grant(), 0.0), grant("gh", *granted)]
        made = Catalogue([Told("gh", TOOLS), finder], grants, folder / "pins.json", finder)
        await made.refresh()
        assert {one.name for one in made.all()} == granted | {FIND_TOOLS}
        result = await finder.call({}, {"arguments": {"query": query or "a", "limit": limit}}, 1.0)
        assert set(names(result)) <= granted
        assert len(names(result)) <= limit
        return result

    with TemporaryDirectory() as folder:
        first = asyncio.run(found(Path(folder)))
        assert first == asyncio.run(found(Path(folder)))
    if query in granted:
        assert names(first)[0] == query
