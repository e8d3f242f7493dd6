"""Real clusters of `outrider cluster`: made, used, killed and gone again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.local.cluster.programs import programs_folder
from tests.servers.cluster import RealCluster, why_not
from tests.servers.images import busybox_archive

pytestmark = [pytest.mark.real, pytest.mark.timeout(240), pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  containers:
  - {{name: main, image: "busybox:1", imagePullPolicy: Never, command: [sh, -c, "{command}"]}}
  terminationGracePeriodSeconds: 0
"""
ANSWERS = "while true; do printf 'HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\nhello' | nc -l -p 8080; done"


class Own:
    """The clusters of one user of their own, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / ".kube" / "config"
        kept = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "XDG_CACHE_HOME")}
        self.environment = {**kept, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}

    def run(self, *arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "outrider", "cluster", *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode == status, done.stderr + done.stdout
        return done.stdout if status == 0 else done.stderr

    def up(self, name: str, *more: str) -> str:
        return self.run("up", name, "--programs", str(programs_folder()), "--no-egress", *more)

    def report(self, name: str, status: int = 0) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "outrider", "cluster", "status", name, "-o", "json"], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode in (status, 6), done.stderr  # 6 where a component is just being started again
        reports: list[dict[str, Any]] = json.loads(done.stdout)
        return reports[0]

    def kubectl(self, *arguments: str, input: str = "", check: bool = True) -> str:  # noqa: A002 - as subprocess has it
        done = subprocess.run(
            [str(programs_folder() / "kubectl"), *arguments], env=self.environment, input=input, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    user = Own(tmp_path)
    yield user
    folder = tmp_path / "state" / "outrider" / "clusters"
    for name in sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []:
        user.run("down", name)


def eventually(look: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def left_on_the_machine() -> list[str]:
    """Return what clusters have on the machine: control groups and network devices."""
    folders = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    groups = [str(path) for folder in folders for path in folder.glob("outrider[0-9]*")]
    devices = [name for name in os.listdir("/sys/class/net") if name.startswith("outrider")]  # noqa: PTH208
    tables = [
        line
        for line in subprocess.run(
            ["nft", "list", "tables"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        if "outrider" in line
    ]
    return sorted(groups + devices + tables)


def test_a_pod_runs_is_found_by_name_and_answers_the_machine(cluster: RealCluster, tmp_path: Path) -> None:
    if not cluster.report:
        pytest.skip("KUBECONFIG names a cluster of somebody else")
    loaded = cluster.outrider("cluster", "load-image", str(busybox_archive(tmp_path / "busybox.tar")), cluster.name)
    assert loaded.stdout == "docker.io/library/busybox:1\n"
    cluster.kubectl("create", "namespace", "first")
    cluster.kubectl("apply", "-n", "first", "-f", "-", input=POD.format(name="web", command=ANSWERS))
    cluster.kubectl("expose", "pod", "web", "-n", "first", "--port=80", "--target-port=8080")
    cluster.kubectl("wait", "-n", "first", "--for=condition=Ready", "pod/web", "--timeout=30s")
    found = cluster.kubectl("exec", "-n", "first", "web", "--", "nslookup", "web.first.svc.cluster.local")
    address = cluster.kubectl("get", "service", "web", "-n", "first", "-o", "jsonpath={.spec.clusterIP}")
    assert f"Address: {address}" in found
    answer = subprocess.run(
        ["curl", "-s", "--max-time", "5", "--retry", "5", "--retry-connrefused", f"http://{address}/"],
        capture_output=True,
        check=True,
    )
    assert answer.stdout == b"hello"
    assert "GET / HTTP/1.1" in cluster.kubectl("logs", "-n", "first", "web")
    cluster.kubectl("delete", "namespace", "first", "--wait=false")


def test_a_cluster_comes_into_the_kubeconfig_beside_others_and_leaves_no_trace(own: Own) -> None:
    own.kubeconfig.parent.mkdir()
    before = "apiVersion: v1\nkind: Config\nclusters:\n- {name: work, cluster: {server: 'https://work.example:6443'}}\nusers: []\ncontexts:\n- {name: work, context: {cluster: work, user: me}}\ncurrent-context: work\n"
    own.kubeconfig.write_text(before)
    earlier = left_on_the_machine()
    assert "ready in" in own.up("one")
    assert own.kubectl("config", "current-context") == "outrider-one\n"
    assert own.kubectl("get", "nodes", "-o", "name") == "node/one-node\n"
    own.up("two")
    assert own.kubectl("--context", "outrider-one", "get", "nodes", "-o", "name") == "node/one-node\n"
    assert own.kubectl("--context", "outrider-two", "get", "nodes", "-o", "name") == "node/two-node\n"
    assert left_on_the_machine() != earlier
    assert "runs already" in own.run("up", "one", status=5)
    own.run("down", "two")
    own.run("down", "one")
    assert own.kubectl("config", "current-context") == "work\n"
    assert own.kubectl("config", "get-contexts", "-o", "name") == "work\n"
    assert left_on_the_machine() == earlier
    assert not list((own.folder / "state" / "outrider" / "clusters").glob("[a-z]*"))


def test_whatever_of_a_cluster_is_killed_comes_back_and_its_objects_are_kept(own: Own, tmp_path: Path) -> None:
    own.up("kept")
    own.run("load-image", str(busybox_archive(tmp_path / "busybox.tar")), "kept")
    own.kubectl("apply", "-f", "-", input=POD.format(name="stays", command="echo here; sleep 1000"))
    own.kubectl("wait", "--for=condition=Ready", "pod/stays", "--timeout=30s")
    pids = own.report("kept")["components"]
    assert {"etcd", "kubelet", "coredns"} < pids.keys(), "containers have a first process too"
    for name in ("containerd", "kubelet", "kube-apiserver"):
        os.kill(pids[name], signal.SIGKILL)
    eventually(lambda: own.report("kept")["components"].keys() == pids.keys())
    eventually(lambda: "stays" in own.kubectl("get", "pods", "-o", "name", check=False))
    # The pod lives through the end of containerd and kubelet: it says so once.
    eventually(lambda: own.kubectl("logs", "stays", check=False) == "here\n")
    assert own.report("kept")["components"]["kubelet"] != pids["kubelet"]

    own.run("down", "kept", "--keep")
    assert own.report("kept")["phase"] == "stopped"
    assert own.kubectl("config", "get-contexts", "-o", "name") == ""
    own.up("kept")
    eventually(lambda: own.kubectl("logs", "stays", check=False).endswith("here\n"))


def test_a_keeper_that_is_killed_takes_all_with_it_and_its_cluster_can_be_started_again(own: Own) -> None:
    own.up("hit")
    pids = own.report("hit")["components"]
    keeper = int((own.folder / "state/outrider/clusters/hit/keeper.pid").read_text())
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids.values()))
    report = own.report("hit", status=6)
    assert (report["phase"], report["problem"], report["components"]) == (
        "stopped",
        "its keeper has ended: it was killed",
        {},
    )
    own.up("hit")
    assert own.kubectl("get", "nodes", "-o", "name") == "node/hit-node\n"


def test_what_cannot_be_is_told_in_one_error(own: Own, tmp_path: Path) -> None:
    assert "a cluster cannot be called 'Not Me'" in own.run("up", "Not Me", status=2)
    assert "no cluster is called 'none'" in own.run("down", "none", status=3)
    assert "lacks kube-apiserver" in own.run("up", "poor", "--programs", str(tmp_path), status=1)
    assert own.run("status") == "no cluster: outrider cluster up\n"
    own.up("some")
    garbage = tmp_path / "garbage.tar"
    garbage.write_bytes(b"nothing")
    assert "containerd does not take it" in own.run("load-image", str(garbage), "some", status=1)
    assert "No such file" in own.run("load-image", str(tmp_path / "absent"), "some", status=3)
    assert "has no log of '../cluster'" in own.run("logs", "../cluster", "some", status=3)
    assert "Starting Kubernetes Scheduler" in own.run("logs", "kube-scheduler", "some")
    assert own.run("logs", "keeper", "some") == ""


def test_of_two_that_start_a_cluster_one_does_and_of_a_killed_start_nothing_stays(own: Own) -> None:
    earlier = left_on_the_machine()
    command = [
        sys.executable,
        "-m",
        "outrider",
        "cluster",
        "up",
        "same",
        "--programs",
        str(programs_folder()),
        "--no-egress",
    ]
    both = [
        subprocess.Popen(command, env=own.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    ended = [(one.communicate(timeout=60), one.returncode) for one in both]
    assert sorted(status for _, status in ended) == [0, 5], ended
    assert own.kubectl("get", "nodes", "-o", "name") == "node/same-node\n"
    own.run("down", "same")
    killed = subprocess.Popen(command, env=own.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually((own.folder / "state/outrider/clusters/same/keeper.pid").exists)
    killed.kill()
    killed.wait()
    own.run("down", "same")
    assert left_on_the_machine() == earlier


def test_a_cluster_of_which_the_notes_are_damaged_can_be_removed(own: Own) -> None:
    folder = own.folder / "state/outrider/clusters/bad"
    folder.mkdir(parents=True)
    (folder / "cluster.json").write_text("{")
    assert own.report("bad", status=6)["phase"] == "failed"
    own.run("down", "bad")
    assert not folder.exists()


def test_a_cluster_that_is_tied_to_a_command_ends_with_it(own: Own) -> None:
    earlier = left_on_the_machine()
    command = [
        sys.executable,
        "-m",
        "outrider",
        "cluster",
        "up",
        "tied",
        "--ephemeral",
        "--no-context",
        "--no-egress",
        "--programs",
        str(programs_folder()),
    ]
    tied = subprocess.Popen(command, env=own.environment, stdout=subprocess.PIPE, text=True)
    assert tied.stdout is not None
    assert "ready in" in tied.stdout.readline()
    pids = own.report("tied")["components"]
    tied.kill()
    tied.wait()
    tied.stdout.close()
    eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids.values()))
    own.run("down", "tied")
    assert left_on_the_machine() == earlier
    # Its parent ends while it starts.
    program = f"import subprocess, time; subprocess.Popen({command!r}); time.sleep(1.2)"
    subprocess.run([sys.executable, "-c", program], env=own.environment, check=True, stdout=subprocess.DEVNULL)
    eventually(lambda: left_on_the_machine() == earlier and not (own.folder / "state/outrider/clusters/tied").exists())
