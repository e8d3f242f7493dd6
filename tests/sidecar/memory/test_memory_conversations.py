"""The contract of conversations, on every database."""

import asyncio
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, LimitedError, NotFoundError
from outrider.sidecar.memory.limits import MAX_BATCH, MAX_WINDOW
from outrider.sidecar.memory.model import Message, Quota, Usage
from outrider.sidecar.memory.store import ConversationStore
from tests.sidecar.memory.backends import OTHERS, SCOPE, Backend


@pytest.fixture
async def store(backend: Backend) -> ConversationStore:
    return await backend.conversations()


def said(text: Any, role: str = "user", **more: Any) -> Message:
    return Message(role=role, content=text, **more)


def call(ident: str) -> Message:
    return said({"content": None, "tool_calls": [{"id": ident}]}, "assistant", id=ident, tokens=10)


def result(ident: str) -> Message:
    return said("found", "tool", id=ident, tokens=10)


async def texts(store: ConversationStore, session: str = "s", **bounds: int) -> list[Any]:
    return [message.content for message in await store.window(SCOPE, session, **bounds)]


async def ids(store: ConversationStore, **bounds: int) -> list[str]:
    return [message.id for message in await store.window(SCOPE, "s", **bounds)]


async def test_messages_come_back_in_order_and_as_stored(store: ConversationStore, backend: Backend) -> None:
    first = await store.append(SCOPE, "s", [said("one"), said({"a": [1, None, 2.5]}, "assistant", tokens=7)])
    backend.clock.advance(1.25)
    second = await store.append(SCOPE, "s", [said("three", id="mine", time=5.5)])
    assert await store.append(SCOPE, "s", []) == []
    assert await store.window(SCOPE, "s") == first + second
    assert [message.time for message in first + second] == [1_750_000_000.0, 1_750_000_000.0, 5.5]
    assert [message.tokens for message in first + second] == [1, 7, 1]
    assert second[0].id == "mine"
    assert len({message.id for message in first}) == 2


async def test_a_window_has_the_newest_that_fit(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said(number, tokens=number) for number in (5, 1, 2, 3)])
    assert await texts(store) == [5, 1, 2, 3]
    assert await texts(store, last=2) == [2, 3]
    assert await texts(store, tokens=6) == [1, 2, 3]
    assert await texts(store, tokens=5) == [2, 3]
    assert await texts(store, tokens=100, last=1) == [3]
    assert await texts(store, tokens=2) == await texts(store, last=0) == await texts(store, tokens=0) == []
    assert await texts(store, "unknown") == []
    with pytest.raises(InvalidConfigError, match="last"):
        await texts(store, last=MAX_WINDOW + 1)


async def test_a_call_and_its_results_are_never_parted(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said("do", id="q", tokens=10), call("c1"), result("r1")])
    await store.append(SCOPE, "s", [result("r2"), said("done", "assistant", id="a", tokens=10), call("c2")])
    assert await ids(store, last=4) == await ids(store, tokens=49) == ["a", "c2"]
    assert await ids(store, last=5) == await ids(store, tokens=50) == ["c1", "r1", "r2", "a", "c2"]
    assert await ids(store, last=3) == ["a", "c2"]
    await store.append(SCOPE, "s", [result("r3")])
    assert await ids(store, last=1) == []
    assert await ids(store, last=2) == ["c2", "r3"]


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "tool_result", "tool_use_id": "c", "content": "x"}],
        {"type": "function_call_output", "call_id": "c", "output": "x"},
        {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "tool_result"}]},
    ],
)
async def test_results_are_known_in_every_dialect(store: ConversationStore, blocks: Any) -> None:
    calling = said([{"type": "tool_use", "id": "c"}], "assistant", id="c")
    await store.append(SCOPE, "s", [said("q", id="q"), calling, said(blocks, "user", id="r")])
    assert await ids(store, last=1) == []
    assert await ids(store, last=2) == ["c", "r"]


async def test_results_without_a_call_stand_for_themselves(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [result("r1"), result("r2"), said("x", id="x")])
    assert await ids(store, last=2) == ["x"]
    assert await ids(store) == ["r1", "r2", "x"]


async def test_an_id_stands_in_a_session_once(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said("one", id="same")])
    with pytest.raises(ConflictError, match="same"):
        await store.append(SCOPE, "s", [said("two", id="new"), said("three", id="same")])
    with pytest.raises(ConflictError, match="twice"):
        await store.append(SCOPE, "s", [said("two", id="new"), said("three", id="new")])
    await store.append(SCOPE, "t", [said("one", id="same")])
    assert await texts(store) == ["one"]
    assert await store.usage(SCOPE) == Usage(2, 2 * len('same"one"user'))


