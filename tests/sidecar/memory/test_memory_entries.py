"""The contract of keys and values, on every database."""

import asyncio
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, LimitedError
from outrider.sidecar.memory.limits import MAX_LISTED
from outrider.sidecar.memory.model import Entry, Quota, Usage
from outrider.sidecar.memory.store import KeyValueStore
from tests.sidecar.memory.backends import OTHERS, SCOPE, Backend

HOSTILE = [
    "\0",
    "a\0b",
    "%",
    "a%",
    "a_",
    "a*",
    "[a]",
    "?",
    "'; DROP TABLE memory_entries; --",
    "{x}",
    "é\u0301🙂",
    "\uffff",
    "\U0010ffff",
]


@pytest.fixture
async def store(backend: Backend) -> KeyValueStore:
    return await backend.key_values()


async def keys(store: KeyValueStore, prefix: str = "", **more: Any) -> list[str]:
    return [entry.key for entry in await store.list(SCOPE, prefix, **more)]


@pytest.mark.parametrize("value", [None, False, 0, 1.5, "", "\0ü🙂", [], {}, {"a": [1, {"b": None}]}, 2**80])
async def test_a_value_is_read_as_it_was_written(store: KeyValueStore, value: Any) -> None:
    written = await store.put(SCOPE, "k", value)
    assert written == Entry(key="k", value=value, version=1, expires=None)
    found = await store.get(SCOPE, "k")
    assert found == written
    assert type(found.value) is type(value)


async def test_an_absent_key(store: KeyValueStore) -> None:
    assert await store.get(SCOPE, "k") is None
    assert await store.delete(SCOPE, "k") is False
    assert await store.list(SCOPE) == []
    assert await store.usage(SCOPE) == Usage()


async def test_versions_grow_and_are_never_given_twice(store: KeyValueStore) -> None:
    assert (await store.put(SCOPE, "k", 1)).version == 1
    assert (await store.put(SCOPE, "k", 2)).version == 2
    assert await store.delete(SCOPE, "k") is True
    assert (await store.put(SCOPE, "k", 3)).version == 3
    with pytest.raises(ConflictError):
        await store.put(SCOPE, "k", 4, if_version=1)


async def test_a_write_may_depend_on_what_is_there(store: KeyValueStore) -> None:
    with pytest.raises(ConflictError, match="'k' has changed: it has no value"):
        await store.put(SCOPE, "k", 1, if_version=3)
    assert (await store.put(SCOPE, "k", 1, if_version=0)).version == 1
    with pytest.raises(ConflictError, match="version 1") as caught:
        await store.put(SCOPE, "k", 2, if_version=0)
    assert caught.value.context == {"version": 1}
    assert (await store.put(SCOPE, "k", 2, if_version=1)).version == 2
    with pytest.raises(ConflictError):
        await store.delete(SCOPE, "k", if_version=1)
    assert (await store.get(SCOPE, "k") or pytest.fail("gone")).value == 2
    assert await store.delete(SCOPE, "k", if_version=2) is True
    with pytest.raises(ConflictError):
        await store.delete(SCOPE, "k", if_version=2)
    assert await store.delete(SCOPE, "k", if_version=0) is False


async def test_of_fifty_writers_one_wins_each_round(backend: Backend) -> None:
    stores = [await backend.key_values() for _ in range(3)]
    version = 0
    for round_ in range(5):
        attempts = (stores[n % 3].put(SCOPE, "k", [round_, n], if_version=version) for n in range(50))
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        (won,) = [outcome for outcome in outcomes if isinstance(outcome, Entry)]
        assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 49
        assert await stores[0].get(SCOPE, "k") == won
        version = won.version
    assert version == 5


async def test_a_counter_of_many_loses_nothing(backend: Backend) -> None:
    stores = [await backend.key_values() for _ in range(2)]

    async def count_up(store: KeyValueStore) -> None:
        while True:
            entry = await store.get(SCOPE, "n")
            try:
                await store.put(SCOPE, "n", entry.value + 1 if entry else 1, if_version=entry.version if entry else 0)
            except ConflictError:
                continue
            return

    await asyncio.gather(*(count_up(stores[n % 2]) for n in range(20)))
    assert (await stores[0].get(SCOPE, "n") or pytest.fail("gone")).value == 20


