"""Who else looks after an object: git (Argo CD, Flux), a Helm release, a controller. What they own, they set back.

Sources: Argo CD "Resource tracking", Flux "Kustomization" and "HelmRelease", Helm "Labels and annotations".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import ConflictError
from outrider.operators.kubernetes.kinds import kind_of_object, target_of_object

_HELM = "app.kubernetes.io/managed-by"
_FLUX = "toolkit.fluxcd.io"
# The label by which a Deployment tells the ReplicaSets and pods of its templates apart.
TEMPLATE_HASH = "pod-template-hash"


class Owner(msgspec.Struct, frozen=True):
    """Who declares an object.

    Attributes:
        kind: `Argo CD`, `Flux`, `Helm`, or the kind of a controller.
        name: Of the application, release or controller.
        remedy: Where the change belongs: of what is declared in git the command that writes it there.
    """

    kind: str
    name: str
    remedy: str


def owner_of(found: dict[str, Any]) -> Owner | None:
    """Return who would set a change of an object back; None where nobody would."""
    metadata = found.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    namespace = str(metadata.get("namespace") or "")
    target = target_of_object(found)
    if tracked := annotations.get("argocd.argoproj.io/tracking-id"):
        name = str(tracked).partition(":")[0]
        return Owner("Argo CD", name, _write(target, namespace))
    if name := str(labels.get(f"kustomize.{_FLUX}/name") or ""):
        return Owner("Flux", f"Kustomization {name}", _write(target, namespace))
    if name := str(labels.get(f"helm.{_FLUX}/name") or ""):
        made_by = f"helmrelease.helm.{_FLUX}/{name}"
        return Owner(
            "Flux", f"HelmRelease {name}", _write(made_by, str(labels.get(f"helm.{_FLUX}/namespace") or namespace))
        )
    release = annotations.get("meta.helm.sh/release-name")
    if labels.get(_HELM) == "Helm" and release:
        place = f"--namespace {annotations.get('meta.helm.sh/release-namespace') or 'NAMESPACE'}"
        return Owner(
            "Helm", str(release), f"change its values: outrider kubernetes helm_upgrade {release} CHART {place}"
        )
    if maker := controller_of(found):
        kind, name = str(maker.get("kind")), str(maker.get("name"))
        return Owner(kind, name, f"change {kind} {name}, which makes this object")
    return None


def _write(target: str, namespace: str) -> str:
    place = f" --namespace {namespace}" if namespace else ""
    return f"outrider kubernetes gitops_write {target}{place} --set PATH=VALUE"


def controller_of(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the reference to what makes an object anew when it goes."""
    references = (found.get("metadata") or {}).get("ownerReferences") or ()
    return next((one for one in references if one.get("controller")), None)


def maker_of(found: Mapping[str, Any]) -> str:
    """Return `KIND/NAME` of what makes an object anew when it goes; empty where nothing does."""
    maker = controller_of(found)
    return f"{kind_of_object(maker['apiVersion'], maker['kind'])}/{maker['name']}" if maker else ""


def workload_of(found: Mapping[str, Any]) -> str:
    """Return the workload that an object belongs to, such as deployment/web; the object itself where there is none."""
    kind, _, name = maker_of(found).partition("/")
    if not kind:
        return target_of_object(found)
    # The ReplicaSets of a Deployment are named after it and their template.
    template = (found["metadata"].get("labels") or {}).get(TEMPLATE_HASH)
    if kind == "replicaset" and template and name.endswith(f"-{template}"):
        return f"deployment/{name.removesuffix(f'-{template}')}"
    return f"{kind}/{name}"


def check_owner(found: dict[str, Any], title: str) -> None:
    """Refuse a change that somebody would set back.

    Args:
        found: The object.
        title: How the error names it.

    Raises:
        ConflictError: Somebody else declares it.
    """
    owner = owner_of(found)
    if owner is None:
        return
    raise ConflictError(
        f"{title} belongs to {owner.kind} {owner.name}, which would set the change back", found=f"{owner.kind} {owner.name}",
        expected="an object that nobody else declares", context={"owner": msgspec.to_builtins(owner)},
        suggestions=[owner.remedy, "change it here all the same: override_owner"],
    )  # fmt: skip