async def test_appends_of_many_keep_together(store: ConversationStore) -> None:
    await asyncio.gather(*(store.append(SCOPE, "s", [said([who, n]) for n in range(3)]) for who in range(20)))
    found = await texts(store)
    assert len(found) == 60
    assert all(found[at : at + 3] == [[found[at][0], n] for n in range(3)] for at in range(0, 60, 3))


async def test_sessions_are_listed_by_name(store: ConversationStore, backend: Backend) -> None:
    for name in ("b", "ä", "a%", "a_", "\0", "a"):
        backend.clock.advance(1)
        await store.append(SCOPE, name, [said("x", tokens=2), said("y", tokens=3)])
    await store.append(SCOPE, "a", [said("z", tokens=4, time=7.5)])
    found = await store.sessions(SCOPE)
    assert [session.name for session in found] == ["\0", "a", "a%", "a_", "b", "ä"]
    assert (found[1].messages, found[1].tokens, found[1].updated) == (3, 9, 7.5)
    assert (found[2].messages, found[2].tokens, found[2].updated) == (2, 5, 1_750_000_003.0)
    assert [session.name for session in await store.sessions(SCOPE, limit=2, after="a")] == ["a%", "a_"]
    assert await store.sessions(SCOPE, after="ä") == []
    assert await store.sessions(OTHERS[0]) == []


async def test_a_summary_takes_the_place_of_what_it_sums_up(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said(n, id=f"m{n}", tokens=n + 1) for n in range(4)])
    await store.append(SCOPE, "t", [said("other", id="m1")])
    stored = await store.replace(SCOPE, "s", up_to="m1", summary=said("sum", "system", tokens=9))
    assert await texts(store) == ["sum", 2, 3]
    assert (await store.window(SCOPE, "s"))[0] == stored
    assert await texts(store, "t") == ["other"]
    await store.append(SCOPE, "s", [said(4)])
    await store.replace(SCOPE, "s", up_to=stored.id, summary=said("sum of the sum", "system", id=stored.id))
    assert await texts(store) == ["sum of the sum", 2, 3, 4]
    assert [(one.name, one.messages) for one in await store.sessions(SCOPE)] == [("s", 4), ("t", 1)]
    assert (await store.usage(SCOPE)).entries == 5


async def test_a_summary_parts_no_call_from_its_results(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said("q", id="q"), call("c"), result("r1"), result("r2")])
    for inside in ("c", "r1"):
        with pytest.raises(InvalidConfigError, match=inside):
            await store.replace(SCOPE, "s", up_to=inside, summary=said("sum"))
    await store.append(SCOPE, "s", [call("d")])
    with pytest.raises(InvalidConfigError, match="results"):
        await store.replace(SCOPE, "s", up_to="d", summary=said("sum"))
    with pytest.raises(NotFoundError, match="nobody"):
        await store.replace(SCOPE, "s", up_to="nobody", summary=said("sum"))
    with pytest.raises(ConflictError, match="d"):
        await store.replace(SCOPE, "s", up_to="q", summary=said("sum", id="d"))
    assert await ids(store) == ["q", "c", "r1", "r2", "d"]
    await store.replace(SCOPE, "s", up_to="r2", summary=said("sum", id="sum"))
    assert await ids(store) == ["sum", "d"]


async def test_one_session_is_known_alone(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said("x", tokens=2), said("y", tokens=3, time=7.5)])
    await store.append(SCOPE, "s2", [said("z")])
    assert await store.session(SCOPE, "s") == (await store.sessions(SCOPE))[0]
    assert await store.session(SCOPE, "unknown") is None
    assert await store.session(OTHERS[0], "s") is None
    with pytest.raises(InvalidConfigError, match="session"):
        await store.session(SCOPE, "")


async def test_the_oldest_messages_are_read_as_they_are_stored(store: ConversationStore) -> None:
    stored = await store.append(SCOPE, "s", [said(n, id=f"m{n}") for n in range(3)])
    await store.append(SCOPE, "t", [said("other", id="m0")])
    assert await store.oldest(SCOPE, "s") == stored
    summary = await store.replace(SCOPE, "s", up_to="m1", summary=said("sum"))
    assert await store.oldest(SCOPE, "s") == [summary, stored[2]]
    assert await store.oldest(SCOPE, "unknown") == await store.oldest(OTHERS[0], "s") == []


async def test_of_many_the_oldest_are_read_in_part(store: ConversationStore) -> None:
    for part in range(2):
        await store.append(SCOPE, "s", [said(part * MAX_BATCH + n) for n in range(MAX_BATCH)])
    assert [one.content for one in await store.oldest(SCOPE, "s")] == list(range(MAX_BATCH))
    for n in range(10):
        await store.append(SCOPE, "large", [said(f"{n}" * 4_000_000)])
    assert [one.content[0] for one in await store.oldest(SCOPE, "large")] == list("01234567")


