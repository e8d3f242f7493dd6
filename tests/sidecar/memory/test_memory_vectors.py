"""The contract of vectors, on every database that finds near ones."""

import asyncio
import math
import random
from array import array
from collections.abc import Sequence
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, LimitedError
from outrider.sidecar.memory.limits import MAX_MATCHES
from outrider.sidecar.memory.model import Item, Match, Quota, Usage
from outrider.sidecar.memory.store import VectorStore
from tests.sidecar.memory.backends import OTHERS, SCOPE, Backend

HOSTILE = ["\0", "%", "*", "'; DROP TABLE memory_items; --", "{x}|@labels:{y}", "é\u0301🙂", "a,b", "-1"]


@pytest.fixture
async def store(vector_backend: Backend) -> VectorStore:
    return await vector_backend.vectors()


def item(ident: str, *vector: float, text: str = "text", **metadata: Any) -> Item:
    return Item(id=ident, text=text, metadata=metadata, vector=list(vector))


async def near(store: VectorStore, *vector: float, **more: Any) -> list[str]:
    return [match.id for match in await store.search(SCOPE, vector, **more)]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


async def test_the_nearest_come_first(store: VectorStore) -> None:
    assert await near(store, 1, 0) == []
    await store.upsert(SCOPE, [item("east", 2, 0, text="E", x=1), item("north", 0, 0.5), item("west", -1, 0)])
    await store.upsert(SCOPE, [item("north-east", 3, 3)])
    found = await store.search(SCOPE, [1, 0.1], k=3)
    assert [match.id for match in found] == ["east", "north-east", "north"]
    assert found[0] == Match(id="east", text="E", metadata={"x": 1}, score=found[0].score)
    assert [match.score for match in found] == pytest.approx(
        [cosine((1, 0.1), v) for v in ((2, 0), (3, 3), (0, 0.5))], abs=1e-6
    )
    assert (await store.search(SCOPE, [-7, 0], k=1))[0].score == pytest.approx(1, abs=1e-6)


async def test_an_item_is_replaced_by_its_id(store: VectorStore) -> None:
    await store.upsert(SCOPE, [item("a", 1, 0, x=1), item("b", 0, 1)])
    await store.upsert(SCOPE, [item("a", -1, 0, text="new", y="z")])
    assert await near(store, 1, 0) == ["b", "a"]
    assert await near(store, 1, 0, where={"x": 1}) == []
    assert await near(store, 1, 0, where={"y": "z"}) == ["a"]
    assert await store.get(SCOPE, ["a", "nobody", "b"]) == [item("a", -1, 0, text="new", y="z"), item("b", 0, 1)]
    assert await store.count(SCOPE) == 2
    assert await store.usage(SCOPE) == Usage(2, len('anew{"y":"z"}') + len("btext{}") + 4 * 4)


async def test_a_search_may_ask_for_metadata(store: VectorStore) -> None:
    kinds: list[Any] = [1, "1", True, "true", 1.5, 2.0, "", False, 0]
    items = [item(f"i{n}", 1, n / 10, kind=kind, odd=bool(n % 2)) for n, kind in enumerate(kinds)]
    await store.upsert(SCOPE, items)
    for n, kind in enumerate(kinds):
        assert await near(store, 1, 0, where={"kind": kind}) == [f"i{n}"]
    assert await near(store, 1, 0, where={"kind": 1.0}) == ["i0"]
    assert await near(store, 1, 0, where={"kind": 2}) == ["i5"]
    assert await near(store, 1, 0, where={"odd": True}) == ["i1", "i3", "i5", "i7"]
    assert await near(store, 1, 0, where={"odd": True}, k=2) == ["i1", "i3"]
    assert await near(store, 1, 0, where={"odd": True, "kind": "true"}) == ["i3"]
    assert (
        await near(store, 1, 0, where={"odd": True, "kind": 1}) == await near(store, 1, 0, where={"unknown": 1}) == []
    )
    assert [await store.count(SCOPE, where) for where in ({"odd": False}, {"kind": 0}, {"kind": "0"})] == [5, 1, 0]


