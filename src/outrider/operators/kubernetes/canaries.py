"""Canaries by share of replicas: Deployments of a new version, and of the present one for comparison, beside a Deployment.

A Service that selects the pods of the Deployment selects theirs too, so that a share of the pods is a share of the requests. For the
verdict the new pods are compared with fresh pods of the present version, the baseline: young pods against old warm ones would measure
the warming up, not the change.
"""

import copy
import hashlib
import json
import math
from typing import Any, Literal

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.delivery.stages import Progress
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.operators.kubernetes.owners import TEMPLATE_HASH
from outrider.operators.kubernetes.places import TargetInOnePlace
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import DEPLOYMENTS

Track = Literal["canary", "baseline"]
TRACK = "outrider.dev/track"
# How far a canary is, on its own Deployment; and which version was taken back, on the one beside it.
PROGRESS, REFUSED = "outrider.dev/canary", "outrider.dev/canary-refused"
MANAGER = "outrider-kubernetes-canary"


class CanaryOf(TargetInOnePlace, kw_only=True):
    """Of which Deployment.

    Attributes:
        target: The Deployment.
    """

    target: DeploymentWord


def version_of(template: Object) -> str:
    """Return what tells a pod template from every other one."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:12]


def replicas_for(percent: int, present: int) -> int:
    """Return how many pods have at least a share beside those that are there; at least one."""
    return max(1, math.ceil(present * percent / (100 - percent)))


def name_of(deployment: Object, track: Track) -> str:
    """Return the name of the Deployment of a track."""
    return f"{deployment['metadata']['name']}-{track}"


def beside(deployment: Object, track: Track, template: Object, replicas: int, progress: Progress | None) -> Object:
    """Return the Deployment of a track; it goes with the one that it stands beside.

    Args:
        deployment: That one.
        track: Which track.
        template: Of its pods.
        replicas: How many.
        progress: How far the delivery is, which the canary keeps.
    """
    metadata, spec = deployment["metadata"], deployment["spec"]
    labels = {**(template["metadata"].get("labels") or {}), TRACK: track}
    own = {"matchLabels": {**(spec["selector"].get("matchLabels") or {}), TRACK: track}}
    owner = {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"], "controller": True,
        "blockOwnerDeletion": True,
    }  # fmt: skip
    return {
        "metadata": {
            "name": name_of(deployment, track),
            "namespace": metadata["namespace"],
            "labels": {**(metadata.get("labels") or {}), TRACK: track},
            "annotations": {PROGRESS: encode(progress).decode()} if progress is not None else {},
            "ownerReferences": [owner],
        },
        "spec": {
            "replicas": replicas,
            "selector": {**spec["selector"], **own},
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            "progressDeadlineSeconds": spec.get("progressDeadlineSeconds", 600),
            "minReadySeconds": spec.get("minReadySeconds", 0),
        },
    }


def template_of(deployment: Object) -> Object:
    """Return the pod template of a Deployment without what marks its track."""
    template: Object = copy.deepcopy(deployment["spec"]["template"])
    for label in (TRACK, TEMPLATE_HASH):
        (template["metadata"].get("labels") or {}).pop(label, None)
    # The server writes it as null, and says nothing of it where it was not there.
    template["metadata"].pop("creationTimestamp", None)
    return template


def progress_of(canary: Object) -> Progress:
    """Return how far the delivery is that a canary keeps.

    Raises:
        InvalidConfigError: It keeps none that can be read.
    """
    text = (canary["metadata"].get("annotations") or {}).get(PROGRESS)
    if text is None:
        name = canary["metadata"]["name"]
        raise InvalidConfigError(
            f"Deployment {name} is no canary of ours", path="target", found=name, expected=f"annotation {PROGRESS}",
            suggestions=["it is in the way: give it another name"],
        )  # fmt: skip
    return decode(str(text).encode(), Progress)


async def read_canary(client: KubeClient, deployment: Object, track: Track = "canary") -> Object | None:
    """Return the Deployment of a track; None where there is none."""
    try:
        return await client.get(DEPLOYMENTS, name_of(deployment, track), deployment["metadata"]["namespace"])
    except NotFoundError:
        return None


async def remove(client: KubeClient, deployment: Object) -> list[str]:
    """Remove what stands beside a Deployment, and return its names."""
    removed = []
    for track in ("canary", "baseline"):
        found = await read_canary(client, deployment, track)
        if found is None or not _is_ours(found, deployment):
            continue
        metadata = found["metadata"]
        try:
            await client.delete(DEPLOYMENTS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except NotFoundError:
            continue
        removed.append(f"deployment/{metadata['name']}")
    return removed


def _is_ours(found: Object, deployment: Object) -> bool:
    owners = found["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == deployment["metadata"]["uid"] for one in owners)


async def changed_template(client: KubeClient, deployment: Object, patch: Object) -> Object:
    """Return the pod template that a strategic merge patch of it makes, by the server's own dry run.

    Raises:
        InvalidConfigError: It changes nothing, or the server takes it for a fault.
    """
    metadata = deployment["metadata"]
    written = await client.patch(
        DEPLOYMENTS, metadata["name"], metadata["namespace"], {"spec": {"template": patch}}, dry_run=True,
        content_type="application/strategic-merge-patch+json",
    )  # fmt: skip
    template = template_of(written.object)
    if template == template_of(deployment):
        raise InvalidConfigError(
            "image: the Deployment has this version already", path="image", found=metadata["name"], expected="a new version",
            suggestions=["name another image, or other changes"],
        )  # fmt: skip
    return template


def image_patch(deployment: Object, image: str, container: str, changes: dict[str, Any]) -> Object:
    """Return the patch of the pod template for a new image and other changes.

    Raises:
        InvalidConfigError: Nothing is changed, or it is not clear which container is meant.
    """
    names = [str(one["name"]) for one in deployment["spec"]["template"]["spec"]["containers"]]
    if not image and not changes:
        raise InvalidConfigError(
            "image: nothing is changed", path="image", expected="a new image, or changes of the pod template", suggestions=["--image NAME:TAG"]
        )  # fmt: skip
    if image and (container or len(names) == 1) and (container or names[0]) in names:
        patch = copy.deepcopy(changes)
        patch.setdefault("spec", {}).setdefault("containers", []).append(
            {"name": container or names[0], "image": image}
        )
        return patch
    if image:
        raise InvalidConfigError(
            "container: it is not clear which one gets the image", path="container", found=container, expected=" or ".join(names)
        )  # fmt: skip
    return changes