async def test_a_summary_replaces_just_what_it_sums_up(store: ConversationStore) -> None:
    odd = {"a": [1, 2.0, -0.0, 1e300, 10**20], "ü\0": None, "": "\u2028"}
    stored = await store.append(SCOPE, "s", [said("one", id="m0"), said(odd, id="m1"), said("three", id="m2")])

    async def refused(summed: list[Message], session: str = "s") -> None:
        with pytest.raises(ConflictError, match=f"session '{session}' has changed: up to message 'm1'"):
            await store.replace(SCOPE, session, up_to="m1", summary=said("sum"), summed=summed)

    first, second, third = stored
    for changed in (said("two", id="m1"), said(odd, "system", id="m1"), said(odd, id="other")):
        await refused([first, changed])
    for summed in ([first], [second], [second, first], stored, [first, first_again(first), second]):
        await refused(summed)
    await store.append(SCOPE, "t", [said("one", id="m0"), said("begun anew", id="m1")])
    await refused([first, second], "t")
    assert await store.window(SCOPE, "s") == stored
    summary = await store.replace(SCOPE, "s", up_to="m1", summary=said("sum", id="m0"), summed=[first, second])
    assert await store.window(SCOPE, "s") == [summary, third]


def first_again(message: Message) -> Message:
    return said(message.content, id="again")


async def test_of_two_summaries_at_once_one_counts(store: ConversationStore) -> None:
    await store.append(SCOPE, "s", [said(n, id=f"m{n}") for n in range(4)])
    outcomes = await asyncio.gather(
        *(store.replace(SCOPE, "s", up_to="m2", summary=said(n)) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Message) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotFoundError) for outcome in outcomes) == 4
    assert len(await texts(store)) == 2


async def test_a_session_is_deleted_alone_or_with_all(store: ConversationStore) -> None:
    for name in ("s", "s%", "t"):
        await store.append(SCOPE, name, [said("x", id="x"), said("y", id="y")])
    assert await store.delete(SCOPE, "s") == 2
    assert await store.delete(SCOPE, "s") == 0
    assert await texts(store) == []
    assert await texts(store, "s%") == ["x", "y"]
    assert await store.delete(SCOPE, None) == 4
    assert await store.usage(SCOPE) == Usage()
    assert await store.sessions(SCOPE) == []
    assert await store.delete(OTHERS[0], "s") == await store.delete(OTHERS[0], None) == 0


async def test_what_is_old_goes_with_what_belongs_to_it(store: ConversationStore, backend: Backend) -> None:
    await store.append(SCOPE, "s", [said("old", id="old"), call("c")])
    backend.clock.advance(10)
    await store.append(SCOPE, "s", [result("r"), said("new", id="new")])
    await store.append(SCOPE, "t", [said("new")])
    assert await store.expire(SCOPE, 1_750_000_000.0) == 0
    with pytest.raises(InvalidConfigError, match="before"):
        await store.expire(SCOPE, float("nan"))
    assert await store.expire(SCOPE, 1_750_000_000.5) == 3
    assert await ids(store) == ["new"]
    assert await store.expire(SCOPE, 1_750_000_011.0) == 2
    assert await store.sessions(SCOPE) == []
    assert await store.usage(SCOPE) == Usage()


async def test_scopes_and_sessions_see_nothing_of_each_other(store: ConversationStore) -> None:
    scopes = [SCOPE, *OTHERS]
    for number, scope in enumerate(scopes):
        await store.append(scope, "s", [said(number, id="same")])
    for number, scope in enumerate(scopes):
        assert [message.content for message in await store.window(scope, "s")] == [number]
        assert (await store.usage(scope)).entries == 1
    assert await store.delete_all(SCOPE) == 1
    assert [len(await store.window(scope, "s")) for scope in scopes] == [0, *[1] * len(OTHERS)]


async def test_the_quota_is_exact_under_many_writers(backend: Backend) -> None:
    stores = [await backend.conversations(Quota(entries=50)) for _ in range(2)]
    writes = (stores[n % 2].append(SCOPE, f"s{n % 5}", [said(n), said(n)]) for n in range(40))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, LimitedError)]
    assert len(refused) == 40 - 25
    assert (refused[0].found, refused[0].context["quota"]) == (refused[0].found, {"entries": 50, "bytes": None})
    assert refused[0].found.startswith("50 entries")
    assert (await stores[0].usage(SCOPE)).entries == 50
    assert sum(one.messages for one in await stores[0].sessions(SCOPE)) == 50


async def test_a_repeated_call_is_told_as_one_where_the_quota_is_used_up(backend: Backend) -> None:
    store = await backend.conversations(Quota(entries=3))
    await store.append(SCOPE, "s", [said("a", id="1"), said("b", id="2"), said("c", id="3")])
    with pytest.raises(ConflictError, match="message '3' already"):
        await store.append(SCOPE, "s", [said("c", id="3")])
    with pytest.raises(ConflictError, match="message '3' already"):
        await store.replace(SCOPE, "s", up_to="1", summary=said("longer", id="3"))
    assert await store.usage(SCOPE) == Usage(3, 3 * len('1"a"user'))