async def test_all_vectors_of_a_memory_have_one_dimension(store: VectorStore) -> None:
    await store.upsert(SCOPE, [item("a", 1, 2, 3)])
    with pytest.raises(InvalidConfigError, match="2 dimensions, and this memory has 3"):
        await store.upsert(SCOPE, [item("b", 1, 2)])
    with pytest.raises(InvalidConfigError, match="4 dimensions, and this memory has 3"):
        await store.search(SCOPE, [1, 2, 3, 4])
    with pytest.raises(InvalidConfigError, match="2 dimensions"):
        await store.upsert(OTHERS[0], [item("a", 1, 2, 3), item("b", 1, 2)])
    await store.upsert(OTHERS[0], [item("a", 1, 2)])
    assert await near(store, 1, 2, 3) == ["a"]
    await store.delete(SCOPE, ids=["a"])
    await store.upsert(SCOPE, [item("b", 1, 2)])
    assert await near(store, 1, 2) == ["b"]


@pytest.mark.parametrize("vector", [[], [0, 0], [math.nan, 1], [math.inf, 1], [1e39, 1], [1e-40, 0], [1] * 5000])
async def test_what_has_no_direction_is_refused(store: VectorStore, vector: list[float]) -> None:
    with pytest.raises(InvalidConfigError, match="vector"):
        await store.upsert(SCOPE, [item("a", *vector)])
    with pytest.raises(InvalidConfigError, match="vector"):
        await store.search(SCOPE, vector)
    assert await store.usage(SCOPE) == Usage()


async def test_what_is_no_item_is_refused(store: VectorStore) -> None:
    for bad in (item("", 1), item("a", 1, text="\ud800"), item("a", 1, x=math.nan)):
        with pytest.raises(InvalidConfigError):
            await store.upsert(SCOPE, [bad])
    for bad in (item("a", 1, x=None), item("a", 1, x=[1]), item("a", 1, x={})):
        with pytest.raises(InvalidConfigError, match=r"metadata\.x"):
            await store.upsert(SCOPE, [bad])
    for large in (item("a" * 2000, 1), item("a", 1, text="x" * 5_000_000), item("a", 1, x="x" * 20_000)):
        with pytest.raises(LimitedError):
            await store.upsert(SCOPE, [large])
    with pytest.raises(LimitedError, match="metadata"):
        await store.upsert(SCOPE, [Item(id="a", text="t", metadata={f"x{n}": n for n in range(100)}, vector=[1.0])])
    with pytest.raises(ConflictError, match="twice"):
        await store.upsert(SCOPE, [item("a", 1), item("a", 2)])
    for k in (0, MAX_MATCHES + 1):
        with pytest.raises(InvalidConfigError, match="k"):
            await store.search(SCOPE, [1], k=k)
    with pytest.raises(InvalidConfigError, match="ids"):
        await store.delete(SCOPE)
    with pytest.raises(InvalidConfigError, match="ids"):
        await store.delete(SCOPE, ids=["a"], where={"x": 1})
    assert await store.usage(SCOPE) == Usage()


async def test_items_are_deleted_by_id_or_by_metadata(store: VectorStore) -> None:
    await store.upsert(SCOPE, [item(f"i{n}", 1, n, even=n % 2 == 0, third=n % 3) for n in range(12)])
    assert await store.delete(SCOPE, ids=["i0", "i1", "nobody"]) == 2
    assert await store.delete(SCOPE, ids=[]) == 0
    assert await store.delete(SCOPE, where={"even": True, "third": 0}) == 1
    assert await store.delete(SCOPE, where={"even": False}) == 5
    assert sorted(await near(store, 1, 0, k=20)) == ["i10", "i2", "i4", "i8"]
    assert await store.count(SCOPE) == await store.count(SCOPE, {"even": True}) == 4
    assert await store.delete(OTHERS[0], ids=["i2"]) == await store.delete(OTHERS[0], where={"even": True}) == 0


async def test_what_is_old_goes(store: VectorStore, vector_backend: Backend) -> None:
    await store.upsert(SCOPE, [item("a", 1, 0), item("b", 1, 1)])
    vector_backend.clock.advance(10)
    await store.upsert(SCOPE, [item("b", 1, 1), item("c", 0, 1)])
    with pytest.raises(InvalidConfigError, match="before"):
        await store.expire(SCOPE, float("nan"))
    assert await store.expire(SCOPE, 1_750_000_005.0) == 1
    assert await near(store, 1, 0) == ["b", "c"]
    assert await store.expire(SCOPE, 1_750_000_011.0) == 2
    assert await store.usage(SCOPE) == Usage()


