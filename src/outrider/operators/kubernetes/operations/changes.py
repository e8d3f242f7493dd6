"""Changes of objects as they happen, call by call: what the trigger kubernetes-event and other watchers stand on."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.quantities import Duration, duration
from outrider.operators.kubernetes.kinds import KindWord, kind_name, target_of_object
from outrider.operators.kubernetes.owners import workload_of
from outrider.operators.kubernetes.places import ALL, Cluster, ClusterName, NamespaceNames
from outrider.operators.kubernetes.shown import Object, shown
from outrider.ports.kube.errors import ExpiredError
from outrider.ports.kube.following import next_changes
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import Resource
from outrider.runtime.context import Context
from outrider.runtime.expressions import Expression, compiled
from outrider.runtime.implementation import Implementation

# A plugin takes lines of 512 KiB.
_MOST_ITEMS = 500
_MOST_OBJECTS = 50_000
_LONGEST_VALUE = 500
Condition = Annotated[str, msgspec.Meta(max_length=4096, examples=['object.status.phase == "Failed"'])]


class ChangesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which objects, and what is wanted of them.

    Attributes:
        cluster: Context of the kubeconfig; the current one if empty.
        namespace: One namespace, or `*` for all; that of the context if empty.
        kind: Such as pods, nodes, or widget.example.org.
        labels: Label selector, such as app=web.
        fields: Field selector, such as spec.nodeName=n1.
        condition: CEL over `object`; one that cannot be evaluated is not met. Empty: all objects meet it.
        values: CEL over `object` by name, told of objects that meet the condition; what cannot be evaluated is left out.
        since: `next` of the call before; how all objects are now if empty.
        hold: How long to wait for a change.
    """

    cluster: ClusterName = ""
    namespace: NamespaceNames = ""
    kind: KindWord
    labels: str = ""
    fields: str = ""
    condition: Condition = ""
    values: dict[str, Condition] = {}
    since: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.-]{0,64}(?!\n)$")] = ""
    hold: Duration = duration("30s")

    def __post_init__(self) -> None:
        """Bring the kind into its one form, and read the expressions.

        Raises:
            InvalidConfigError: The kind is none, several namespaces are named, or an expression does not compile.
        """
        self.kind = kind_name(self.kind)
        if "," in self.namespace:
            raise InvalidConfigError(
                "namespace: one or all", path="namespace", found=self.namespace, expected="one namespace, or *"
            )
        for text in (self.condition or "true", *self.values.values()):
            compiled(text, ("object",))


class SeenObject(msgspec.Struct, kw_only=True):
    """An object.

    Attributes:
        target: `KIND/NAME`.
        uid: Tells it from another one that takes its name.
        meets: Whether it meets the condition; no longer where it is gone.
        gone: Whether it has been deleted.
        workload: What has made it, such as deployment/web for a pod; itself where nothing has.
    """

    target: str
    namespace: str
    uid: str
    meets: bool
    gone: bool = False
    workload: str
    labels: dict[str, str] = {}
    values: dict[str, Any] = {}


class ChangesResult(msgspec.Struct, kw_only=True):
    """What was seen.

    Attributes:
        next: For `since` of the next call.
        whole: Whether this is how all is now: what is not listed does not meet the condition. Else these objects have changed.
        items: Where it is whole those that meet the condition.
        objects: How many were looked at.
        left_out: How many of the items are not listed, beyond 500.
    """

    next: str
    whole: bool
    items: list[SeenObject]
    objects: int
    left_out: int = 0


async def run(params: ChangesParams, context: Context) -> ChangesResult:
    """Wait for the first changes since the call before; say how all is now where there was none, or too long ago.

    Raises:
        NotFoundError: The cluster serves no such kind.
    """
    cluster = Cluster(params.cluster, context)
    try:
        resource = (await cluster.kind(params.kind)).resource
        namespace = params.namespace or cluster.namespace
        selection = Selection("" if namespace == ALL else namespace, params.labels, params.fields)
        if params.since:
            try:
                return await _changed(params, cluster, resource, selection, context)
            except ExpiredError:
                pass  # all is told anew
        return await _whole(params, cluster, resource, selection)
    finally:
        await cluster.close()


async def _whole(params: ChangesParams, cluster: Cluster, resource: Resource, selection: Selection) -> ChangesResult:
    found = await cluster.client.snapshot(
        resource, selection.namespace, labels=selection.labels, fields=selection.fields, most=_MOST_OBJECTS
    )
    seen = [one for each in found.objects if (one := _seen(params, each, gone=False)).meets]
    return _result(seen, found.version, whole=True, objects=len(found.objects))


async def _changed(
    params: ChangesParams, cluster: Cluster, resource: Resource, selection: Selection, context: Context
) -> ChangesResult:
    seconds = max(1.0, min(params.hold, context.remaining() - 2.0))
    news = await next_changes(
        cluster.client, resource, selection, since=params.since, seconds=seconds, clock=context.clock
    )
    # Of several changes of an object the last one counts.
    last = {one.object["metadata"]["uid"]: one for one in news.changes}
    seen = [_seen(params, one.object, gone=one.type == "DELETED") for one in last.values()]
    return _result(seen, news.version, whole=False, objects=len(seen))


def _result(seen: list[SeenObject], version: str, *, whole: bool, objects: int) -> ChangesResult:
    return ChangesResult(
        next=version, whole=whole, items=seen[:_MOST_ITEMS], objects=objects, left_out=max(0, len(seen) - _MOST_ITEMS)
    )


def _seen(params: ChangesParams, found: Object, *, gone: bool) -> SeenObject:
    metadata = found["metadata"]
    variables = {"object": shown(found)}
    meets = not gone and compiled(params.condition or "true", ("object",)).met(variables)
    values = {name: _value(compiled(text, ("object",)), variables) for name, text in params.values.items() if meets}
    return SeenObject(
        target=target_of_object(found),
        namespace=str(metadata.get("namespace") or ""),
        uid=str(metadata["uid"]),
        meets=meets,
        gone=gone,
        workload=workload_of(found),
        labels={key: value for key, value in (metadata.get("labels") or {}).items() if meets},
        values={name: value for name, value in values.items() if value is not None},
    )


def _value(expression: Expression, variables: dict[str, Any]) -> Any:
    try:
        value = expression.evaluate(variables)
    except OutriderError:
        return None
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value


OPERATION = Implementation(
    params=ChangesParams, result=ChangesResult, run=run, target=lambda params: f"{params.kind}/*"
)
