"""Questions of the form: may somebody VERB KIND."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean, near_names
from outrider.operators.kubernetes.kinds import kind_name
from outrider.operators.kubernetes.places import ALL, Place, Places
from outrider.ports.kube.answers import Access

# Of requests, and those that are asked for within them (Kubernetes, "Authorization": request verbs).
_VERBS = (
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "escalate", "impersonate",
    "use", "approve", "sign", "attest", "head", "options", "post", "put", ALL,
)  # fmt: skip
# What is impersonated is no kind of its own.
_IMPERSONATED = {
    "user": "users",
    "users": "users",
    "group": "groups",
    "groups": "groups",
    "uid": "uids",
    "uids": "uids",
}
_KIND = r"\*|/[^\s?#]{0,1000}|[A-Za-z][A-Za-z0-9.-]{0,252}(/[^/\s]{1,253})?"
VerbWord = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z]{1,63})(?!\n)$", examples=["get", "delete"])]
AskedKind = Annotated[str, msgspec.Meta(pattern=rf"^({_KIND})(?!\n)$", examples=["pods", "secret/keys", "/metrics"])]
PartWord = Annotated[str, msgspec.Meta(pattern=r"^([a-z]{1,63})?(?!\n)$", examples=["log", "exec"])]


class Question(Places, kw_only=True):
    """What is asked.

    Attributes:
        verb: Such as get, list, create or delete; `*` for every verb.
        kind: Such as pods, or secret/keys for one object; `*` for every kind, or a path that is none, as in /metrics.
        part: A subresource, such as log or exec.
    """

    verb: VerbWord
    kind: AskedKind
    part: PartWord = ""

    def __post_init__(self) -> None:
        """Bring the kind into its one form.

        Raises:
            InvalidConfigError: It is none.
        """
        word, slash, name = self.kind.partition("/")
        if word in ("", ALL) or self.impersonated:
            if self.part and not word:
                raise InvalidConfigError(
                    "part: a path has none", path="part", found=self.part, expected="a kind", suggestions=["leave it out"]
                )  # fmt: skip
            return
        self.kind = f"{kind_name(word)}{slash}{name}"

    @property
    def impersonated(self) -> str:
        """What is to be impersonated, if that is the question."""
        return _IMPERSONATED.get(self.kind.partition("/")[0], "") if self.verb == "impersonate" else ""

    @property
    def target(self) -> str:
        """As Policies have it, such as `secret/keys` or `pod/*`."""
        word, _, name = self.kind.partition("/")
        return f"{word or 'path'}/{name or ALL}"

    @property
    def remark(self) -> str:
        """What the reader should know of the question; empty where there is nothing."""
        if self.verb in _VERBS:
            return ""
        near = did_you_mean(self.verb, _VERBS) if near_names(self.verb, _VERBS) else []
        return "; ".join([f"the API server itself asks for no verb '{self.verb}'", *near])

    async def access(self, place: Place) -> tuple[Access, bool]:
        """Return the call that is asked about, and whether it is one in all namespaces of those that it may be in.

        Raises:
            NotFoundError: The cluster serves no such kind, or the kind has no such part.
        """
        word, _, name = self.kind.partition("/")
        part = f"/{self.part}" if self.part else ""
        if not word:
            return Access(self.verb, "", self.kind), False
        if word == ALL:
            return Access(self.verb, ALL, f"{ALL}{part}", place.searched), not place.searched
        if self.impersonated:
            return Access(self.verb, "", self.impersonated, name=name), False
        served = await place.cluster.kind(word)
        resource = served.resource
        if self.part and self.part not in served.parts:
            raise NotFoundError(
                f"part: {resource.kind} has no part '{self.part}'", path="part", found=self.part, expected=", ".join(sorted(served.parts)) or "none",
                suggestions=did_you_mean(self.part, served.parts),
            )  # fmt: skip
        namespace = place.searched if resource.namespaced else ""
        if resource.title == "namespaces":
            # A namespace is within itself: its own Roles may allow what is done to it.
            namespace = name
        return Access(
            self.verb, resource.group, resource.plural + part, namespace, name
        ), resource.namespaced and not namespace


def of_call(place: Place, access: Access) -> Place:
    """Return the place in which rules for a call stand; that of a call of a namespace is the namespace itself."""
    return Place(place.cluster, access.namespace or place.namespace)
