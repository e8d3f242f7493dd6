"""Commands, copies and ports of containers, on a real cluster."""

import asyncio
import base64
import io
import json
import os
import secrets
import socket
import tarfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.forwarding import pod_port
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.operators.kubernetes.tests.world import own_cluster, reached
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import DEPLOYMENTS, PODS, SERVICES
from tests.servers.images import BUSYBOX
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
WAIT = ["sh", "-c", "trap exit TERM; while true; do sleep 1; done"]
HTTPD = "httpd -f -p 8080 -h /tmp/www"


def container(name: str = "web", command: list[str] = WAIT, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": BUSYBOX, "command": command, **fields}


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": list(containers), **spec},
    }  # fmt: skip


# Made once, and left as they are: what a test makes in one of them has a name of its own.
BARE = {"env": [{"name": "PATH", "value": "/only"}]}
SERVE = f"mkdir /tmp/www; cat /etc/hostname > /tmp/www/index.html; {HTTPD} & nc -ll -p 7002 -e cat & nc -ll -p 7003 -e sh -c 'cat >> /tmp/got' & wait"
PODS_OF_ALL = [
    pod("one", container(command=["sh", "-c", SERVE])),
    pod("bare", container("a", ["/bin/sleep", "1000"], **BARE), container("b", ["/bin/sleep", "1000"], **BARE)),
    pod("ended", container(command=["true"]), restartPolicy="Never"),
]


@cache
def _pods() -> str:
    """Have a namespace with pods for all of these tests, and return its name."""
    cluster, namespace = own_cluster(), f"containers-{secrets.token_hex(3)}"
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl(
        "apply", "-n", namespace, "-f", "-", input="---\n".join(json.dumps(one) + "\n" for one in PODS_OF_ALL)
    )
    cluster.kubectl("wait", "pod/one", "pod/bare", "--for=condition=Ready", "-n", namespace, "--timeout=60s")
    cluster.kubectl("wait", "pod/ended", "--for=jsonpath={.status.phase}=Succeeded", "-n", namespace, "--timeout=60s")
    return namespace


@pytest.fixture
async def inside() -> AsyncIterator[Shop]:
    """Return calls of operations where pods are."""
    cluster = own_cluster()
    with reached(cluster):
        async with KubeClient(cluster.target(), component="tests") as client:
            yield Shop(client, _pods(), cluster)


async def shell(shop: Shop, script: str, **params: Any) -> str:
    done = await shop.run("exec", target="pod/one", command=["sh", "-c", script], **params)
    assert (done.exit_code, done.stderr) == (0, "")
    return str(done.stdout)


async def test_a_command_gets_input_and_gives_output_errors_and_its_exit_code(inside: Shop) -> None:
    async def run(*command: str, **params: Any) -> Any:
        return await inside.run("exec", target="pod/one", command=list(command), **params)

    done = await run("sh", "-c", "cat; echo oh >&2; exit 3", stdin="a\nb")
    assert (done.pod, done.container) == ("one", "web")
    assert (done.stdout, done.stderr, done.exit_code, done.truncated) == ("a\nb", "oh\n", 3, False)
    assert (await run("echo", "-n", "a  b", "$HOME", "*")).stdout == "a  b $HOME *", "no shell has read it"
    assert (await run("wc", "-c", stdin="x" * 1_000_000)).stdout == "1000000\n"
    done = await run("head", "-c", "1200000", "/dev/zero")
    assert (len(done.stdout), done.truncated) == (1024 * 1024, True)
    assert (await run("sh", "-c", "kill -9 $$")).exit_code == 137
    for size in (10, 100_000, 1_000_000):
        done = await run("head", "-c", "5", stdin="x" * size)
        assert (done.exit_code, done.stdout) == (0, "xxxxx"), "it need not read all that it is given"


