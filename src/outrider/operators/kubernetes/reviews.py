"""What the API server itself answers to the question who somebody is, and whether somebody may do something.

It asks all of its authorizers (RBAC, Node, webhooks), not the rules of RBAC alone. Source: Kubernetes, "Authorization".
"""

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.rules import is_url
from outrider.operators.kubernetes.subjects import Identity
from outrider.ports.kube.answers import Access, Object
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import Resource

_GROUP = "authorization.k8s.io"
_REVIEWS = Resource(_GROUP, "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
_OWN_REVIEWS = Resource(_GROUP, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False)
_WHO = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)


class Verdict(msgspec.Struct, frozen=True):
    """An answer of the API server.

    Attributes:
        reason: Why, as the server says it; it seldom says why not.
    """

    allowed: bool
    reason: str


async def who_am_i(client: KubeClient) -> Identity | None:
    """Return who the caller is to the API server; None where it is too old to say (before Kubernetes 1.28).

    Raises:
        OutriderError: What else the server says.
    """
    try:
        info = (await client.create(_WHO, {})).object["status"]["userInfo"]
    except NotFoundError:
        return None
    return Identity(str(info["username"]), tuple(map(str, info.get("groups") or ())))


async def may(client: KubeClient, access: Access, identity: Identity | None = None) -> Verdict:
    """Return whether somebody may do something.

    Args:
        client: Who is asked.
        access: What.
        identity: Who; the caller if None.

    Raises:
        DeniedError: The caller may not ask that of others.
        OutriderError: What else the server says.
    """
    spec = _spec(access)
    if identity is None:
        answer = await client.create(_OWN_REVIEWS, {"spec": spec})
    else:
        who = {"user": identity.user, "groups": list(identity.groups)}
        answer = await client.create(_REVIEWS, {"spec": {**spec, **{key: one for key, one in who.items() if one}}})
    status = answer.object.get("status") or {}
    reason = "; ".join(filter(None, (status.get("reason"), status.get("evaluationError"))))
    return Verdict(bool(status.get("allowed")), reason)


def _spec(access: Access) -> Object:
    if is_url(access):
        return {"nonResourceAttributes": {"verb": access.verb, "path": access.resource}}
    resource, _, part = access.resource.partition("/")
    attributes = {
        "verb": access.verb, "group": access.group, "resource": resource, "subresource": part, "namespace": access.namespace, "name": access.name,
    }  # fmt: skip
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
