"""Finalizers: an object stays until what it has caused elsewhere has been undone."""

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import KubeObject
from outrider.ports.kube.resources import Resource


async def add_finalizer(client: KubeClient, resource: Resource, item: KubeObject, name: str) -> bool:
    """Have an object stay until its finalizer is removed, before anything is done elsewhere on its behalf.

    Args:
        client: Who is asked.
        resource: The kind.
        item: The object as it was seen.
        name: `GROUP/PURPOSE`.

    Returns:
        Whether it was added, and not there already.

    Raises:
        ConflictError: The object has changed since: look again.
        InvalidConfigError: The name is none, or the object is being deleted.
        OutriderError: What else the server says.
    """
    if name in item.metadata.finalizers:
        return False
    if item.metadata.deletion_timestamp:
        raise InvalidConfigError(
            f"{resource.kind} {item.key} is being deleted: nothing more may hold it", found=item.metadata.deletion_timestamp,
            expected="an object that stays", suggestions=["do nothing for it any more"],
        )  # fmt: skip
    await _put(client, resource, item, [*item.metadata.finalizers, name])
    return True


async def remove_finalizer(client: KubeClient, resource: Resource, item: KubeObject, name: str) -> bool:
    """Let an object go, once all is undone; arguments, result and errors as for `add_finalizer`."""
    if name not in item.metadata.finalizers:
        return False
    try:
        await _put(client, resource, item, [one for one in item.metadata.finalizers if one != name])
    except NotFoundError:
        return False  # it has gone already
    return True


async def _put(client: KubeClient, resource: Resource, item: KubeObject, wanted: list[str]) -> None:
    metadata = item.metadata
    # That somebody has written the status meanwhile is no reason to do all of it again.
    unchanged = (
        {"op": "test", "path": "/metadata/finalizers", "value": metadata.finalizers}
        if metadata.finalizers
        else {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.resource_version}
    )
    change = [
        {"op": "test", "path": "/metadata/uid", "value": metadata.uid},
        unchanged,
        {"op": "add", "path": "/metadata/finalizers", "value": wanted},
    ]
    try:
        await client.patch(
            resource, metadata.name, metadata.namespace, change, content_type="application/json-patch+json"
        )
    except InvalidConfigError as error:
        # 422 without a word on a field means that a test has failed.
        if error.path:
            raise
        raise ConflictError(
            f"{resource.kind} {item.key} has changed since it was seen", found=error.message, context=error.context
        ) from error