async def test_a_command_that_is_late_is_killed_with_what_it_started(inside: Shop) -> None:
    late = {"target": "pod/one", "command": ["sh", "-c", "sleep 4711 & sleep 4711"]}
    for params in (late, {**late, "stdin": "x"}):
        error = await inside.refused("exec", **params, seconds=1.0)
        assert (error.code, error.found) == ("TIMEOUT", "still running")
        assert "was killed" in error.message
    call = asyncio.create_task(inside.run("exec", target="pod/one", command=["sh", "-c", "sleep 4712; true"]))
    while "4712" not in await shell(inside, "busybox ps"):
        assert not call.done()
    call.cancel()
    await asyncio.wait({call})
    left = await shell(inside, "busybox ps")
    assert "4711" not in left
    assert "4712" not in left


async def test_what_cannot_be_run_is_told_with_a_remedy(inside: Shop) -> None:
    error = await inside.refused("exec", target="pod/bare", command=["ls"])
    assert (error.code, error.expected, error.suggestions) == (
        "INVALID_CONFIG",
        "one of a, b",
        ["--container a", "--container b"],
    )
    error = await inside.refused("exec", target="pod/bare", command=["ls"], container="c")
    assert (error.code, error.expected) == ("NOT_FOUND", "a, b")
    for target, params in (("pod/bare", {"container": "b"}), ("pod/one", {})):
        error = await inside.refused("exec", target=target, command=["nothing"], **params)
        assert (error.code, error.path, error.found) == ("NOT_FOUND", "command", "nothing")
    done = await inside.run("exec", target="pod/bare", command=["/bin/busybox", "echo", "hi"], container="b")
    assert (done.exit_code, done.stdout) == (0, "hi\n"), "without a shell, too"
    error = await inside.refused("exec", target="pod/bare", command=["/bin/busybox", "cat"], container="b", stdin="x")
    assert (error.code, error.path) == ("NOT_FOUND", "stdin")
    late = await inside.refused("exec", target="pod/bare", command=["/bin/sleep", "2"], container="b", seconds=0.8)
    assert "may go on there" in late.message
    error = await inside.refused("exec", target="pod/ended", command=["ls"])
    assert (error.code, error.found) == ("UNAVAILABLE", "terminated, Completed, exit code 0")
    assert error.suggestions[0].startswith("outrider kubernetes logs pod/ended")
    assert (await inside.refused("exec", target="pod/none", command=["ls"])).code == "NOT_FOUND"
    assert (await inside.refused("exec", target="node/none", command=["ls"])).code == "INVALID_CONFIG"
    assert (await inside.refused("exec", target="svc/none", command=["ls"])).code == "NOT_FOUND"


