"""What Argo CD and Flux have in a cluster, and a repository of git.

Their controllers are not installed here. Their kinds are defined by small schemas that let everything pass, and the tests write what
the controllers would write: status, and the marks on what they bring.
"""

from pathlib import Path
from typing import Any

from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.discovery import find_resource
from outrider.ports.kube.resources import CRDS, Resource
from tests.servers.git_http import git

APPLICATIONS = Resource("argoproj.io", "v1alpha1", "applications", "Application")
KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
HELM_RELEASES = Resource("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease")
GIT_REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository")
HELM_REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository")
KINDS = (APPLICATIONS, KUSTOMIZATIONS, HELM_RELEASES, GIT_REPOSITORIES, HELM_REPOSITORIES)
COMMIT = "4f1c0de" + "0" * 33


def repository(folder: Path, files: dict[str, str]) -> Path:
    """Make a bare repository with one commit on its branch main."""
    work = folder / "work"
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    commit(work, files, "begin")
    git(folder, "clone", "--quiet", "--bare", "work", "shop.git")
    return folder / "shop.git"


def commit(work: Path, files: dict[str, str], message: str) -> str:
    """Commit files into a work tree, and return the commit."""
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    git(work, "add", "--all")
    git(work, "commit", "--quiet", f"--message={message}")
    return git(work, "rev-parse", "HEAD")


async def define(client: KubeClient) -> None:
    """Have the kinds of Argo CD and Flux in a cluster."""
    for kind in KINDS:
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        if kind is not APPLICATIONS:
            version["subresources"] = {"status": {}}
        names = {"plural": kind.plural, "kind": kind.kind, "singular": kind.kind.lower()}
        spec = {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]}
        await client.apply(CRDS, {"metadata": {"name": kind.title}, "spec": spec}, force=True)
    for kind in KINDS:
        await find_resource(client, kind.api_version, kind.kind, patience=15.0)


async def put(client: KubeClient, kind: Resource, content: dict[str, Any]) -> None:
    """Have an object be so, its status too, as its controller would."""
    await client.apply(kind, {key: part for key, part in content.items() if key != "status"}, force=True)
    if "status" in content:
        await client.apply(
            kind, {key: part for key, part in content.items() if key != "spec"}, force=True, part="status"
        )


def application(name: str, url: str, *, commit: str = COMMIT, **changes: Any) -> dict[str, Any]:
    """Return an Application that is Synced and Healthy at a commit."""
    spec = {
        "project": "default", "destination": {"server": "https://kubernetes.default.svc"}, "syncPolicy": {"automated": {}},
        "source": {"repoURL": url, "targetRevision": "HEAD", "path": "apps"},
    }  # fmt: skip
    status = {"sync": {"status": "Synced", "revision": commit}, "health": {"status": "Healthy"}}
    return {"metadata": {"name": name}, "spec": {**spec, **changes}, "status": status}


def tracked(name: str, kind: str, namespace: str, object_name: str) -> dict[str, str]:
    """Return the annotation by which Argo CD knows what it has brought."""
    return {"argocd.argoproj.io/tracking-id": f"{name}:{kind}:{namespace}/{object_name}"}
