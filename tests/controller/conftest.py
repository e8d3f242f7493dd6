"""A real cluster in which the controller runs."""

import json
from collections.abc import Iterator

import pytest

from tests.servers.agent_images import openai_archive, outrider_archive
from tests.servers.cluster import RealCluster


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
