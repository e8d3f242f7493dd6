"""Argo CD's and Flux' own controllers are not here: their kinds are, and the tests write what the controllers would."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import ConflictError, DeniedError, OutriderError, PreconditionFailedError
from outrider.operators.kubernetes.operations.gitops_write import GitopsWriteParams
from outrider.operators.kubernetes.owners import owner_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.deliveries import (
    APPLICATIONS,
    COMMIT,
    GIT_REPOSITORIES,
    HELM_RELEASES,
    HELM_REPOSITORIES,
    KUSTOMIZATIONS,
    application,
    commit,
    define,
    put,
    tracked,
)
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.git import Branch
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS, Resource
from outrider.ports.secrets import Resolver, SecretSource
from tests.servers.git_http import Remote, git, served

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
SETTINGS = """\
# of all shops
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  level: info   # how much is said
  mode: plain
"""
NEW = "c0ffee0" + "1" * 33


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {"apps/settings.yaml": SETTINGS, "README": "settings\n"}, "begin")
    return folder


@pytest.fixture
def server(tmp_path: Path, work: Path) -> Iterator[Remote]:
    with served(work, tmp_path / "served") as remote:
        git(work, "remote", "add", "origin", str(remote.bare))
        yield remote


def push(work: Path, files: dict[str, str], message: str = "more") -> str:
    made = commit(work, files, message)
    git(work, "push", "--quiet", "origin", "main")
    return made


async def have(shop: Shop, kind: Resource, content: dict[str, Any]) -> None:
    metadata = {**content["metadata"], "namespace": shop.namespace}
    await put(shop.client, kind, {**content, "metadata": metadata})


async def argo(shop: Shop, url: str, **changes: Any) -> None:
    """Have the ConfigMap `settings` be as Argo CD has brought it from a repository."""
    await define(shop.client)
    await shop.make(APPLICATIONS, application("settings", url, **changes))
    marks = tracked(f"{shop.namespace}_settings", "/ConfigMap", shop.namespace, "settings")
    wanted = {"metadata": {"name": "settings", "annotations": marks}, "data": {"level": "info", "mode": "plain"}}
    await shop.make(CONFIG_MAPS, wanted, manager="argocd-controller")


async def flux(shop: Shop, url: str, **ref: str) -> None:
    """Have the ConfigMap `settings` be as Flux has brought it from a repository."""
    await define(shop.client)
    await have(
        shop, GIT_REPOSITORIES, {"metadata": {"name": "git"}, "spec": {"url": url, "ref": ref or {"branch": "main"}}}
    )
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": shop.namespace}
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "settings", "labels": labels}, "data": {"level": "info"}})
    source: dict[str, Any] = {"kind": "GitRepository", "name": "git"}
    await have(shop, KUSTOMIZATIONS, kustomization(COMMIT, sourceRef=source, path="./apps"))


def kustomization(revision: str, ready: str = "True", message: str = "", **spec: Any) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "BuildFailed" if ready == "False" else "Done",
        "message": message,
    }
    at = f"main@sha1:{revision}"
    status = {"lastAttemptedRevision": at, "conditions": [{**condition, "observedGeneration": 1}]}
    return {
        "metadata": {"name": "apps"}, "spec": spec,
        "status": {**status, "observedGeneration": 1, **({"lastAppliedRevision": at} if ready == "True" else {})},
    }  # fmt: skip


def told(change: Any) -> list[tuple[str, Any, Any]]:
    return [(one.path, one.before, one.after) for one in change.difference]


async def test_an_object_of_argo_cd_is_changed_in_its_repository(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    refused = await shop.refused("delete", target="configmap/settings")
    assert refused.suggestions[0].startswith(
        f"outrider kubernetes gitops_write configmap/settings --namespace {shop.namespace}"
    )
    change: dict[str, Any] = {
        "target": "cm/settings",
        "patch": {"data": {"level": "debug", "mode": None}},
        "message": "Say more",
    }
    plan = await shop.plan("gitops_write", **change)
    cluster = f"{shop.cluster.report['context']}/{shop.namespace}: configmap/settings"
    assert told(plan) == [
        ("apps/settings.yaml:6", "  level: info   # how much is said", "  level: debug   # how much is said"),
        ("apps/settings.yaml:7", "  mode: plain", None),
        (f"{cluster}: data.level", "info", "debug"),
        (f"{cluster}: data.mode", "plain", None),
    ]
    done = await shop.run("gitops_write", seen=plan, **change)
    assert (done.action, done.branch, done.files) == ("changed", "main", ["apps/settings.yaml"])
    assert (done.deliverer, done.deliverer_namespace) == ("application.argoproj.io/settings", shop.namespace)
    assert (
        git(server.bare, "log", "-1", "--format=%H %an <%ae> %s")
        == f"{done.commit} Outrider <outrider@localhost> Say more"
    )
    wanted = SETTINGS.replace("level: info", "level: debug").replace("  mode: plain\n", "")
    assert git(server.bare, "show", "main:apps/settings.yaml") == wanted.rstrip()
    assert (await shop.client.get(CONFIG_MAPS, "settings", shop.namespace))["data"]["level"] == "info", (
        "that is Argo CD's"
    )
    again = await shop.run("gitops_write", **change)
    assert (again.action, again.commit) == ("unchanged", done.commit)
    assert (await shop.plan("gitops_write", **change)).warnings == ["all is so already: nothing will be written"]


async def test_who_pushes_after_the_plan_ends_it(shop: Shop, server: Remote, work: Path) -> None:
    await argo(shop, server.url)
    change: dict[str, Any] = {"target": "configmap/settings", "set": ["data.level=debug"]}
    plan = await shop.plan("gitops_write", **change)
    there = push(work, {"other": "x"})
    with pytest.raises(PreconditionFailedError, match="moved on") as caught:
        await shop.run("gitops_write", seen=plan, **change)
    assert caught.value.found == f"commit {there}"
    assert git(server.bare, "rev-parse", "main") == there


@pytest.mark.parametrize("other", ["README", "apps/settings.yaml"])
async def test_a_push_at_the_same_time(
    shop: Shop, server: Remote, work: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    ours, pushed = Branch.push, list[str]()

    async def late(self: Branch, commit: str, branch: str = "") -> None:
        if not pushed:
            pushed.append(push(work, {other: f"{SETTINGS}# more\n"}))
        await ours(self, commit, branch)

    monkeypatch.setattr(Branch, "push", late)
    call: dict[str, Any] = {"target": "configmap/settings", "set": ["data.level=debug"], "repository": server.url}
    if other == "README":
        done = await shop.run("gitops_write", **call)
        assert git(server.bare, "log", "--format=%H", "-2", "main").split() == [done.commit, pushed[0]]
    else:
        with pytest.raises(PreconditionFailedError, match="moved on"):
            await shop.run("gitops_write", **call)
        assert git(server.bare, "rev-parse", "main") == pushed[0]


async def test_an_object_of_flux_is_changed_on_a_new_branch(shop: Shop, server: Remote) -> None:
    await flux(shop, server.url)
    call: dict[str, Any] = {"target": "configmap/settings", "set": ["data.level=debug"], "new_branch": "say-more"}
    plan = await shop.plan("gitops_write", **call)
    done = await shop.run("gitops_write", seen=plan, **call)
    assert (done.branch, done.deliverer) == ("say-more", "kustomization.kustomize.toolkit.fluxcd.io/apps")
    assert git(server.bare, "rev-parse", "say-more~1") == git(server.bare, "rev-parse", "main")
    for verb in (shop.plan, shop.run):
        with pytest.raises(ConflictError, match="already"):
            await verb("gitops_write", **call)


async def test_where_an_object_is_declared(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    [found] = (await shop.run("gitops_find", target="configmap/settings")).items
    assert (found.deliverer, found.repository, found.path, found.revision) == (
        "application.argoproj.io/settings", server.url, "apps", COMMIT,
    )  # fmt: skip
    await shop.make(DEPLOYMENTS, {**_deployment("labelled"), "status": {}})
    assert (await shop.refused("gitops_find", target="deployment/labelled")).path == "target"
    resource = {"group": "apps", "kind": "Deployment", "namespace": shop.namespace, "name": "labelled"}
    app = application("labelled", server.url)
    await shop.make(APPLICATIONS, {**app, "status": {**app["status"], "resources": [resource]}})
    [found] = (await shop.run("gitops_find", target="deployment/labelled")).items
    assert found.deliverer == "application.argoproj.io/labelled"
    await shop.client.delete(APPLICATIONS, "settings", shop.namespace)
    assert (await shop.refused("gitops_find", target="configmap/settings")).code == "NOT_FOUND"


def _deployment(name: str) -> dict[str, Any]:
    """Return a Deployment in the older mode of Argo CD: marked by a label alone, which others use too."""
    found = deployment(name, replicas=0)
    found["metadata"]["labels"]["app.kubernetes.io/instance"] = name
    return found


async def test_what_a_chart_makes_is_changed_in_its_values(shop: Shop) -> None:
    await define(shop.client)
    await have(shop, HELM_REPOSITORIES, {"metadata": {"name": "charts"}, "spec": {"url": "https://charts.example.org"}})
    chart = {"chart": "redis", "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}
    release = {
        "metadata": {"name": "cache"},
        "spec": {"chart": {"spec": chart}},
        "status": {"lastAttemptedRevision": "1.4.0"},
    }
    await have(shop, HELM_RELEASES, release)
    labels = {"helm.toolkit.fluxcd.io/name": "cache", "helm.toolkit.fluxcd.io/namespace": shop.namespace}
    made = await shop.make(CONFIG_MAPS, {"metadata": {"name": "cache", "labels": labels}})
    error = await shop.refused("gitops_write", target="configmap/cache", set=["data.a=b"])
    assert error.code == "UNSUPPORTED"
    command = f"outrider kubernetes gitops_write helmrelease.helm.toolkit.fluxcd.io/cache --namespace {shop.namespace}"
    assert command in error.suggestions[0]
    owner = owner_of(made)
    assert owner is not None
    assert command in owner.remedy
    [row] = (await shop.run("gitops_status")).items
    assert (row.repository, row.path, row.follows, row.revision) == (
        "https://charts.example.org",
        "redis",
        "1.x",
        "1.4.0",
    )


FAULTS: dict[str, tuple[dict[str, str | None], str, str]] = {
    "nowhere": ({"apps/settings.yaml": "a: 1\n"}, "NOT_FOUND", "no plain YAML document"),
    "elsewhere": ({"apps/settings.yaml": None, "base/s.yaml": SETTINGS}, "NOT_FOUND", "no plain YAML document in apps"),
    "twice": ({"apps/more.yml": SETTINGS}, "CONFLICT", "apps/more.yml:2, apps/settings.yaml:2"),
    "tab": ({"apps/settings.yaml": SETTINGS.replace("  mode", "\tmode")}, "INVALID_CONFIG", "not YAML"),
    "template": ({"apps/settings.yaml": SETTINGS.replace("info", "{{ .x }}")}, "INVALID_CONFIG", "no file that can be read"),
    "encrypted": ({"apps/settings.yaml": f"{SETTINGS}sops: {{mac: x}}\n"}, "UNSUPPORTED", "encrypted by SOPS"),
    "latin": ({"apps/settings.yaml": SETTINGS + "\udce9"}, "INVALID_CONFIG", "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_files_in_which_it_cannot_be_changed(shop: Shop, server: Remote, work: Path, fault: str) -> None:
    files, code, message = FAULTS[fault]
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(exist_ok=True)
        path.unlink() if text is None else path.write_bytes(text.encode(errors="surrogateescape"))
    push(work, {})
    await argo(shop, server.url)
    error = await shop.refused("gitops_write", target="configmap/settings", set=["data.level=debug"])
    assert (error.code, message in error.message) == (code, True), error.message
    if fault == "elsewhere":
        assert error.suggestions == ["it stands outside of that folder: --path base/s.yaml"]
        done = await shop.run("gitops_write", target="configmap/settings", set=["data.level=debug"], path="base/s.yaml")
        assert done.files == ["base/s.yaml"]


async def test_an_object_does_not_become_another_one(shop: Shop, server: Remote) -> None:
    for change in ("metadata.name=x", "kind=Secret", "metadata.namespace=kube-system", "metadata=null"):
        call = {"target": "configmap/settings", "set": [change], "repository": server.url}
        assert (await shop.refused("gitops_write", **call)).path == "patch"
    invalid: list[dict[str, Any]] = [
        {},
        {"target": "cm/a"},
        {"patch": {"a": 1}},
        {"target": "cm/a", "manifest": SETTINGS},
    ]
    for wrong in invalid:
        with pytest.raises(OutriderError, match="not said what"):
            GitopsWriteParams(**wrong)
    named = GitopsWriteParams(target="cm/settings", patch={"a": 1}, repository="https://git.example.org/x")
    assert named.targets() == ("configmap/settings", "repository/https://git.example.org/x")


async def test_a_manifest_takes_the_place_of_documents_or_makes_a_file(shop: Shop, server: Remote, work: Path) -> None:
    call: dict[str, Any] = {"repository": server.url, "manifest": SETTINGS.replace("plain", "rich")}
    done = await shop.run("gitops_write", **call)
    assert told(done) == [("apps/settings.yaml:7", "  mode: plain", "  mode: rich")]
    call["manifest"] = SETTINGS.replace("settings", "more")
    assert (await shop.refused("gitops_write", **call)).code == "NOT_FOUND"
    done = await shop.run("gitops_write", **call, path="apps/new/more.yaml")
    assert git(server.bare, "show", "main:apps/new/more.yaml") == call["manifest"].rstrip()
    call["manifest"] = SETTINGS.replace("settings", "third")
    await shop.run("gitops_write", **call, path="apps/settings.yaml")
    shown = git(server.bare, "show", "main:apps/settings.yaml")
    assert shown.startswith(SETTINGS.replace("plain", "rich"))
    assert shown.endswith(f"\n---\n{call['manifest']}".rstrip())
    call["manifest"] = f"{SETTINGS}---\n{SETTINGS.replace('settings', 'fourth')}"
    twice = await shop.refused("gitops_write", **call, path="apps/x.yaml")
    assert (twice.code, twice.found) == ("CONFLICT", "apps/settings.yaml:2")
    assert "in two calls" in (await shop.refused("gitops_write", **call, path="apps/settings.yaml")).suggestions[0]
    (work / "out.yaml").symlink_to("/etc/hosts")
    git(work, "pull", "--quiet", "--rebase", "origin", "main")
    push(work, {})
    error = await shop.refused(
        "gitops_write", **{**call, "manifest": SETTINGS.replace("settings", "x")}, path="out.yaml"
    )
    assert isinstance(error, DeniedError)


async def test_values_of_secrets_are_in_no_plan(shop: Shop, server: Remote, work: Path) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  key: correct-horse\n"
    push(work, {"apps/keys.yaml": text})
    call: dict[str, Any] = {"target": "secret/keys", "set": ["stringData.key=battery-staple"], "repository": server.url}
    plan, done = await shop.plan("gitops_write", **call), await shop.run("gitops_write", **call)
    for shown in (plan, done):
        assert shown.difference[0].path == "apps/keys.yaml document 1: stringData.key"
        assert not any(word in str(shown) for word in ("horse", "staple"))
    assert git(server.bare, "show", "main:apps/keys.yaml").endswith("key: battery-staple")


async def test_what_the_cluster_would_not_take_is_told(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    wrong: dict[str, Any] = {"target": "configmap/settings", "patch": {"dta": {"level": "debug"}}}
    error = await shop.refused("gitops_write", **wrong)
    assert ("would not take it" in error.message, "dta" in error.message) == (True, True)
    assert error.suggestions == ["write it all the same: --force"]
    plan = await shop.plan("gitops_write", **wrong, force=True)
    assert "would not take it" in plan.warnings[0]
    named: dict[str, Any] = {
        "target": "configmap/settings",
        "set": ["data.level=x"],
        "repository": server.url,
        "cluster": "nowhere",
    }
    plan = await shop.plan("gitops_write", **named)
    assert "the cluster could not be asked" in plan.warnings[0]
    assert (await shop.run("gitops_write", **named)).action == "changed", (
        "the repository is named: no cluster is needed"
    )


async def test_credentials_are_secrets(shop: Shop, server: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    await argo(shop, server.url)
    server.authorization = "Basic " + base64.b64encode(b"ops:correct-horse").decode()
    call: dict[str, Any] = {"target": "configmap/settings", "set": ["data.level=debug"], "user": "ops"}
    error = await shop.refused("gitops_write", **call)
    assert error.code == "UNAUTHENTICATED"
    monkeypatch.setenv("GIT_TOKEN", "correct-horse")
    context = shop._context(60.0, {})
    environment = msgspec.structs.replace(
        context.environment, secrets=Resolver({"token": SecretSource(env="GIT_TOKEN")})
    )
    monkeypatch.setattr(Shop, "_context", lambda *_: msgspec.structs.replace(context, environment=environment))
    done = await shop.run("gitops_write", **call, password={"secret": "token"})
    assert done.action == "changed"
    assert "correct-horse" not in str(done)


async def test_no_branch_is_followed(shop: Shop, server: Remote) -> None:
    await flux(shop, server.url, semver=">=1.0")
    call: dict[str, Any] = {"target": "configmap/settings", "set": ["data.level=debug"]}
    assert "--branch" in (await shop.refused("gitops_write", **call)).suggestions[0]
    assert (await shop.run("gitops_write", **call, branch="main")).branch == "main"


@contextmanager
def later(work: Any) -> Iterator[None]:
    """Have something be done while the body waits."""
    task = asyncio.create_task(work)
    yield
    assert task.done()


async def test_waits_for_a_commit_by_argo_cd(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    done = await shop.run("gitops_wait", target="configmap/settings", revision=COMMIT[:8])
    assert (done.revision, done.health) == (COMMIT, "Healthy")
    late = await shop.refused("gitops_wait", target="configmap/settings", revision=NEW, seconds=1.2)
    assert (late.code, f"it is at {COMMIT}" in late.message) == ("TIMEOUT", True)
    assert f"gitops_sync application.argoproj.io/settings --namespace {shop.namespace}" in late.suggestions[0]
    with later(shop.make(APPLICATIONS, application("settings", server.url, commit=NEW))):
        await shop.run("gitops_wait", target="application.argoproj.io/settings", revision=NEW)
    broken = application("settings", server.url, commit=NEW)
    broken["status"] |= {"sync": {"status": "OutOfSync", "revision": NEW}, "operationState": {
        "phase": "Failed", "message": "Deployment web is invalid", "syncResult": {"revision": NEW}}}  # fmt: skip
    await shop.make(APPLICATIONS, broken)
    error = await shop.refused("gitops_wait", target="configmap/settings", revision=NEW)
    assert (error.code, error.found, "Deployment web is invalid" in error.message) == (
        "EXECUTION_FAILED",
        "failed",
        True,
    )
    newer = application("settings", server.url)
    newer["status"]["history"] = [{"revision": NEW}]
    await shop.make(APPLICATIONS, newer)
    assert (await shop.refused("gitops_wait", target="configmap/settings", revision=NEW)).found == "superseded"


async def test_waits_for_a_commit_by_flux(shop: Shop, server: Remote) -> None:
    await flux(shop, server.url)
    done = await shop.run("gitops_wait", target="configmap/settings", revision=COMMIT)
    assert done.revision == f"main@sha1:{COMMIT}"
    source: dict[str, Any] = {"sourceRef": {"kind": "GitRepository", "name": "git"}, "path": "./apps"}
    await have(shop, KUSTOMIZATIONS, kustomization(NEW, "False", "apps/x.yaml is wrong", **source))
    error = await shop.refused("gitops_wait", target="configmap/settings", revision=NEW)
    assert (error.found, "apps/x.yaml is wrong" in error.message) == ("failed", True)
    with later(have(shop, KUSTOMIZATIONS, kustomization(NEW, **source))):
        await shop.run("gitops_wait", target="configmap/settings", revision=NEW)
    away = {"type": "Ready", "status": "False", "message": "authentication required"}
    spec = {"url": server.url, "ref": {"branch": "main"}}
    await have(shop, GIT_REPOSITORIES, {"metadata": {"name": "git"}, "spec": spec, "status": {"conditions": [away]}})
    late = await shop.refused("gitops_wait", target="configmap/settings", revision="d" * 40, seconds=1.2)
    assert "authentication required" in late.message
    await have(shop, KUSTOMIZATIONS, kustomization(NEW, **source, suspend=True))
    assert (await shop.refused("gitops_wait", target="configmap/settings", revision="d" * 40)).code == "CONFLICT"


async def test_argo_cd_and_flux_are_asked_to_look(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    target = "application.argoproj.io/settings"
    plan = await shop.plan("gitops_sync", target=target)
    assert [one.path for one in plan.difference] == [
        f"{shop.namespace}/{target}: metadata.annotations['argocd.argoproj.io/refresh']"
    ]
    await shop.run("gitops_sync", seen=plan, target=target)
    found = await shop.client.get(APPLICATIONS, "settings", shop.namespace)
    assert found["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "normal"}
    assert "operation" not in found, "it syncs by itself"
    await shop.make(APPLICATIONS, application("settings", server.url, syncPolicy={}))
    await shop.run("gitops_sync", target=target)
    found = await shop.client.get(APPLICATIONS, "settings", shop.namespace)
    assert found["operation"] == {"initiatedBy": {"username": "user:ana"}, "sync": {}}
    assert "under way" in (await shop.refused("gitops_sync", target=target)).message
    await flux(shop, server.url)
    target = "kustomization.kustomize.toolkit.fluxcd.io/apps"
    plan = await shop.plan("gitops_sync", target=target)
    await shop.run("gitops_sync", seen=plan, target=target)
    for kind, name in ((KUSTOMIZATIONS, "apps"), (GIT_REPOSITORIES, "git")):
        found = await shop.client.get(kind, name, shop.namespace)
        assert "reconcile.fluxcd.io/requestedAt" in found["metadata"]["annotations"]
    await have(
        shop, KUSTOMIZATIONS, kustomization(NEW, suspend=True, sourceRef={"kind": "GitRepository", "name": "git"})
    )
    assert (await shop.refused("gitops_sync", target=target)).message.endswith("is suspended")


async def test_all_deliveries_stand_in_one_table(shop: Shop, server: Remote) -> None:
    await argo(shop, server.url)
    await flux(shop, server.url)
    rows = (await shop.run("gitops_status")).items
    assert [
        (row.target.partition(".")[0], row.repository, row.path, row.revision, row.sync, row.health) for row in rows
    ] == [
        ("application", server.url, "apps", COMMIT, "Synced", "Healthy"),
        ("kustomization", server.url, "apps", COMMIT, "Synced", ""),
    ]
    await shop.client.delete(GIT_REPOSITORIES, "git", shop.namespace)
    rows = (await shop.run("gitops_status")).items
    assert "GitRepository" in rows[1].message
    assert "is not in this cluster" in rows[1].message
    assert len((await shop.run("gitops_status", namespace="*")).items) >= 2
