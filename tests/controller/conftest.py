"""Real clusters: one in which the controller runs, and one in which nothing does yet."""

import json
from collections.abc import Iterator

import pytest

from tests.servers.agent_images import openai_archive, outrider_archive
from tests.servers.cluster import RealCluster, why_not


@pytest.fixture(scope="package")
def installed(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Return a cluster in which the controller runs."""
    if not cluster.report:
        pytest.skip("KUBECONFIG names a cluster of somebody else, whose nodes get no images from here")
    for archive in (outrider_archive(), openai_archive(tmp_path_factory.mktemp("images") / "openai.tar")):
        done = cluster.outrider("cluster", "load-image", str(archive), cluster.name)
        assert done.returncode == 0, done.stderr
    done = cluster.outrider("controller", "install", "--replicas", "2", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert {one["state"] for one in json.loads(done.stdout)} <= {"created", "configured", "unchanged"}
    yield cluster
    done = cluster.outrider("controller", "uninstall", "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert "agenttypes" not in cluster.kubectl("get", "crds", "-o", "name")


@pytest.fixture
def bare() -> Iterator[RealCluster]:
    """Yield a cluster of its own that has our image, and nothing else of ours."""
    if reason := why_not():
        pytest.skip(reason)
    with RealCluster() as one:
        if not one.report:
            pytest.skip("the kinds of a cluster of somebody else are not to be removed")
        done = one.outrider("cluster", "load-image", str(outrider_archive()), one.name)
        assert done.returncode == 0, done.stderr
        yield one