async def test_scopes_see_nothing_of_each_other(store: VectorStore) -> None:
    scopes = [SCOPE, *OTHERS]
    for number, scope in enumerate(scopes):
        await store.upsert(scope, [item("same", 1, number, n=number), item(f"own{number}", 0, 1)])
    for number, scope in enumerate(scopes):
        assert {match.id for match in await store.search(scope, [1, 1], k=50)} == {"same", f"own{number}"}
        assert await store.count(scope, {"n": number}) == (await store.usage(scope)).entries - 1 == 1
        assert await store.count(scope, {"n": number + 1}) == 0
    assert await store.delete_all(SCOPE) == 2
    assert [await store.count(scope) for scope in scopes] == [0, *[2] * len(OTHERS)]


async def test_the_quota_is_exact_under_many_writers(vector_backend: Backend) -> None:
    stores = [await vector_backend.vectors(Quota(entries=20)) for _ in range(2)]
    writes = (stores[n % 2].upsert(SCOPE, [item(f"a{n}", 1, n), item(f"b{n}", 1, n)]) for n in range(16))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(outcome, LimitedError) for outcome in outcomes) == 6
    assert await stores[0].count(SCOPE) == len(await near(stores[1], 1, 1, k=50)) == 20
    kept = await near(stores[0], 1, 1, k=1)
    await stores[0].upsert(SCOPE, [item(kept[0], -1, -1)])


async def test_a_quota_in_bytes(vector_backend: Backend) -> None:
    size = len("atext{}") + 8
    store = await vector_backend.vectors(Quota(bytes=2 * size))
    await store.upsert(SCOPE, [item("a", 1, 0), item("b", 1, 0)])
    for more in (item("c", 1, 0, text=""), item("a", 1, 0, text="textt")):
        with pytest.raises(LimitedError, match="quota"):
            await store.upsert(SCOPE, [more])
    await store.upsert(SCOPE, [item("a", 1, 0, text="tex"), item("b", 0, 1, text="textt")])
    assert await store.usage(SCOPE) == Usage(2, 2 * size)


@pytest.mark.parametrize("text", HOSTILE)
async def test_any_text_is_an_id_a_text_and_metadata(store: VectorStore, text: str) -> None:
    written = item(text, 1, 0, text=text, **{text: text})
    await store.upsert(SCOPE, [written, item("other", 0, 1)])
    assert await store.get(SCOPE, [text]) == [written]
    (found,) = await store.search(SCOPE, [1, 1], where={text: text})
    assert (found.id, found.text, found.metadata) == (text, text, {text: text})
    assert await store.delete(SCOPE, where={text: text}) == 1
    assert await store.count(SCOPE) == 1


async def test_large_texts(store: VectorStore) -> None:
    await store.upsert(SCOPE, [item("a", 1, 0, text="ü\0" * 500_000)])
    assert (await store.search(SCOPE, [1, 0]))[0].text == "ü\0" * 500_000


@pytest.mark.parametrize("clusters", [0, 20])
async def test_nothing_near_is_missed(store: VectorStore, clusters: int) -> None:
    chance = random.Random(clusters)
    middles = [[chance.gauss(0, 1) for _ in range(32)] for _ in range(clusters)]

    def vector() -> list[float]:
        middle = chance.choice(middles) if middles else [0.0] * 32
        return array("f", [value + chance.gauss(0, 0.3) for value in middle]).tolist()

    vectors = {f"i{n}": vector() for n in range(1500)}
    for first in range(0, 1500, 500):
        part = list(vectors)[first : first + 500]
        await store.upsert(SCOPE, [item(name, *vectors[name], even=int(name[1:]) % 2 == 0) for name in part])
    for _ in range(10):
        wanted = vector()
        ordered = sorted(vectors, key=lambda name: -cosine(vectors[name], wanted))
        assert await near(store, *wanted, k=10) == ordered[:10]
        even = [name for name in ordered if int(name[1:]) % 2 == 0]
        assert await near(store, *wanted, k=10, where={"even": True}) == even[:10]


async def test_export_has_all_and_deletion_leaves_nothing(store: VectorStore, vector_backend: Backend) -> None:
    items = [item(f"i{n:03}", 1, n, text=f"marked {n}", n=n) for n in range(250)]
    await store.upsert(SCOPE, items)
    records = [record async for record in store.export(SCOPE)]
    assert [record["id"] for record in records] == [f"i{n:03}" for n in range(250)]
    assert set(records[0]) == {"type", "id", "text", "metadata", "vector"}
    assert records[3]["vector"] == pytest.approx([1.0, 3.0])
    assert vector_backend.content()
    assert await store.delete_all(SCOPE) == 250
    assert vector_backend.content() == []
    await store.upsert(SCOPE, [item("a", 1, 2, 3)])
    assert await near(store, 1, 2, 3) == ["a"]
