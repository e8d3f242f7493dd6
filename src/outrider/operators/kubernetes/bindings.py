"""Bindings of roles to subjects: how they are named, what they need, and why the API server refuses to make one."""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated

import msgspec

from outrider.core.errors import DeniedError, NotFoundError, did_you_mean
from outrider.operators.kubernetes.places import Place, Places
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.subjects import RBAC, Subject, SubjectWord, subject_of, subject_word
from outrider.ports.kube.resources import CLUSTER_ROLES, ROLES, SERVICE_ACCOUNTS

_KINDS = {"role": ROLES, "clusterrole": CLUSTER_ROLES}
_NOT_HELD = "not currently held:"
RoleWord = Annotated[
    str,
    msgspec.Meta(pattern=r"^(role|clusterrole)/[^/%\s]{1,253}(?!\n)$", examples=["clusterrole/view", "role/deployer"]),
]


class GrantParams(Places, kw_only=True):
    """Which role of a namespace, and whose.

    Attributes:
        role: `clusterrole/NAME`, such as clusterrole/view, or `role/NAME` of the namespace.
        subject: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME.
    """

    role: RoleWord
    subject: SubjectWord

    def __post_init__(self) -> None:
        """Bring the subject into its one form.

        Raises:
            InvalidConfigError: It is none.
        """
        self.subject = subject_word(self.subject)

    @property
    def binding(self) -> str:
        """The RoleBinding, by a name that is always the same, and another one for every other pair of role and subject."""
        who = subject_of(self.subject)
        shown = re.sub(r"[^a-z0-9.-]+", "-", f"{self.role.partition('/')[2]}-{who.name}".lower()).strip("-.")[:100]
        return f"{shown}-{hashlib.sha256(f'{self.role} {self.subject}'.encode()).hexdigest()[:8]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """What Policies judge: the binding, the role, and to whom it is given."""
        return f"rolebinding/{self.binding}", self.role, self.subject

    def wanted(self, namespace: str) -> Object:
        """Return the binding as it is wanted."""
        return bind(self.binding, namespace, self.role, [subject_of(self.subject)])


def bind(name: str, namespace: str, role: str, subjects: Iterable[Subject]) -> Object:
    """Return a binding.

    Args:
        name: Of the binding.
        namespace: Where the role is to be had; everywhere if empty.
        role: `role/NAME` or `clusterrole/NAME`.
        subjects: To whom it is given; to nobody where there are none.
    """
    kind, _, role_name = role.partition("/")
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": RBAC, "kind": _KINDS[kind].kind, "name": role_name},
        "subjects": [subject.bound for subject in subjects],
    }


async def check_role(place: Place, role: str) -> None:
    """Refuse a role that is not there: the server binds one that somebody may make later, with whatever rules.

    Raises:
        NotFoundError: It is not there.
    """
    kind, _, name = role.partition("/")
    try:
        await place.client.get(_KINDS[kind], name, place.namespace)
    except DeniedError:
        return  # Who may not read roles may still give one; then the server alone decides.
    except NotFoundError as error:
        names = [str(one["metadata"]["name"]) for one in await place.client.list(_KINDS[kind], place.searched)]
        kept = [one for one in names if not one.startswith("system:")]
        raise NotFoundError(
            f"role: {place.title} has no {role}", path="role", found=name, expected=f"a {_KINDS[kind].kind} that is there",
            suggestions=did_you_mean(name, kept),
        ) from error  # fmt: skip


async def unknown_accounts(place: Place, subjects: Iterable[Subject]) -> list[str]:
    """Return a remark for each service account that is not there; nobody can say that of users and groups."""
    found = []
    for one in subjects:
        try:
            if one.kind == "ServiceAccount":
                await place.client.get(SERVICE_ACCOUNTS, one.name, one.namespace)
        except NotFoundError:
            found.append(f"{one.word} is not there; who makes it has the role then")
        except DeniedError:
            continue
    return found


def explained(error: DeniedError, role: str) -> DeniedError:
    """Have a refusal say what the caller would have to hold itself to give a role (Kubernetes, "Privilege escalation prevention")."""
    missing = error.message.partition(_NOT_HELD)[2]
    if missing:
        error.found = "; ".join(line.strip() for line in missing.splitlines() if line.strip())
        error.expected = "rules that the caller holds itself"
        error.suggestions = [f"have somebody do it who holds them, or who has the verb bind on {role}"]
    return error