async def test_what_has_expired_is_gone_before_any_sweep(store: KeyValueStore, backend: Backend) -> None:
    assert (await store.put(SCOPE, "k", 1, ttl=2.5)).expires == 1_750_000_002.5
    await store.put(SCOPE, "l", 2)
    backend.clock.advance(2.25)
    assert (await store.get(SCOPE, "k") or pytest.fail("gone")).expires == 1_750_000_002.5
    assert await keys(store) == ["k", "l"]
    backend.clock.advance(0.25)
    assert await store.get(SCOPE, "k") is None
    assert await keys(store) == ["l"]
    assert [record["key"] async for record in store.export(SCOPE)] == ["l"]
    assert await store.usage(SCOPE) == Usage(1, 2)
    assert await store.delete(SCOPE, "k") is False
    await store.put(SCOPE, "k", 3, ttl=1)
    backend.clock.advance(1)
    with pytest.raises(ConflictError):
        await store.put(SCOPE, "k", 4, if_version=3)
    assert (await store.put(SCOPE, "k", 4, if_version=0)).expires is None
    backend.clock.advance(1000)
    assert await keys(store) == ["k", "l"]


async def test_a_sweep_takes_what_has_expired_and_what_is_old(store: KeyValueStore, backend: Backend) -> None:
    await store.put(SCOPE, "short", 1, ttl=1)
    await store.put(SCOPE, "old", 1)
    await store.put(SCOPE, "rewritten", 1)
    backend.clock.advance(10)
    await store.put(SCOPE, "rewritten", 2)
    await store.put(SCOPE, "long", 1, ttl=1000)
    with pytest.raises(InvalidConfigError, match="before"):
        await store.expire(SCOPE, float("nan"))
    assert await store.expire(SCOPE, 0.0) == 1
    assert await keys(store) == ["long", "old", "rewritten"]
    assert await store.expire(SCOPE, 1_750_000_005.0) == 1
    assert await keys(store) == ["long", "rewritten"]
    assert await store.usage(SCOPE) == Usage(2, len("long1rewritten2"))
    assert await store.expire(OTHERS[0], 2e9) == 0


async def test_the_quota_is_exact_under_many_writers(backend: Backend) -> None:
    stores = [await backend.key_values(Quota(entries=10)) for _ in range(2)]
    writes = (stores[n % 2].put(SCOPE, f"k{n}", n) for n in range(30))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(outcome, LimitedError) for outcome in outcomes) == 20
    assert len(await keys(stores[0])) == (await stores[1].usage(SCOPE)).entries == 10
    await stores[0].put(SCOPE, (await keys(stores[0]))[0], "replaced")
    await stores[0].put(OTHERS[0], "k", 1)


async def test_a_quota_in_bytes_counts_what_is_replaced(backend: Backend) -> None:
    store = await backend.key_values(Quota(bytes=20))
    await store.put(SCOPE, "a", "x" * 15)  # 18 bytes
    with pytest.raises(LimitedError, match="memory 'notes' of agent 'helper' would exceed its quota") as caught:
        await store.put(SCOPE, "b", 12)
    assert caught.value.found == "1 entries of 18 bytes"
    assert caught.value.expected == "at most any number of entries of 20 bytes"
    assert caught.value.context["usage"] == {"entries": 1, "bytes": 18}
    await store.put(SCOPE, "a", "x" * 17)
    with pytest.raises(LimitedError):
        await store.put(SCOPE, "a", "x" * 18)
    await store.put(SCOPE, "a", "")
    await store.put(SCOPE, "b", 12)
    assert await store.usage(SCOPE) == Usage(2, 6)


async def test_what_is_above_a_smaller_quota_may_shrink(backend: Backend) -> None:
    await (await backend.key_values()).put(SCOPE, "a", "x" * 50)
    store = await backend.key_values(Quota(entries=1, bytes=10))
    await store.put(SCOPE, "a", "x" * 40)
    with pytest.raises(LimitedError):
        await store.put(SCOPE, "a", "x" * 41)


