import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers.cluster import RealCluster, end_shared_cluster, shared_cluster
from tests.servers.postgresql import PostgresqlServer

# What make check asks for: fewer examples of each property that does not say how many it needs.
settings.register_profile("quick", max_examples=25)
_OWN_CLUSTERS = tuple(f"{Path(__file__).parent / name}/" for name in ("controller", "local/cluster"))


def pytest_configure() -> None:
    """Let `nohup` keep this process alive, but not deafen the processes that tests start: a handler is not handed on."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests that need a cluster come last: it takes time from those that measure real time.

    They and those that have a cluster of their own are marked: they run in one process, for they look for what another one leaves behind.
    """
    items.sort(key=_needs_cluster)
    for item in items:
        # As texts: paths take a second for all of them.
        if _needs_cluster(item) or str(item.path).startswith(_OWN_CLUSTERS):
            item.add_marker(pytest.mark.cluster)


def pytest_collection_finish() -> None:
    """Leave out what the collection has made when garbage is looked for: it stays, and there is much of it."""
    gc.collect()
    gc.freeze()


def _needs_cluster(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & {"cluster", "shop"}) or "[real" in item.nodeid or "kubernetes" in item.nodeid


def pytest_unconfigure() -> None:
    """End what the tests of a run have shared."""
    end_shared_cluster()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """Return a real PostgreSQL server, shared by the tests of this run."""
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def postgresql_address(postgresql: PostgresqlServer) -> Iterator[str]:
    """Return the address of an empty database on it."""
    schema = postgresql.create()
    yield postgresql.address(schema)
    postgresql.drop(schema)


@pytest.fixture(scope="session")
def cluster() -> RealCluster:
    """Return a real one-node Kubernetes, shared by the tests of this run: each makes a namespace of its own."""
    return shared_cluster()