async def test_of_a_workload_a_ready_pod_is_taken(shop: Shop) -> None:
    wanted = deployment(replicas=1)
    wanted["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "web"}
    wanted["spec"]["template"]["spec"]["containers"].append(container("side"))
    await shop.make(DEPLOYMENTS, wanted)
    error = await shop.refused("exec", target="deployment/web", command=["ls"])
    assert (error.code, error.message) == ("UNAVAILABLE", "deployment/web has no ready pod")
    await shop.settled()
    done = await shop.run("exec", target="deploy/web", command=["cat", "/etc/hostname"])
    assert (done.stdout.strip(), done.container) == (done.pod, "web")


async def test_who_may_not_is_denied(inside: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, kubectl = ("-n", inside.namespace), inside.cluster.kubectl
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods", *place)
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={inside.namespace}:default", *place)
    token = kubectl("create", "token", "default", *place).strip()
    config = tmp_path / "config"
    config.write_text(inside.cluster.kubeconfig.read_text())
    kubectl("config", "set-credentials", "reader", f"--token={token}", f"--kubeconfig={config}")
    kubectl("config", "set-context", "--current", "--user=reader", f"--kubeconfig={config}")
    monkeypatch.setenv("KUBECONFIG", str(config))
    error = await inside.refused("exec", target="pod/one", command=["ls"])
    assert (error.code, 'resource "pods/exec"' in error.message) == ("DENIED", True)


def made(root: Path) -> dict[str, bytes]:
    """Make a tree, and return what is in it."""
    content = {
        "a.txt": b"text\n", "empty": b"", "deep/er/b.bin": os.urandom(300_000), "deep/n\xe4me with space": b"x",
        "long/" + "n" * 150: b"y", "-rf": b"z",
    }  # fmt: skip
    for name, data in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "a.txt").chmod(0o750)
    return content


def read(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def copied(shop: Shop, direction: str, path: str, local: Path, **params: Any) -> Any:
    return await shop.run(
        "cp", **{"direction": direction, "target": "pod/one", "path": path, "local": str(local), **params}
    )


async def not_copied(shop: Shop, direction: str, path: str, local: Path | str, **params: Any) -> OutriderError:
    return await shop.refused(
        "cp", **{"direction": direction, "target": "pod/one", "path": path, "local": str(local), **params}
    )


async def test_a_tree_goes_there_and_back(inside: Shop, tmp_path: Path) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    content = made(here)
    (here / "link").symlink_to("a.txt")
    up = await copied(inside, "upload", "/tmp/tree", here)
    assert (up.files, up.folders, up.size) == (len(content) + 1, 4, sum(map(len, content.values())))
    assert await shell(inside, "cat /tmp/tree/link; test -L /tmp/tree/link && echo a link") == "text\na link\n"
    await shell(inside, "echo more > /tmp/tree/more")
    await copied(inside, "upload", "/tmp/tree", here)
    down = await copied(inside, "download", "/tmp/tree", back)
    assert read(back) == {**content, "link": b"text\n", "more": b"more\n"}
    assert (down.files, down.folders, down.pod) == (len(content) + 2, 4, "one")
    assert (back / "a.txt").stat().st_mode & 0o777 == 0o750
    error = await not_copied(inside, "download", "/tmp/tree", back)
    assert (error.code, error.path) == ("CONFLICT", "local")
    assert {one.name for one in tmp_path.iterdir()} == {"here", "back"}


async def test_a_single_file_takes_its_place_as_a_whole(inside: Shop, tmp_path: Path) -> None:
    data, file, back = os.urandom(2_000_000), tmp_path / "file", tmp_path / "back"
    file.write_bytes(data)
    file.chmod(0o640)
    back.write_text("old")
    up = await copied(inside, "upload", "/tmp/file", file)
    assert (up.files, up.folders, up.size) == (1, 0, len(data))
    assert await shell(inside, "ls -l /tmp/file | head -c 10; ln -s file /tmp/link") == "-rw-r-----"
    for path in ("/tmp/file", "/tmp/link"):
        await copied(inside, "download", path, back)
        assert back.read_bytes() == data
    error = await not_copied(inside, "download", "/tmp/file", back, max_size="1MB")
    assert (error.code, error.path, back.read_bytes() == data) == ("LIMITED", "max_size", True)
    assert (await not_copied(inside, "upload", "/tmp/file", file, max_size="1MB")).path == "max_size"
    error = await not_copied(inside, "upload", "/tmp", file)
    assert (error.code, error.suggestions) == ("CONFLICT", ["name the file in it: /tmp/file"])
    for path, local, code in (
        ("/proc/x", file, "EXECUTION_FAILED"),
        ("/none/x", file, "EXECUTION_FAILED"),
        ("/none/x", tmp_path, "EXECUTION_FAILED"),
    ):
        assert (await not_copied(inside, "upload", path, local)).code == code
    left = await shell(inside, "busybox ps; ls -A / /tmp")
    assert "tar" not in left, "what nobody reads any longer does not go on"
    assert "outrider" not in left
    assert {one.name for one in tmp_path.iterdir()} == {"file", "back"}


async def test_paths_that_cannot_be_are_told(inside: Shop, tmp_path: Path) -> None:
    for direction, path, local, code in (
        ("download", "/tmp/none", "new", "NOT_FOUND"),
        ("download", "/none/none", "new", "NOT_FOUND"),
        ("download", "/tmp", "none/new", "NOT_FOUND"),
        ("upload", "/tmp/new", "none", "NOT_FOUND"),
        ("download", "/", "new", "INVALID_CONFIG"),
        ("download", "/tmp/../etc", "new", "INVALID_CONFIG"),
        ("upload", "/tmp/new", "../new", "INVALID_CONFIG"),
        ("download", "/dev/zero", "new", "EXECUTION_FAILED"),
    ):
        error = await not_copied(inside, direction, path, f"{tmp_path}/{local}")
        assert error.code == code, (path, local, error.message)
        assert list(tmp_path.iterdir()) == []


async def bare(shop: Shop, script: str, data: bytes = b"") -> None:
    """Run a script in a container in whose PATH there is nothing but what scripts have put there."""
    script = f"echo {base64.b64encode(data).decode()} | base64 -d | ({script})"
    command = ["/bin/busybox", "sh", "-c", script]
    done = await shop.run("exec", target="pod/bare", container="a", command=command)
    assert (done.exit_code, done.stderr) == (0, "")


async def test_without_tar_a_file_is_copied_and_a_folder_is_not(inside: Shop, tmp_path: Path) -> None:
    place = {"target": "pod/bare", "container": "b"}
    new = tmp_path / "new"
    assert (await not_copied(inside, "download", "/etc/hostname", new, **place)).expected == "tar"
    command = ["/bin/busybox", "sh", "-c", "mkdir /only /tmp/folder; cp /bin/cat /only/cat"]
    await inside.run("exec", target="pod/bare", container="b", command=command)
    await copied(inside, "download", "/etc/hostname", new, **place)
    assert new.read_text() == "bare\n"
    for direction, local, program in (
        ("download", tmp_path / "x", "tar"),
        ("upload", tmp_path, "sh"),
        ("upload", new, "sh"),
    ):
        error = await not_copied(inside, direction, "/tmp/folder", local, **place)
        assert (error.code, error.expected) == ("MISSING_REQUIREMENT", program)
    assert (await not_copied(inside, "download", "/none", tmp_path / "x", **place)).code == "NOT_FOUND"
    assert {one.name for one in tmp_path.iterdir()} == {"new"}


async def test_a_hostile_tar_writes_nowhere_else(inside: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    await bare(inside, "mkdir -p /only; cat > /only/tar; chmod 755 /only/tar", b"#!/bin/sh\ncat /tmp/data\n")
    for name, kind in (("x/../../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("x/link", tarfile.SYMTYPE)):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, str(tmp_path)
            tar.addfile(header)
        await bare(inside, "cat > /tmp/data", archive.getvalue())
        error = await not_copied(inside, "download", "/tmp/x", folder / "x", target="pod/bare", container="a")
        assert (error.code, error.message.partition(":")[0]) == ("EXECUTION_FAILED", "not copied")
    await bare(inside, "cat > /tmp/data", b"no archive" * 100)
    assert (
        "no archive"
        in (await not_copied(inside, "download", "/tmp/x", folder / "x", target="pod/bare", container="a")).message
    )
    assert [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")] == ["folder"]


def fetched(port: int) -> str:
    """Ask a web server with a client that is not ours."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=20) as answer:
        return str(answer.read().decode().strip())


async def begun(shop: Shop, target: str, port: int, **params: Any) -> tuple[int, "asyncio.Task[Any]"]:
    """Forward a port, and return which one here leads there once somebody listens on it; that makes one connection."""
    local = free_port()
    call = asyncio.create_task(shop.run("port_forward", target=target, port=port, local_port=local, **params))
    while not call.done():
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", local)) == 0:
                return local, call
        await asyncio.sleep(0.02)
    raise AssertionError(call.exception())


async def ended(*calls: "asyncio.Task[Any]") -> None:
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_a_port_leads_to_a_ready_pod_and_to_another_when_that_goes(shop: Shop) -> None:
    script = f"mkdir /tmp/www; cat /etc/hostname > /tmp/www/index.html; exec {HTTPD}"
    await shop.web(replicas=2, command=["sh", "-c", script], ports=[{"name": "http", "containerPort": 8080}])
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}
    await shop.make(SERVICES, {"metadata": {"name": "web"}, "spec": service})
    await shop.settled()
    port, call = await begun(shop, "service/web", 80)
    first = await asyncio.to_thread(fetched, port)
    assert set(await asyncio.gather(*(asyncio.to_thread(fetched, port) for _ in range(20)))) == {first}
    assert (await shop.refused("port_forward", target="service/web", port=80, local_port=port)).code == "CONFLICT"
    await shop.client.delete(PODS, first, shop.namespace, grace=0)
    await shop.run("wait", target=f"pod/{first}", until="deleted")
    assert await asyncio.to_thread(fetched, port) != first
    await ended(call)
    with socket.socket() as one:
        assert one.connect_ex(("127.0.0.1", port)) != 0, "nobody listens any longer"


async def test_what_went_through_is_counted_and_what_failed_is_told(inside: Shop) -> None:
    port, call = await begun(inside, "pod/one", 8080, duration="3s")
    closed, other = await begun(inside, "pod/one", 9, duration="3s")
    assert await asyncio.to_thread(fetched, port) == "one"
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        await asyncio.to_thread(fetched, closed)
    done, failed = await call, await other
    assert (done.address, done.pods, done.failed, done.errors) == (f"127.0.0.1:{port}", ["one"], 0, [])
    assert (done.connections, done.bytes_sent > 20, done.bytes_received > 100) == (2, True, True)
    assert failed.errors == [f"port 9 of {inside.namespace}/one: nobody listens on it"]


async def test_bytes_are_carried_both_ways_to_the_end(inside: Shop) -> None:
    data = os.urandom(3_000_000)
    echo, one = await begun(inside, "pod/one", 7002)
    reader, writer = await asyncio.open_connection("127.0.0.1", echo)
    writer.write(data)
    sending = asyncio.create_task(writer.drain())
    assert await reader.readexactly(len(data)) == data
    await sending
    writer.close()
    sink, two = await begun(inside, "pod/one", 7003)
    reader, writer = await asyncio.open_connection("127.0.0.1", sink)
    writer.write(data)
    writer.write_eof()
    assert await reader.read() == b"", "the pod hears of the end, and ends too"
    writer.close()
    await ended(one, two)
    while int(await shell(inside, "touch /tmp/got; wc -c < /tmp/got")) < len(data):
        continue


async def test_a_port_that_cannot_be_reached_is_told_before_anything_listens(inside: Shop) -> None:
    assert (await inside.refused("port_forward", target="pod/ended", port=80)).found == "Succeeded"
    assert (await inside.refused("port_forward", target="pod/none", port=80)).code == "NOT_FOUND"
    assert (await inside.refused("port_forward", target="pod/one", port=80, duration="2h")).path == "duration"


@pytest.mark.parametrize(
    ("spec", "port", "found"),
    [
        ({"ports": [{"port": 80, "targetPort": 8080}]}, 80, 8080),
        ({"ports": [{"port": 80}]}, 80, 80),
        ({"ports": [{"port": 79}, {"port": 80, "targetPort": "http"}]}, 80, 8080),
        ({"ports": [{"port": 80, "targetPort": 8080}], "clusterIP": "None"}, 80, 80),
        ({"ports": [{"port": 80, "targetPort": "other"}]}, 80, None),
        ({"ports": [{"port": 53, "protocol": "UDP"}]}, 53, None),
        ({"ports": [{"port": 80}]}, 8080, None),
        ({}, 80, None),
    ],
)  # fmt: skip
def test_the_port_of_a_service_is_that_of_its_pods(spec: dict[str, Any], port: int, found: int | None) -> None:
    one = {"metadata": {"name": "p"}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}}
    service = {"metadata": {"name": "s"}, "spec": spec}
    assert pod_port(port, one, None) == port
    if found is not None:
        assert pod_port(port, one, service) == found
        return
    with pytest.raises(OutriderError) as caught:
        pod_port(port, one, service)
    assert caught.value.code == "NOT_FOUND"
