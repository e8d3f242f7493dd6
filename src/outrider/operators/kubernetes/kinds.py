"""Kinds as people write them, in the one form in which policies, plans and audit name them.

A built-in kind is its singular in lower case: `deployment`, `networkpolicy`. Every other kind has its group: `widget.example.org`.
So `deploy/web`, `deployments/web` and `Deployment.apps/web` are the same target, and a Policy for `deployment/*` covers all of them.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError, near_names
from outrider.ports.kube.catalogue import Catalogue, ServedKind

# Kind, plural, and short names; `kubectl api-resources` prints the same.
_TABLE = {
    "": """
        pod pods po | service services svc | configmap configmaps cm | secret secrets | namespace namespaces ns | node nodes no
        event events ev | endpoints endpoints ep | serviceaccount serviceaccounts sa | replicationcontroller replicationcontrollers rc
        persistentvolume persistentvolumes pv | persistentvolumeclaim persistentvolumeclaims pvc | resourcequota resourcequotas quota
        limitrange limitranges limits | podtemplate podtemplates | componentstatus componentstatuses cs
    """,
    "apps": """
        deployment deployments deploy | replicaset replicasets rs | statefulset statefulsets sts | daemonset daemonsets ds
        controllerrevision controllerrevisions
    """,
    "batch": "job jobs | cronjob cronjobs cj",
    "autoscaling": "horizontalpodautoscaler horizontalpodautoscalers hpa",
    "policy": "poddisruptionbudget poddisruptionbudgets pdb",
    "networking.k8s.io": "ingress ingresses ing | ingressclass ingressclasses | networkpolicy networkpolicies netpol",
    "rbac.authorization.k8s.io": """
        role roles | rolebinding rolebindings | clusterrole clusterroles | clusterrolebinding clusterrolebindings
    """,
    "storage.k8s.io": """
        storageclass storageclasses sc | volumeattachment volumeattachments | csidriver csidrivers | csinode csinodes
        csistoragecapacity csistoragecapacities
    """,
    "scheduling.k8s.io": "priorityclass priorityclasses pc",
    "coordination.k8s.io": "lease leases",
    "discovery.k8s.io": "endpointslice endpointslices",
    "certificates.k8s.io": "certificatesigningrequest certificatesigningrequests csr",
    "node.k8s.io": "runtimeclass runtimeclasses",
    "apiextensions.k8s.io": "customresourcedefinition customresourcedefinitions crd crds",
    "apiregistration.k8s.io": "apiservice apiservices",
    "admissionregistration.k8s.io": """
        mutatingwebhookconfiguration mutatingwebhookconfigurations
        validatingwebhookconfiguration validatingwebhookconfigurations
        validatingadmissionpolicy validatingadmissionpolicies
        validatingadmissionpolicybinding validatingadmissionpolicybindings
    """,
}
_GROUPS: dict[str, str] = {}
_SINGULARS: dict[str, str] = {}
for _group, _rows in _TABLE.items():
    for _row in re.split(r"[|\n]", _rows):
        for _word in (_words := _row.split()):
            _SINGULARS[_word] = _words[0]
            _GROUPS[_words[0]] = _group

KindWord = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,252}(?!\n)$", examples=["pods", "deployment"])
]
TargetWord = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,252}/[^/\s]{1,253}(?!\n)$", examples=["deployment/web"]),
]
OptionalTargetWord = Annotated[
    str,
    msgspec.Meta(pattern=r"^([A-Za-z][A-Za-z0-9.-]{0,252}/[^/\s]{1,253})?(?!\n)$", examples=["deployment/web"]),
]
_WORKLOAD = "[Dd]eployments?|deploy|[Ss]tatefulsets?|sts|[Dd]aemonsets?|ds"
_NAME = r"(\.apps)?/[^/\s]{1,253}(?!\n)$"
WorkloadWord = Annotated[str, msgspec.Meta(pattern=f"^({_WORKLOAD}){_NAME}", examples=["deployment/web"])]
NodeWord = Annotated[
    str, msgspec.Meta(pattern=r"^(([Nn]odes?|no)/)?[^/\s]{1,253}(?!\n)$", examples=["worker-1", "node/worker-1"])
]
EvictableWord = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^(([Pp]ods?|po)|({_WORKLOAD}|[Rr]eplicasets?|rs)(\\.apps)?)/[^/\\s]{{1,253}}(?!\\n)$",
        examples=["pod/web-0", "deployment/web"],
    ),
]
ExposableWord = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^(([Pp]ods?|po|[Ss]ervices?|svc)|({_WORKLOAD}|[Rr]eplicasets?|rs)(\\.apps)?)/[^/\\s]{{1,253}}(?!\\n)$",
        examples=["deployment/web", "service/web"],
    ),
]
DeploymentWord = Annotated[str, msgspec.Meta(pattern=f"^([Dd]eployments?|deploy){_NAME}", examples=["deployment/web"])]
_SCALABLE = r"[Dd]eployments?|deploy|[Ss]tatefulsets?|sts|[Rr]eplicasets?|rs|[A-Za-z][A-Za-z0-9-]{0,62}(\.[A-Za-z0-9-]{1,63}){1,9}"
ScalableWord = Annotated[str, msgspec.Meta(pattern=f"^({_SCALABLE}){_NAME}", examples=["deployment/web"])]
_WITH_PODS = f"[Pp]ods?|po|{_WORKLOAD}|[Rr]eplica[Ss]ets?|rs|[Rr]eplication[Cc]ontrollers?|rc|[Jj]obs?|[Ss]ervices?|svc"
PodsWord = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({_WITH_PODS})(\.apps|\.batch)?/[^/\s]{{1,253}}(?!\n)$", examples=["pod/web-1", "deployment/web"]
    ),
]


def kind_name(word: str, path: str = "kind") -> str:
    """Return a kind in its one form.

    Args:
        word: Plural, singular or short name of a built-in kind, with or without its group; of others `KIND.GROUP`.
        path: The parameter, for the error.

    Raises:
        InvalidConfigError: It is none of these.
    """
    text = word.lower()
    name, _, group = text.partition(".")
    singular = _SINGULARS.get(name)
    if singular is not None and group in ("", _GROUPS[singular]):
        return singular
    if not group:
        raise InvalidConfigError(
            f"{path}: '{word}' is no built-in kind", path=path, found=word, expected="a built-in kind, or KIND.GROUP as in widget.example.org",
            suggestions=[*(f"did you mean '{near}'?" for near in near_names(text, _SINGULARS)), "write its group too: kubectl api-resources"],
        )  # fmt: skip
    return text


def kind_of_object(api_version: str, kind: str) -> str:
    """Return the kind of an object in its one form."""
    group = api_version.rpartition("/")[0]
    singular = kind.lower()
    return singular if _GROUPS.get(singular) == group else f"{singular}.{group}" if group else singular


def target_of_object(found: Mapping[str, Any]) -> str:
    """Return an object as a target has it: `KIND/NAME`."""
    return f"{kind_of_object(found['apiVersion'], found['kind'])}/{found['metadata']['name']}"


def target_name(target: str, path: str = "target") -> str:
    """Return a target with its kind in its one form, such as `deployment/web`.

    Raises:
        InvalidConfigError: The kind is none.
    """
    kind, _, name = target.partition("/")
    return f"{kind_name(kind, path)}/{name}"


def split_target(target: str) -> tuple[str, str]:
    """Return kind and name of a target."""
    kind, _, name = target.partition("/")
    return kind, name


def served_kind(catalogue: Catalogue, name: str) -> ServedKind:
    """Return what a cluster serves under a kind in its one form.

    Raises:
        NotFoundError: It serves no such kind.
        InvalidConfigError: This is not the one form of its name.
    """
    group = _GROUPS.get(name)
    served = catalogue.find(f"{name}.{group}" if group else name)
    proper = kind_of_object(served.resource.api_version, served.resource.kind)
    if proper != name:
        raise InvalidConfigError(
            f"'{name}' is not how this kind is named", found=name, expected=proper, suggestions=[f"write {proper}"]
        )
    return served
