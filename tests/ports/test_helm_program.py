from pathlib import Path

import pytest

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, MissingRequirementError
from outrider.ports.helm import Helm
from outrider.ports.kube import kubeconfig
from outrider.ports.kube.kubeconfig import Cluster, Target, User

pytestmark = pytest.mark.real
TARGET = Target("staging", Cluster(server="https://127.0.0.1:1"), User())


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a program called helm, which tells how it was called."""
    file = tmp_path / "helm"
    script(file, 'echo "$@"; env')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return file


def script(file: Path, text: str, version: str = "v4.1.0") -> None:
    file.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo {version}; exit; fi\n{text}\n')
    file.chmod(0o755)


async def test_it_is_led_to_the_very_cluster(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HELM_KUBECONTEXT",
        "HELM_KUBEAPISERVER",
        "HELM_NAMESPACE",
        "HELM_DRIVER",
        "HELM_DEBUG",
        "HELM_REPOSITORY_CONFIG",
    ):
        monkeypatch.setenv(name, "other")
    helm = await Helm.need(TARGET, "shop", "a chart")
    assert (helm.major, helm.namespace) == (4, "shop")
    command, *environment = (await helm.run("show crds", "--chart", flags=["--version=1"], timeout=20)).splitlines()
    assert command == "show crds --version=1 --namespace=shop --kube-context=staging -- --chart"
    assert {line.partition("=")[0] for line in environment if line.startswith("HELM_")} == {"HELM_REPOSITORY_CONFIG"}


async def test_in_a_pod_it_takes_what_the_pod_has(
    program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").touch()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    inside = kubeconfig.pod_target(tmp_path)
    monkeypatch.setattr("outrider.ports.helm.pod_target", lambda: inside)
    assert inside is not None
    helm = await Helm.need(inside, "shop", "a chart")
    command, *environment = (await helm.run("list", timeout=20)).splitlines()
    assert command == "list --namespace=shop --"
    assert "KUBECONFIG=/dev/null" in environment


async def test_one_that_is_absent_or_too_old_is_told(program: Path) -> None:
    script(program, "", version="v3.9.1")
    with pytest.raises(MissingRequirementError, match="too old"):
        await Helm.need(TARGET, "shop", "a chart")
    program.unlink()
    assert await Helm.find(TARGET, "shop") is None
    with pytest.raises(MissingRequirementError, match="a chart needs helm"):
        await Helm.need(TARGET, "shop", "a chart")


async def test_what_it_says_of_a_failure_is_told(program: Path) -> None:
    script(program, 'echo "W1 Error: no" >&2; echo "Error: bad password: hunter2" >&2; exit 1')
    helm = await Helm.need(TARGET, "shop", "a chart")
    with pytest.raises(ExecutionFailedError) as caught:
        await helm.run("upgrade", "web", "a b", flags=["--set=x"], timeout=20)
    assert caught.value.message == "helm upgrade failed: bad password: ***"
    assert caught.value.suggestions == ["try it by hand: helm upgrade web 'a b'"]
    script(program, "exec sleep 60")
    with pytest.raises(DeadlineExceededError):
        await helm.run("upgrade", timeout=0.2)
