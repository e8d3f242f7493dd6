"""Who brings an object from git into a cluster: an Application of Argo CD, or a Kustomization or HelmRelease of Flux.

Sources: Argo CD "Resource Tracking" and "Application Specification"; Flux "Kustomization", "GitRepository" and "HelmRelease".
"""

import posixpath
from typing import Annotated, Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import kind_of_object, split_target, target_of_object
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.catalogue import ServedKind

APPLICATION = "application.argoproj.io"
KUSTOMIZATION = "kustomization.kustomize.toolkit.fluxcd.io"
HELM_RELEASE = "helmrelease.helm.toolkit.fluxcd.io"
DELIVERERS = (APPLICATION, KUSTOMIZATION, HELM_RELEASE)
# Their field managers in the cluster.
MANAGERS = {APPLICATION: "argocd-controller", KUSTOMIZATION: "kustomize-controller", HELM_RELEASE: "helm-controller"}
_SOURCES = "source.toolkit.fluxcd.io"
_KIND = "|".join((*DELIVERERS, f"[a-z]+.{_SOURCES}")).replace(".", r"\.")
DelivererWord = Annotated[
    str, msgspec.Meta(pattern=rf"^({_KIND})/[^/\s]{{1,253}}(?!\n)$", examples=[f"{APPLICATION}/shop"])
]
_TRACKING = "argocd.argoproj.io/tracking-id"
_FLUX = ".toolkit.fluxcd.io/"
_INSTANCE = "app.kubernetes.io/instance"


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """Where an object is declared.

    Attributes:
        repository: Its address.
        revision: What of it is followed: a branch, or a tag or commit; the repository's own first branch if empty.
        path: Folder in it.
        chart: Of Helm, where that makes the objects.
        movable: Whether the revision may be a branch, to which something can be added.
        object: The object that names the repository, where it is another one than the deliverer: `KIND/NAME`.
        namespace: Of that object.
        message: Why Flux cannot fetch it.
    """

    repository: str
    revision: str = ""
    path: str = ""
    chart: str = ""
    movable: bool = True
    object: str = ""
    namespace: str = ""
    message: str = ""


def with_marks(wanted: Object, live: Object) -> Object:
    """Return an object with the marks that Argo CD or Flux put on what they bring, as the cluster has them."""
    metadata = dict(wanted["metadata"])
    for field in ("labels", "annotations"):
        there = live["metadata"].get(field) or {}
        marks = {key: value for key, value in there.items() if key in (_TRACKING, _INSTANCE) or _FLUX in key}
        if marks:
            metadata[field] = {**marks, **(metadata.get(field) or {})}
    return {**wanted, "metadata": metadata}


def is_deliverer(target: str) -> bool:
    """Return whether a target is one that brings objects into the cluster."""
    return split_target(target)[0] in DELIVERERS