async def test_what_has_expired_fills_no_quota(backend: Backend) -> None:
    store = await backend.key_values(Quota(entries=2, bytes=100))
    for key in "ab":
        await store.put(SCOPE, key, "x" * 40, ttl=1)
    backend.clock.advance(1)
    await store.put(SCOPE, "a", "y" * 80)
    await store.put(SCOPE, "c", 1)
    assert await keys(store) == ["a", "c"]
    assert await store.expire(SCOPE, 0.0) == 0


async def test_keys_are_listed_by_prefix_in_order_and_in_parts(store: KeyValueStore) -> None:
    names = ["a", "a/1", "a/2", "a%", "a%b", "a_b", "ab", "b", *HOSTILE]
    for name in set(names):
        await store.put(SCOPE, name, name)
    ordered = sorted(set(names))
    assert await keys(store) == ordered
    for prefix in ("", "a", "a/", "a%", "a_", "a*", "a\0", "[", "é", "\uffff", "\U0010ffff", "zzz"):
        assert await keys(store, prefix) == [name for name in ordered if name.startswith(prefix)]
        assert (
            await keys(store, prefix, limit=2, after="a%")
            == [name for name in ordered if name.startswith(prefix) and name > "a%"][:2]
        )
    with pytest.raises(InvalidConfigError, match="limit"):
        await store.list(SCOPE, limit=MAX_LISTED + 1)
    with pytest.raises(InvalidConfigError, match="limit"):
        await store.list(SCOPE, limit=0)


async def test_scopes_see_nothing_of_each_other(store: KeyValueStore) -> None:
    scopes = [SCOPE, *OTHERS]
    for number, scope in enumerate(scopes):
        assert (await store.put(scope, "k", number, if_version=0)).version == 1
    assert [(await store.list(scope))[0].value for scope in scopes] == list(range(len(scopes)))
    assert await store.delete_all(SCOPE) == 1
    assert [(await store.usage(scope)).entries for scope in scopes] == [0, *[1] * len(OTHERS)]


@pytest.mark.parametrize("key", HOSTILE)
async def test_any_text_is_a_key_and_a_value(store: KeyValueStore, key: str) -> None:
    written = await store.put(SCOPE, key, {key: key}, if_version=0)
    assert await store.get(SCOPE, key) == written
    assert await store.list(SCOPE, key) == [written]
    assert await store.delete(SCOPE, key, if_version=written.version) is True


async def test_what_is_no_key_value_or_time_to_live_is_refused(store: KeyValueStore) -> None:
    for key, value, ttl in (("", 1, None), ("\udc00", 1, None), ("k", float("inf"), None), ("k", {1, 2}, None),
                            ("k", 1, 0.0), ("k", 1, -1.0), ("k", 1, float("nan")), ("k", 1, 1e12)):  # fmt: skip
        with pytest.raises(InvalidConfigError):
            await store.put(SCOPE, key, value, ttl=ttl)
    with pytest.raises(LimitedError, match="key"):
        await store.put(SCOPE, "k" * 1_000_000, 1)
    with pytest.raises(LimitedError, match="value"):
        await store.put(SCOPE, "k", "x" * 5_000_000)
    assert await store.usage(SCOPE) == Usage()


async def test_large_values_are_listed_in_parts(store: KeyValueStore) -> None:
    for n in range(10):
        await store.put(SCOPE, f"k{n}", "ü" * 2_000_000)
    found: list[str] = []
    while part := await keys(store, after=found[-1] if found else ""):
        assert len(part) < 10
        found += part
    assert found == [f"k{n}" for n in range(10)]
    assert (await store.get(SCOPE, "k5") or pytest.fail("gone")).value == "ü" * 2_000_000


async def test_export_has_all_and_deletion_leaves_nothing(store: KeyValueStore, backend: Backend) -> None:
    for n in range(250):
        await store.put(SCOPE, f"marked{n:03}", [n], ttl=5 if n % 2 else None)
    records = [record async for record in store.export(SCOPE)]
    assert [record["key"] for record in records] == [f"marked{n:03}" for n in range(250)]
    assert records[1] == {"type": "entry", "key": "marked001", "value": [1], "version": 2, "expires": 1_750_000_005.0}
    backend.clock.advance(5)
    assert backend.content()
    assert await store.delete_all(SCOPE) == 250
    assert backend.content() == []
