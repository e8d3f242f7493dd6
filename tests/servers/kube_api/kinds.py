"""Kinds of objects that the server knows, and what it must know about each."""

from collections.abc import Mapping

import msgspec

# Lists in the metadata of every kind that are merged: a name of the field that tells their items apart, nothing for a set.
METADATA_LISTS = {"metadata.finalizers": "", "metadata.ownerReferences": "uid"}


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind in one version.

    Attributes:
        kind: As in objects: `Widget`.
        plural: As in paths: `widgets`.
        group: Empty for the core.
        version: Such as `v1`.
        namespaced: Whether its objects stand in namespaces.
        status: Whether status is a subresource.
        generation: Whether changes of all but metadata and status are counted.
        short_names: For discovery.
        lists: Dotted paths of lists of maps that are merged, and the field that tells their items apart (several, with
            commas between them); an empty one for lists that are sets. All other lists are atomic.
        builtin: Is no custom resource: items of its lists have neither apiVersion nor kind.
        unconditional: A PUT without resourceVersion is taken.
    """

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    status: bool = False
    generation: bool = False
    short_names: tuple[str, ...] = ()
    lists: Mapping[str, str] = {}
    builtin: bool = True
    unconditional: bool = True

    @property
    def api_version(self) -> str:
        """`GROUP/VERSION`, or the version alone."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """`GROUP/VERSION/PLURAL`, by which it is found."""
        return f"{self.api_version}/{self.plural}"

    @property
    def title(self) -> str:
        """`PLURAL.GROUP`, as in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def list_key(self, dotted: str) -> str | None:
        """Return what tells the items of a list apart; None if it is atomic."""
        found = self.lists.get(dotted)
        return METADATA_LISTS.get(dotted) if found is None else found


CONDITIONS = {"status.conditions": "type"}
_POD = {"containers": "name", "containers.env": "name", "containers.ports": "containerPort,protocol", "volumes": "name"}
CONFIG_MAPS = Kind(plural="configmaps", kind="ConfigMap", short_names=("cm",))
SECRETS = Kind(plural="secrets", kind="Secret")
NAMESPACES = Kind(plural="namespaces", kind="Namespace", namespaced=False, status=True, short_names=("ns",))
PODS = Kind(
    plural="pods",
    kind="Pod",
    status=True,
    generation=True,
    short_names=("po",),
    lists={**CONDITIONS, **{f"spec.{path}": key for path, key in _POD.items()}},
)
SERVICE_ACCOUNTS = Kind(plural="serviceaccounts", kind="ServiceAccount", short_names=("sa",))
DEPLOYMENTS = Kind(
    group="apps",
    plural="deployments",
    kind="Deployment",
    status=True,
    generation=True,
    short_names=("deploy",),
    lists={**CONDITIONS, **{f"spec.template.spec.{path}": key for path, key in _POD.items()}},
)
LEASES = Kind(group="coordination.k8s.io", plural="leases", kind="Lease", unconditional=False)
EVENTS = Kind(group="events.k8s.io", plural="events", kind="Event", short_names=("ev",))
WIDGETS = Kind(
    group="test.outrider.dev",
    plural="widgets",
    kind="Widget",
    status=True,
    generation=True,
    lists=CONDITIONS,
    builtin=False,
    unconditional=False,
)
PREREGISTERED = (
    CONFIG_MAPS,
    SECRETS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    DEPLOYMENTS,
    LEASES,
    EVENTS,
    WIDGETS,
)
