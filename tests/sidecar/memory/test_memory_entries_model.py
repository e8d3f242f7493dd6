"""Keys and values behave as a dictionary does, whatever is done with them."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from outrider.core.errors import ConflictError
from outrider.sidecar.memory.model import Usage
from outrider.sidecar.memory.store import KeyValueStore
from tests.servers.redis import RedisServer
from tests.sidecar.memory.backends import SCOPE, Backend, PostgresqlBackend, RedisBackend, SqliteBackend

KEYS = st.text(alphabet="ab%_*\0ä", min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
VERSIONS = st.none() | st.integers(0, 12)
BOUNDED = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class Model(RuleBasedStateMachine):
    """A store beside a dictionary of value, version and expiry."""

    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = self.backend.clock
        self.store: KeyValueStore = self.runner.run(self.backend.key_values())
        self.backend.opened.clear()
        self.runner.run(self.store.delete_all(SCOPE))
        self.known: dict[str, tuple[Any, int, float | None]] = {}
        self.counter = 0

    def alive(self) -> dict[str, tuple[Any, int, float | None]]:
        now = self.clock.now()
        return {key: kept for key, kept in self.known.items() if kept[2] is None or kept[2] > now}

    def version(self, key: str) -> int:
        return self.alive().get(key, (None, 0, None))[1]

    @rule(key=KEYS, value=VALUES, ttl=st.none() | st.sampled_from([0.5, 1.0, 3.0]), expected=VERSIONS)
    def put(self, key: str, value: Any, ttl: float | None, expected: int | None) -> None:
        written = self.store.put(SCOPE, key, value, ttl=ttl, if_version=expected)
        if expected is not None and expected != self.version(key):
            with pytest.raises(ConflictError):
                self.runner.run(written)
            return
        entry = self.runner.run(written)
        self.counter += 1
        expires = None if ttl is None else self.clock.now() + ttl
        assert (entry.version, entry.expires) == (self.counter, expires)
        self.known[key] = (value, self.counter, expires)

    @rule(key=KEYS, expected=VERSIONS)
    def delete(self, key: str, expected: int | None) -> None:
        deleted = self.store.delete(SCOPE, key, if_version=expected)
        if expected is not None and expected != self.version(key):
            with pytest.raises(ConflictError):
                self.runner.run(deleted)
            return
        assert self.runner.run(deleted) is (key in self.alive())
        self.known.pop(key, None)

    @precondition(lambda self: self.known)
    @rule(seconds=st.sampled_from([0.25, 1.0, 2.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        gone = len(self.known) - len(self.alive())
        assert self.runner.run(self.store.expire(SCOPE, 0.0)) == gone
        self.known = self.alive()

    @rule(prefix=KEYS | st.just(""), after=KEYS | st.just(""), limit=st.integers(1, 4))
    def look(self, prefix: str, after: str, limit: int) -> None:
        found = self.runner.run(self.store.list(SCOPE, prefix, limit=limit, after=after))
        expected = sorted(key for key in self.alive() if key.startswith(prefix) and key > after)[:limit]
        assert [(entry.key, (entry.value, entry.version, entry.expires)) for entry in found] == [
            (key, self.known[key]) for key in expected
        ]

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        entry = self.runner.run(self.store.get(SCOPE, key))
        assert (entry and (entry.value, entry.version, entry.expires)) == self.alive().get(key)

    @invariant()
    def counts(self) -> None:
        assert self.runner.run(self.store.usage(SCOPE)).entries == len(self.alive())
        if not self.known:
            assert self.runner.run(self.store.usage(SCOPE)) == Usage()

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()


def check(backend: Backend) -> None:
    run_state_machine_as_test(type("Checked", (Model,), {"backend": backend}), settings=BOUNDED)


def test_sqlite_is_a_dictionary() -> None:
    folder = Path(tempfile.mkdtemp(prefix="outrider-memory-"))
    try:
        check(SqliteBackend(folder))
    finally:
        shutil.rmtree(folder)


@pytest.mark.real
def test_postgresql_is_a_dictionary(postgresql_address: str) -> None:
    check(PostgresqlBackend(postgresql_address))


@pytest.mark.real
def test_redis_is_a_dictionary(plain_redis: RedisServer) -> None:
    check(RedisBackend(plain_redis))
