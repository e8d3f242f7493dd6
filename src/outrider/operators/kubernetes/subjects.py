"""Who may be granted something: users, groups and service accounts, as calls name them and as the API server knows them."""

import re
from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.answers import Object

RBAC = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
_WORD = r"(user|group|serviceaccount|sa)/[^\x00-\x1f\x7f]{1,320}"
_ACCOUNT_NAME = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9.-]{1,253})")
_EXAMPLES: Any = ["user/ana", "group/developers", "serviceaccount/shop/web"]
SubjectWord = Annotated[str, msgspec.Meta(pattern=rf"^({_WORD})(?!\n)$", examples=_EXAMPLES)]
OptionalSubjectWord = Annotated[str, msgspec.Meta(pattern=rf"^({_WORD})?(?!\n)$", examples=_EXAMPLES)]


class Subject(msgspec.Struct, frozen=True):
    """A user, a group or a service account.

    Attributes:
        kind: `User`, `Group` or `ServiceAccount`.
        namespace: Of a service account.
    """

    kind: str
    name: str
    namespace: str = ""

    @property
    def word(self) -> str:
        """As calls name it, such as `serviceaccount/shop/web`."""
        return "/".join(filter(None, (self.kind.lower(), self.namespace, self.name)))

    @property
    def bound(self) -> Object:
        """As bindings have it."""
        if self.kind == "ServiceAccount":
            return {"kind": self.kind, "name": self.name, "namespace": self.namespace}
        return {"kind": self.kind, "name": self.name, "apiGroup": RBAC}


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is to the API server.

    Attributes:
        user: Empty where any member of the groups is meant.
    """

    user: str
    groups: tuple[str, ...] = ()


def subject_word(word: str, path: str = "subject") -> str:
    """Return a subject in its one form; a service account is one too where it is named as a user.

    Raises:
        InvalidConfigError: It is none.
    """
    return subject_of(word, path).word


def subject_of(word: str, path: str = "subject") -> Subject:
    """Return the subject that a word names.

    Args:
        word: Such as `user/ana`.
        path: The parameter, for the error.

    Raises:
        InvalidConfigError: It names none.
    """
    kind, _, name = word.partition("/")
    if kind in ("user", "group") and name:
        return user_subject(name) if kind == "user" else Subject("Group", name)
    if kind in ("serviceaccount", "sa") and (parts := _ACCOUNT_NAME.fullmatch(name)):
        return Subject("ServiceAccount", parts[2], parts[1])
    raise InvalidConfigError(
        f"{path}: '{word}' is no subject", path=path, found=word, expected="user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME",
        suggestions=[f"name its namespace too: serviceaccount/NAMESPACE/{name}"] if kind in ("serviceaccount", "sa") else (),
    )  # fmt: skip


def user_subject(name: str) -> Subject:
    """Return the subject that a user name of the API server stands for."""
    parts = name.split(":")
    if len(parts) == 4 and name.startswith(f"{_ACCOUNT}:"):
        return Subject("ServiceAccount", parts[3], parts[2])
    return Subject("User", name)


def bound_subject(found: Object, namespace: str) -> Subject:
    """Return a subject of a binding that stands in a namespace."""
    account = found.get("kind") == "ServiceAccount"
    return Subject(
        str(found.get("kind")), str(found["name"]), str(found.get("namespace") or namespace) if account else ""
    )


def identity_of(subject: Subject, groups: list[str]) -> Identity:
    """Return who a subject is to the API server.

    Args:
        subject: Who.
        groups: In which groups it is besides those that the server itself puts it into.
    """
    if subject.kind == "ServiceAccount":
        own = (f"{_ACCOUNT}s", f"{_ACCOUNT}s:{subject.namespace}", AUTHENTICATED)
        return Identity(f"{_ACCOUNT}:{subject.namespace}:{subject.name}", (*own, *groups))
    every = UNAUTHENTICATED if subject.name in ("system:anonymous", UNAUTHENTICATED) else AUTHENTICATED
    if subject.kind == "Group":
        return Identity("", tuple(dict.fromkeys((subject.name, *groups, every))))
    return Identity(subject.name, (*groups, every))


def is_meant(bound: Subject, identity: Identity) -> bool:
    """Return whether a subject of a binding is somebody, or a group that somebody is in."""
    if bound.kind == "Group":
        return bound.name in identity.groups
    return bool(identity.user) and bound in (user_subject(identity.user), Subject("User", identity.user))
