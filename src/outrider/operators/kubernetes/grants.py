"""What Roles, ClusterRoles and their bindings grant, and to whom. Roles that are put together of others are so by the server."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.rules import Rule, allows, limited_names, read_rule
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.subjects import Identity, Subject, bound_subject, is_meant
from outrider.ports.kube.answers import Access
from outrider.ports.kube.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource

_ROLE_KINDS, _BINDING_KINDS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")


class Grant(msgspec.Struct, frozen=True):
    """A rule that somebody has by a binding.

    Attributes:
        namespace: Where; empty for everywhere.
        binding: `rolebinding/NAME` or `clusterrolebinding/NAME`.
        role: `role/NAME` or `clusterrole/NAME`.
    """

    subject: Subject
    namespace: str
    binding: str
    role: str
    rule: Rule

    def reaches(self, access: Access) -> bool:
        """Return whether it holds where a call is made; a RoleBinding gives nothing of what has no namespace."""
        return self.namespace in ("", access.namespace)


class Grants:
    """What is granted.

    Args:
        objects: Roles, ClusterRoles and bindings; what else there is does not matter.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._roles: dict[tuple[str, str, str], list[Rule]] = {}
        self._bindings: list[Object] = []
        for one in objects:
            metadata = one["metadata"]
            if one["kind"] in _ROLE_KINDS:
                key = (one["kind"], str(metadata.get("namespace") or ""), str(metadata["name"]))
                self._roles.setdefault(key, [read_rule(rule) for rule in one.get("rules") or ()])
            elif one["kind"] in _BINDING_KINDS:
                self._bindings.append(one)

    def __iter__(self) -> Iterator[Grant]:
        """Yield every rule of every subject of every binding."""
        for binding in self._bindings:
            yield from self._of_binding(binding)

    def _of_binding(self, binding: Object) -> Iterator[Grant]:
        metadata, role = binding["metadata"], binding["roleRef"]
        namespace = str(metadata.get("namespace") or "")
        where = namespace if role["kind"] == "Role" else ""
        for subject in binding.get("subjects") or ():
            for rule in self._roles.get((role["kind"], where, role["name"]), ()):
                yield Grant(
                    bound_subject(subject, namespace), namespace, f"{binding['kind'].lower()}/{metadata['name']}",
                    f"{role['kind'].lower()}/{role['name']}", rule,
                )  # fmt: skip

    def of(self, identity: Identity) -> list[Grant]:
        """Return what somebody has, by name and by groups."""
        return [grant for grant in self if is_meant(grant.subject, identity)]

    def of_call(self, access: Access, *, anywhere: bool) -> list[Grant]:
        """Return the grants that allow a call, one of each binding and subject.

        Args:
            access: The call; where it names no object, grants for some objects alone count too.
            anywhere: Whether those of any namespace count.
        """
        found: dict[tuple[Subject, str, str], Grant] = {}
        for grant in self:
            if (anywhere or grant.reaches(access)) and (
                allows(grant.rule, access) or limited_names(grant.rule, access)
            ):
                key = (grant.subject, grant.namespace, grant.binding)
                # A rule for all objects says more than one for some of them.
                if key not in found or (found[key].rule.names and not grant.rule.names):
                    found[key] = grant
        return list(found.values())


class _RoleReference(msgspec.Struct):
    kind: Literal["Role", "ClusterRole"]
    name: str


class _Bound(msgspec.Struct):
    kind: Literal["User", "Group", "ServiceAccount"]
    name: str


class _Binding(msgspec.Struct, rename="camel"):
    role_ref: _RoleReference
    subjects: list[_Bound] | None = None


class _RoleRule(msgspec.Struct, rename="camel"):
    verbs: list[str]
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None


class _Role(msgspec.Struct):
    rules: list[_RoleRule] | None = None


def check_rbac(objects: Iterable[Object]) -> None:
    """Refuse roles and bindings that the API server would not take either.

    Raises:
        InvalidConfigError: One is named, and the field.
    """
    for one in objects:
        if one["kind"] in (*_ROLE_KINDS, *_BINDING_KINDS):
            try:
                decode(encode(one), _Role if one["kind"] in _ROLE_KINDS else _Binding)
            except InvalidConfigError as error:
                raise error.about(f"{one['kind']} {one['metadata']['name']}") from error


async def read_roles(place: Place) -> list[Object]:
    """Return the ClusterRoles, and the Roles of a namespace or of all of them.

    Raises:
        DeniedError: The caller may not read them.
    """
    return await _listed(place, CLUSTER_ROLES, ROLES)


async def read_grants(place: Place) -> Grants:
    """Return what is granted in a namespace, or in all of them, and what is granted everywhere.

    Raises:
        DeniedError: The caller may not read roles and bindings.
    """
    roles, bindings = await asyncio.gather(read_roles(place), _listed(place, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS))
    return Grants([*roles, *bindings])


async def _listed(place: Place, everywhere: Resource, within: Resource) -> list[Object]:
    answers = await asyncio.gather(place.client.list(everywhere), place.client.list(within, place.searched))
    return [one for answer in answers for one in answer]
