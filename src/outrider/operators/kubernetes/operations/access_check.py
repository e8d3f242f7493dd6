"""Whether somebody may do something, and by which rule: the API server's own answer."""

import msgspec

from outrider.core.errors import DeniedError
from outrider.operators.kubernetes.grants import Grant, read_grants
from outrider.operators.kubernetes.places import Failure, Place, in_each, places
from outrider.operators.kubernetes.questions import Question, of_call
from outrider.operators.kubernetes.reviews import Verdict, may, who_am_i
from outrider.operators.kubernetes.rules import allows
from outrider.operators.kubernetes.subjects import (
    Identity,
    OptionalSubjectWord,
    Subject,
    identity_of,
    subject_of,
    subject_word,
    user_subject,
)
from outrider.ports.kube.answers import Access
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AccessCheckParams(Question, kw_only=True):
    """Who is meant, and what is asked.

    Attributes:
        subject: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME; the caller if empty.
        groups: Groups that a user is in, which the cluster cannot know; other than those that it gives itself.
    """

    subject: OptionalSubjectWord = ""
    groups: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        """Bring kind and subject into their one form.

        Raises:
            InvalidConfigError: One of them is none.
        """
        super().__post_init__()
        self.subject = subject_word(self.subject) if self.subject else ""


class AccessAnswer(msgspec.Struct, kw_only=True):
    """An answer.

    Attributes:
        namespace: Where; `*` for everywhere.
        subject: Who was meant; empty where the cluster does not say who the caller is.
        allowed: What the API server says, whatever it is that decides there.
        reason: Why.
        granted_by: Rules of RBAC that allow it, each with binding and role.
    """

    cluster: str
    namespace: str
    subject: str
    allowed: bool
    reason: str
    granted_by: str = ""


class AccessCheckResult(msgspec.Struct, kw_only=True):
    """The answers, place by place.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[AccessAnswer]
    failed: list[Failure] = []


async def run(params: AccessCheckParams, context: Context) -> AccessCheckResult:
    """Ask.

    Raises:
        NotFoundError: The cluster serves no such kind.
        DeniedError: The caller may not ask that of others.
    """
    async with places(params, context, every=True) as here:
        items, failed = await in_each(here, lambda place: _answer(params, place))
    return AccessCheckResult(items=items, failed=failed)


async def _answer(params: AccessCheckParams, place: Place) -> AccessAnswer:
    access, _ = await params.access(place)
    identity: Identity | None
    if params.subject:
        subject = subject_of(params.subject)
        identity = identity_of(subject, params.groups)
        verdict = await _asked(place, access, subject, identity)
    else:
        identity = await who_am_i(place.client)
        subject = user_subject(identity.user) if identity else Subject("", "")
        verdict = await may(place.client, access)
    grants = await _grants(of_call(place, access), identity)
    why_not = "" if verdict.allowed else _why_not(access, grants)
    return AccessAnswer(
        cluster=place.cluster.name,
        namespace=access.namespace or "*",
        subject=subject.word,
        allowed=verdict.allowed,
        reason="; ".join(filter(None, (verdict.reason or why_not, params.remark))),
        granted_by="; ".join(
            f"{one.binding} of {one.role}: {one.rule.text}"
            for one in grants or ()
            if one.reaches(access) and allows(one.rule, access)
        ),
    )


async def _asked(place: Place, access: Access, subject: Subject, identity: Identity) -> Verdict:
    try:
        return await may(place.client, access, identity)
    except DeniedError as error:
        error.suggestions = [
            "have the verb create on subjectaccessreviews.authorization.k8s.io (ClusterRole system:auth-delegator)",
            f"see what RBAC alone grants: outrider kubernetes access_rules {subject.word}",
        ]
        raise


async def _grants(place: Place, identity: Identity | None) -> list[Grant] | None:
    """Return what RBAC grants somebody; None where the caller may not know."""
    if identity is None:
        return None
    try:
        return (await read_grants(place)).of(identity)
    except DeniedError:
        return None


def _why_not(access: Access, grants: list[Grant] | None) -> str:
    """Return what comes nearest to a right that somebody lacks."""
    if grants is None:
        return "the server gives no reason, and the caller may not read what RBAC grants"
    here = [one for one in grants if one.reaches(access)]
    named = [
        name for one in here if allows(msgspec.structs.replace(one.rule, names=()), access) for name in one.rule.names
    ]
    if named:
        return f"no rule grants it; it is granted for these names alone: {', '.join(dict.fromkeys(named))}"
    verbs = [
        verb
        for one in here
        if allows(msgspec.structs.replace(one.rule, verbs=("*",)), access)
        for verb in one.rule.verbs
    ]
    if verbs:
        return f"no rule grants it; granted are {', '.join(dict.fromkeys(verbs))}"
    return "no rule grants it"


OPERATION = Implementation(
    params=AccessCheckParams, result=AccessCheckResult, run=run, target=lambda params: params.target
)
