"""Kinds with several versions: their definition, and how objects that were stored in another version come to be stored in the present one."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from outrider.core.errors import ConflictError, NotFoundError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CRDS, Resource

Document = dict[str, Any]
_TRIES = 10


def several_versions(definitions: Sequence[Document], hub: str, client: Mapping[str, Any]) -> Document:
    """Return one definition of a kind from those of its versions.

    Args:
        definitions: One for each version, of the same names.
        hub: The version that is stored.
        client: By whom objects are converted, as `clientConfig` of webhooks says it.
    """
    versions = [
        {**version, "storage": version["name"] == hub} for one in definitions for version in one["spec"]["versions"]
    ]
    conversion = {"strategy": "Webhook", "webhook": {"clientConfig": dict(client), "conversionReviewVersions": ["v1"]}}
    return {**definitions[0], "spec": {**definitions[0]["spec"], "versions": versions, "conversion": conversion}}


async def migrate_storage(client: KubeClient, resource: Resource) -> int:
    """Have all objects of a kind be stored in its present version, and return how many were written.

    Only then may a version in which some of them were stored be served no longer.

    Args:
        client: Who is asked.
        resource: The kind, in a version that is served.

    Raises:
        NotFoundError: The cluster has no such kind.
        OutriderError: What else the server says.
    """
    definition = await client.get(CRDS, resource.title)
    present = next(one["name"] for one in definition["spec"]["versions"] if one["storage"])
    if definition.get("status", {}).get("storedVersions", []) in ([], [present]):
        return 0
    objects = await client.list(resource)
    for item in objects:
        await _rewrite(client, resource, item)
    stored = {
        "metadata": {"resourceVersion": definition["metadata"]["resourceVersion"]},
        "status": {"storedVersions": [present]},
    }
    await client.patch(CRDS, resource.title, "", stored, content_type="application/merge-patch+json", part="status")
    return len(objects)


async def _rewrite(client: KubeClient, resource: Resource, item: Document) -> None:
    """Write an object as it is: the server stores it in the present version."""
    metadata = item["metadata"]
    # What is gone is stored nowhere.
    with contextlib.suppress(NotFoundError):
        for _ in range(_TRIES):
            try:
                await client.replace(resource, item)
            except ConflictError:
                # Whoever has written it meanwhile may have done it too, but that is not to be known.
                item = await client.get(resource, metadata["name"], metadata.get("namespace", ""))
            else:
                return
        raise ConflictError(
            f"{resource.kind} {metadata['name']} is written all the time",
            found=metadata["name"],
            suggestions=["try again"],
        )