async def test_a_quota_in_bytes(backend: Backend) -> None:
    size = len('m0"xxxx"user')
    store = await backend.conversations(Quota(bytes=3 * size))
    await store.append(SCOPE, "s", [said("xxxx", id=f"m{n}") for n in range(3)])
    assert await store.usage(SCOPE) == Usage(3, 3 * size)
    with pytest.raises(LimitedError, match="quota"):
        await store.append(SCOPE, "s", [said("", id="y")])
    with pytest.raises(LimitedError, match="quota"):
        await store.replace(SCOPE, "s", up_to="m0", summary=said("xxxxx", id="m0"))
    await store.replace(SCOPE, "s", up_to="m1", summary=said("x" * 8, id="m0"))
    assert await texts(store) == ["x" * 8, "xxxx"]


async def test_export_has_all_and_deletion_leaves_nothing(store: ConversationStore, backend: Backend) -> None:
    for name in ("b", "a"):
        for part in range(3):
            await store.append(SCOPE, name, [said(f"marked {name} {part} {n}") for n in range(90)])
    records = [record async for record in store.export(SCOPE)]
    assert [(record["type"], record["session"]) for record in records] == [("message", "a")] * 270 + [
        ("message", "b")
    ] * 270
    assert [record["content"] for record in records[:91]] == [f"marked a 0 {n}" for n in range(90)] + ["marked a 1 0"]
    assert set(records[0]) == {"type", "session", "id", "role", "content", "tokens", "time"}
    assert [record async for record in store.export(OTHERS[0])] == []
    assert backend.content()
    assert await store.delete_all(SCOPE) == 540
    assert backend.content() == []
    assert await store.delete_all(SCOPE) == 0


@pytest.mark.parametrize(
    "text", ["\0", "%", "_", "*", "'; DROP TABLE memory_messages; --", "{x}", "é\u0301🙂", "a/b", "{}:"]
)
async def test_any_text_is_a_session_an_id_a_role_and_a_content(store: ConversationStore, text: str) -> None:
    (stored,) = await store.append(SCOPE, text, [said({text: [text]}, text, id=text)])
    assert await store.window(SCOPE, text) == [stored]
    assert (stored.id, stored.role, stored.content) == (text, text, {text: [text]})
    assert [session.name for session in await store.sessions(SCOPE)] == [text]
    await store.replace(SCOPE, text, up_to=text, summary=said("s", id="s"))
    assert await store.delete(SCOPE, text) == 1


async def test_what_is_no_message_is_refused(store: ConversationStore) -> None:
    deep: Any = []
    for _ in range(200):
        deep = {"in": [deep]}
    deeper = deep
    for _ in range(5000):
        deeper = [deeper]
    for bad in ({"x": float("nan")}, {"x": {1}}, "\ud800", b"x"):
        with pytest.raises(InvalidConfigError, match="content"):
            await store.append(SCOPE, "s", [said("good"), said(bad)])
    for large in (deep, deeper, "x" * 5_000_000):
        with pytest.raises(LimitedError, match="content"):
            await store.append(SCOPE, "s", [said(large)])
    with pytest.raises(LimitedError, match="messages"):
        await store.append(SCOPE, "s", [said("x")] * (MAX_BATCH + 1))
    bad_ones = [said("x", ""), said("x", tokens=-1), said("x", tokens=10**30), said("x", time=float("inf"))]
    for session, message in (("", said("x")), ("\ud800", said("x")), *(("s", bad) for bad in bad_ones)):
        with pytest.raises(InvalidConfigError):
            await store.append(SCOPE, session, [message])
    with pytest.raises(LimitedError, match="session"):
        await store.append(SCOPE, "x" * 2000, [said("x")])
    assert await store.usage(SCOPE) == Usage()


async def test_large_messages_and_a_large_batch(store: ConversationStore) -> None:
    large = [["ü\0" * 400_000], *[[{}]] * 500]
    await store.append(SCOPE, "s", [said(large)])
    await store.append(SCOPE, "s", [said(n) for n in range(MAX_BATCH)])
    assert await texts(store) == [large, *range(MAX_BATCH)]
    assert len(await texts(store, last=MAX_BATCH)) == MAX_BATCH


async def test_a_window_is_bounded_in_bytes(store: ConversationStore) -> None:
    for n in range(10):
        await store.append(SCOPE, "s", [said(f"{n}" * 4_000_000)])
    found = await texts(store)
    assert [text[0] for text in found] == list("23456789")
    assert len([record async for record in store.export(SCOPE)]) == 10