async def deliverer_of(live: Live) -> Live:
    """Return who brings an object into the cluster.

    Raises:
        InvalidConfigError: Nobody does.
        NotFoundError: Who does is not in this cluster.
        ConflictError: It cannot be told which of several.
    """
    metadata = live.object["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if tracked := str(annotations.get(_TRACKING) or "").partition(":")[0]:
        namespace, _, name = tracked.rpartition("_")
        return await _application(live, name, namespace)
    for mark, kind in (("kustomize", KUSTOMIZATION), ("helm", HELM_RELEASE)):
        if name := str(labels.get(f"{mark}{_FLUX}name") or ""):
            namespace = str(labels.get(f"{mark}{_FLUX}namespace") or metadata.get("namespace") or "")
            return await _read(live.place, kind, name, namespace)
    if instance := str(labels.get(_INSTANCE) or ""):
        try:
            return await _application(live, instance, "", surely=True)
        except NotFoundError:  # the label is in wide use
            raise _undeclared(live) from None
    raise _undeclared(live)


async def deliverer_or_itself(live: Live) -> Live:
    """Return who brings an object into the cluster; where it is one that brings others, itself.

    Raises:
        OutriderError: As `deliverer_of`.
    """
    return live if is_deliverer(target_of_object(live.object)) else await deliverer_of(live)


def _undeclared(live: Live) -> InvalidConfigError:
    return InvalidConfigError(
        f"{live.title} is declared by neither Argo CD nor Flux", path="target", found="no mark of theirs",
        expected="an object that they have brought from git", suggestions=["see what there is: outrider kubernetes gitops_status"],
    )  # fmt: skip


async def _application(live: Live, name: str, namespace: str, *, surely: bool = False) -> Live:
    kind = await served(live.place, APPLICATION)
    if kind is None:
        raise _elsewhere("Application", name)
    found = await live.place.client.list(kind.resource, namespace, fields=f"metadata.name={name}")
    if len(found) > 1 or surely:
        found = [one for one in found if _lists(one, live)]
    if not found:
        raise _elsewhere("Application", name)
    if len(found) > 1:
        names = ", ".join(f"{one['metadata']['namespace']}/{name}" for one in found)
        raise ConflictError(
            f"{live.title} could belong to several Applications", found=names, expected="one",
            suggestions=["see what there is: outrider kubernetes gitops_status"],
        )  # fmt: skip
    return Live(live.place, kind, found[0])


def _lists(application: Object, live: Live) -> bool:
    """Return whether an Application counts an object among its own."""
    resource, metadata = live.kind.resource, live.object["metadata"]
    wanted = (resource.group, resource.kind, metadata.get("namespace") or "", metadata["name"])
    listed = (application.get("status") or {}).get("resources") or ()
    return any(tuple(one.get(key) or "" for key in ("group", "kind", "namespace", "name")) == wanted for one in listed)


async def _read(place: Place, kind_name: str, name: str, namespace: str) -> Live:
    kind = await served(place, kind_name)
    if kind is None:
        raise _elsewhere(kind_name.partition(".")[0], name)
    try:
        return Live(place, kind, await place.client.get(kind.resource, name, namespace))
    except NotFoundError as error:
        raise _elsewhere(kind.resource.kind, f"{namespace}/{name}") from error


def _elsewhere(kind: str, name: str) -> NotFoundError:
    return NotFoundError(
        f"{kind} {name} is not in this cluster", found=name, expected="the object that names the repository",
        suggestions=["it may be in the cluster from which this one is managed: outrider kubernetes gitops_status --cluster NAME"],
    )  # fmt: skip


async def served(place: Place, kind_name: str) -> ServedKind | None:
    """Return a kind as the cluster serves it; None where it does not."""
    try:
        return await place.cluster.kind(kind_name)
    except NotFoundError:
        return None


async def sources_of(deliverer: Live) -> list[Source]:
    """Return where a deliverer has its objects from.

    Raises:
        NotFoundError: The object that names the repository is not there.
    """
    found = deliverer.object
    kind = kind_of_object(found["apiVersion"], found["kind"])
    spec = found.get("spec") or {}
    if kind == APPLICATION:
        dry = (spec.get("sourceHydrator") or {}).get("drySource")
        listed = spec.get("sources") or [dry or spec.get("source") or {}]
        return [_argo_source(one) for one in listed if one.get("path") or one.get("chart") or not one.get("ref")]
    if kind == KUSTOMIZATION:
        return [await _flux_source(deliverer, spec.get("sourceRef") or {}, path=str(spec.get("path") or ""))]
    chart = (spec.get("chart") or {}).get("spec") or {}
    reference = chart.get("sourceRef") or spec.get("chartRef") or {}
    name, version = str(chart.get("chart") or reference.get("name") or ""), str(chart.get("version") or "")
    source = await _flux_source(deliverer, reference)
    return [msgspec.structs.replace(source, chart=name, revision=version or source.revision, movable=False)]


def _argo_source(source: dict[str, Any]) -> Source:
    revision = str(source.get("targetRevision") or "")
    return Source(
        repository=str(source.get("repoURL") or ""),
        revision="" if revision == "HEAD" else revision,
        path=_folder(str(source.get("path") or "")),
        chart=str(source.get("chart") or ""),
        movable=not source.get("chart"),
    )


async def _flux_source(deliverer: Live, reference: dict[str, Any], *, path: str = "") -> Source:
    kind = f"{str(reference.get('kind')).lower()}.{_SOURCES}"
    namespace = str(reference.get("namespace") or deliverer.object["metadata"]["namespace"])
    live = await _read(deliverer.place, kind, str(reference.get("name") or ""), namespace)
    spec = live.object.get("spec") or {}
    ref = spec.get("ref") or {}
    git = kind == f"gitrepository.{_SOURCES}"
    name = str(ref.get("name") or "")
    branch = name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else str(ref.get("branch") or "")
    other = name or ref.get("commit") or ref.get("semver") or ref.get("tag") or ref.get("digest")
    ready = [one for one in (live.object.get("status") or {}).get("conditions") or () if one.get("type") == "Ready"]
    return Source(
        repository=str(spec.get("url") or spec.get("endpoint") or ""),
        # Without a reference Flux takes this branch, whatever the repository's own first one is.
        revision=branch or str(other or ("master" if git else "")),
        path=_folder(path),
        movable=git and bool(branch or not other),
        object=target_of_object(live.object),
        namespace=namespace,
        message="".join(str(one.get("message")) for one in ready if one.get("status") == "False"),
    )


def _folder(path: str) -> str:
    folder = posixpath.normpath(path.lstrip("/")) if path else ""
    return "" if folder == "." else folder
