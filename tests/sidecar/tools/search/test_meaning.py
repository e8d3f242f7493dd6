"""Tools that are found by what they mean, and what happens where that is not to be had."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.tools.search import meaning
from outrider.sidecar.tools.search.meaning import BATCH, RETRY_SECONDS, Meaning
from outrider.sidecar.tools.tool_server import FIND_TOOLS
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.search.support import TOOLS, names, search
from tests.sidecar.tools.support import Desk, definition, desk, scripted

# A text is about what it has a word of.
TOPICS = (("issue", "bug", "defect"), ("merge", "combine"), ("pet", "animal"), ("cancel", "abort"))


class Model:
    """Makes vectors as a test says.

    Attributes:
        texts: What it was asked, by request.
        error: Raised in place of an answer.
        size: Of its vectors.
        wait: Cleared to keep it from answering.
    """

    def __init__(self) -> None:
        self.texts: list[list[str]] = []
        self.error: Exception | None = None
        self.size = len(TOPICS)
        self.wait = asyncio.Event()
        self.wait.set()

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.texts.append(texts)
        await self.wait.wait()
        if self.error is not None:
            raise self.error
        return [self.vector(text.lower()) for text in texts]

    def vector(self, text: str) -> list[float]:
        found = [5.0 * any(word in text for word in topic) for topic in TOPICS]
        return [*found, *[0.0] * self.size][: self.size]

    async def close(self) -> None:
        pass


def remembered(folder: Path, model: Model, clock: ManualClock | None = None, name: str = "m") -> Meaning:
    return Meaning(folder / "vectors.json", name, cast("Embedder", model), clock or ManualClock())


async def learned(found: Meaning, folder: Path) -> None:
    """Wait until all is embedded and kept."""

    def is_kept() -> bool:
        try:
            file = json.loads((folder / "vectors.json").read_bytes())
            return bool(file["model"] == found._model and file["vectors"].keys() >= found._texts.keys())
        except (OSError, ValueError, LookupError, TypeError):
            return False

    await eventually(lambda: not found.problem and is_kept())


@asynccontextmanager
async def learning(
    folder: Path, found: Meaning, tools: list[dict[str, Any]] | None = None, up_to: int = 3
) -> AsyncIterator[Desk]:
    """Have a desk over tools that are being embedded; at its end what is being written is on disk."""
    keep, writing = found._keep, asyncio.Lock()

    async def keep_whole() -> None:
        async with writing:
            await keep()

    found._keep = keep_whole  # type: ignore[method-assign]  # a task that is cancelled does not wait for its thread
    async with scripted() as server:
        server.tools = TOOLS if tools is None else tools
        finder = search(up_to, found)
        async with desk(server, folder, search=finder) as made:
            task = asyncio.ensure_future(finder.keep_up())
            try:
                yield made
            finally:
                async with writing:
                    task.cancel()
                await asyncio.wait([task])


async def test_what_shares_no_word_is_found_by_its_meaning(tmp_path: Path) -> None:
    found = remembered(tmp_path, Model())
    async with learning(tmp_path, found) as made:
        await eventually(lambda: not found.problem)
        assert names(await made.call(FIND_TOOLS, query="abort", limit=1)) == ["actions_cancelWorkflowRun"]
        assert names(await made.call(FIND_TOOLS, query="animal", limit=1)) == ["getPetById"]
        both = names(await made.call(FIND_TOOLS, query="create a defect", limit=3))
        assert both[0] == "issues_create", "words and meaning say so"
        assert both == names(await made.call(FIND_TOOLS, query="create a defect", limit=3))


async def test_words_answer_until_all_are_embedded(tmp_path: Path) -> None:
    model = Model()
    model.wait.clear()
    found = remembered(tmp_path, model)
    async with learning(tmp_path, found) as made:
        await eventually(lambda: bool(model.texts))
        assert names(await made.call(FIND_TOOLS, query="animal")) == []
        assert names(await made.call(FIND_TOOLS, query="merge")) == ["pulls_merge"]
        assert (
            found.problem == f"tools are found by words only: {len(TOOLS)} of {len(TOOLS)} tools are not embedded yet"
        )
        assert len(model.texts) == 1, "a query that nothing can be compared with is not paid for"
        model.wait.set()
        await eventually(lambda: not found.problem)
        assert names(await made.call(FIND_TOOLS, query="animal", limit=1)) == ["getPetById"]


async def test_a_route_that_fails_is_told_of_and_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, clock = Model(), ManualClock()
    model.error = ExecutionFailedError("route 'embed' embeds nothing: the budget is used up")
    found = remembered(tmp_path, model, clock)
    async with learning(tmp_path, found) as made:
        await clock.until_sleeping()
        assert found.problem == f"tools are found by words only: {model.error.message}"
        assert names(await made.call(FIND_TOOLS, query="merge")) == ["pulls_merge"]
        clock.advance(RETRY_SECONDS)
        await clock.until_sleeping()
        assert len([one for one in caplog.records if "budget" in one.getMessage()]) == 1
        assert not (tmp_path / "vectors.json").exists(), "there is nothing to keep"
        model.error = None
        clock.advance(RETRY_SECONDS)
        await eventually(lambda: not found.problem)


@pytest.mark.parametrize("late", [True, False])
async def test_a_query_that_cannot_be_embedded_goes_by_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    monkeypatch.setattr(meaning, "QUERY_SECONDS", 0.05)
    model = Model()
    found = remembered(tmp_path, model)
    async with learning(tmp_path, found) as made:
        await eventually(lambda: not found.problem)
        if late:
            model.wait.clear()
        else:
            model.error = ExecutionFailedError("no provider answers")
        assert names(await made.call(FIND_TOOLS, query="merge animal")) == ["pulls_merge"]
        said = "a query has no vector within 0.05 s" if late else "no provider answers"
        assert found.problem == f"tools are found by words only: {said}"
        model.error = None
        model.wait.set()
        assert len(names(await made.call(FIND_TOOLS, query="merge animal"))) == 8
        assert found.problem == ""


async def test_a_definition_is_embedded_once(tmp_path: Path) -> None:
    model, more = Model(), [definition(f"more{number}") for number in range(BATCH)]
    found = remembered(tmp_path, model)
    async with learning(tmp_path, found, [*TOOLS, *more]):
        await learned(found, tmp_path)
    assert [len(one) for one in model.texts] == [BATCH, len(TOOLS)]
    merge = "pulls_merge: Merge a pull request\n\nMerges a pull request into the base branch."
    assert [merge in one for one in model.texts] == [False, True]
    assert (tmp_path / "vectors.json").stat().st_mode & 0o777 == 0o600

    again = Model()
    found = remembered(tmp_path, again)
    async with learning(tmp_path, found, [*TOOLS, definition("new")]) as made:
        await eventually(lambda: not found.problem)
        assert again.texts == [["new: does new"]], "only what is new"
        assert names(await made.call(FIND_TOOLS, query="abort", limit=1)) == ["actions_cancelWorkflowRun"]


async def test_vectors_of_another_model_are_made_anew(tmp_path: Path) -> None:
    for name, requests in (("m", 1), ("m", 0), ("n", 1), ("m", 1)):
        model = Model()
        found = remembered(tmp_path, model, name=name)
        async with learning(tmp_path, found):
            await learned(found, tmp_path)
        assert len(model.texts) == requests


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"model":"m","vectors":{"a":"AAA="}}', b'{"model":"m","vectors":{"a":"AAAAAA==","b":"AAAAAAAAAAA="}}'],
)  # fmt: skip
async def test_a_damaged_file_is_no_loss(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vectors.json").write_bytes(content)
    found = remembered(tmp_path, Model())
    async with learning(tmp_path, found):
        await learned(found, tmp_path)
    assert remembered(tmp_path, Model())._vectors.keys() >= found._texts.keys()


async def test_a_file_that_cannot_be_written_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "vectors.json").mkdir()
    found = remembered(tmp_path, Model())
    async with learning(tmp_path, found) as made:
        await eventually(lambda: not found.problem)
        assert names(await made.call(FIND_TOOLS, query="animal", limit=1)) == ["getPetById"]


async def test_vectors_of_another_length_are_refused(tmp_path: Path) -> None:
    model = Model()
    found = remembered(tmp_path, model)
    async with learning(tmp_path, found) as made:
        await eventually(lambda: not found.problem)
        model.size = 7
        assert names(await made.call(FIND_TOOLS, query="merge")) == ["pulls_merge"]
        assert "different lengths" in found.problem


@pytest.mark.parametrize("size", [0, 5000])
async def test_vectors_that_nobody_can_keep_are_refused(tmp_path: Path, size: int) -> None:
    model, clock = Model(), ManualClock()
    model.size = size
    found = remembered(tmp_path, model, clock)
    async with learning(tmp_path, found):
        await clock.until_sleeping()
        assert "different lengths" in found.problem


async def test_vectors_that_no_tool_has_are_dropped_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "MOST_VECTORS", len(TOOLS) + 1)
    for kept, tools in ((10, TOOLS), (11, [definition("a")]), (1, [definition("b")])):
        found = remembered(tmp_path, Model())
        async with learning(tmp_path, found, tools, up_to=0):
            await learned(found, tmp_path)
        assert len(remembered(tmp_path, Model())._vectors) == kept
