"""Who may do something: the subjects to whom RBAC grants it, each confirmed by the API server."""

import asyncio

import msgspec

from outrider.core.errors import DeniedError
from outrider.operators.kubernetes.grants import Grant, read_grants
from outrider.operators.kubernetes.places import Failure, Place, in_each, places
from outrider.operators.kubernetes.questions import Question, of_call
from outrider.operators.kubernetes.reviews import may
from outrider.operators.kubernetes.rules import limited_names
from outrider.operators.kubernetes.subjects import identity_of
from outrider.ports.kube.answers import Access
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_AT_ONCE = 16
_MOST_CONFIRMED = 500
_REMARKS = (
    "rights that other authorizers give (Node, webhooks) are not seen here",
    "members of group system:masters may do everything, whatever the rules say",
    "who may impersonate or bind roles, or make pods that run as one of these, may do it by them",
)


class AccessWhoParams(Question, kw_only=True):
    """What is asked."""


class Holder(msgspec.Struct, kw_only=True):
    """A subject to whom a binding grants it.

    Attributes:
        namespace: Where; `*` for everywhere.
        rule: The one of the role that grants it; names in brackets where it is for these objects alone.
        confirmed: Whether the API server says so too; null where it was not asked.
    """

    cluster: str
    namespace: str
    subject: str
    binding: str
    role: str
    rule: str
    confirmed: bool | None = None


class AccessWhoResult(msgspec.Struct, kw_only=True):
    """Who may do it.

    Attributes:
        remark: What cannot be seen so.
        failed: Clusters and namespaces that gave no answer, and why.
    """

    items: list[Holder]
    remark: str = ""
    failed: list[Failure] = []


async def run(params: AccessWhoParams, context: Context) -> AccessWhoResult:
    """Find them.

    Raises:
        NotFoundError: The cluster serves no such kind.
        DeniedError: The caller may not read roles and bindings.
    """
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, lambda place: _holders(params, place))
    # Whoever may do it everywhere is found in each namespace.
    items = {(one.cluster, one.namespace, one.subject, one.binding): one for holders, _ in found for one in holders}
    unasked = {why for _, why in found if why}
    remark = "; ".join(filter(None, (params.remark, *_REMARKS, *sorted(unasked))))
    return AccessWhoResult(items=list(items.values()), remark=remark, failed=failed)


async def _holders(params: AccessWhoParams, place: Place) -> tuple[list[Holder], str]:
    """Return who may do it in a place, and why not all of them are confirmed."""
    access, anywhere = await params.access(place)
    grants = sorted((await read_grants(of_call(place, access))).of_call(access, anywhere=anywhere), key=_order)
    confirmed, why = await _confirmed(place, grants, access)
    holders = [
        Holder(
            cluster=place.cluster.name,
            namespace=one.namespace or "*",
            subject=one.subject.word,
            binding=one.binding,
            role=one.role,
            rule=one.rule.text,
            confirmed=answer,
        )
        for one, answer in zip(grants, confirmed, strict=True)
    ]
    return holders, why


def _order(grant: Grant) -> tuple[str, str, str]:
    return grant.subject.word, grant.namespace, grant.binding


async def _confirmed(place: Place, grants: list[Grant], access: Access) -> tuple[list[bool | None], str]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(grant: Grant) -> bool | None:
        names = limited_names(grant.rule, access)
        there = msgspec.structs.replace(
            access, namespace=access.namespace or grant.namespace, name=names[0] if names else access.name
        )
        async with slots:
            try:
                return (await may(place.client, there, identity_of(grant.subject, []))).allowed
            except DeniedError:
                return None

    answers = await asyncio.gather(*(ask(grant) for grant in grants[:_MOST_CONFIRMED]))
    rest = [None] * (len(grants) - len(answers))
    if None in answers:
        why = "not confirmed: the caller may not create subjectaccessreviews"
    else:
        why = f"the first {_MOST_CONFIRMED} alone are confirmed" if rest else ""
    return [*answers, *rest], why


OPERATION = Implementation(params=AccessWhoParams, result=AccessWhoResult, run=run, target=lambda params: params.target)
