"""Blue-green: two Deployments of which a Service selects one; the other is the next version, or the one before, kept warm.

The Deployment itself is blue, `NAME-green` the other. Their pods are told apart by the label `outrider.dev/track`.
"""

from typing import Any, Literal

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.canaries import TRACK, template_of
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Place, TargetInOnePlace
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import check_not_paused
from outrider.ports.kube.resources import SERVICES

Colour = Literal["blue", "green"]
MANAGER = "outrider-kubernetes-blue-green"


class BlueGreenPlace(TargetInOnePlace, kw_only=True):
    """Which pair, and which Service leads to it.

    Attributes:
        target: The Deployment; it is the blue one.
        service: The Service; the one of the same name if empty.
        override_owner: Change them although git, a Helm release or a controller declares them, and would set them back.
    """

    target: DeploymentWord
    service: str = ""
    override_owner: bool = False


class Pair(msgspec.Struct, frozen=True):
    """Two Deployments and their Service, as they are.

    Attributes:
        blue: The Deployment itself.
        green: The other one; None before the first time.
        active: Which one the Service selects.
        marked: Whether the pods of blue carry their label yet.
    """

    place: Place
    blue: Live
    green: Live | None
    service: Object
    active: Colour
    marked: bool

    @property
    def idle(self) -> Colour:
        """The one that the Service does not select."""
        return "green" if self.active == "blue" else "blue"

    def name(self, colour: Colour) -> str:
        """Return the name of a Deployment."""
        name = str(self.blue.object["metadata"]["name"])
        return name if colour == "blue" else f"{name}-green"

    def live(self, colour: Colour) -> Live | None:
        """Return a Deployment as it is; None where there is none yet."""
        return self.blue if colour == "blue" else self.green

    @property
    def serving(self) -> Live:
        """The Deployment that the Service selects.

        Raises:
            NotFoundError: It is gone.
        """
        found = self.live(self.active)
        if found is None:
            raise NotFoundError(
                f"service {self.service['metadata']['name']} selects {self.name(self.active)}, which is gone", found=self.active,
                expected="a Deployment that is there",
            )  # fmt: skip
        return found


async def read_pair(params: BlueGreenPlace, place: Place) -> Pair:
    """Read a pair.

    Raises:
        NotFoundError: Deployment or Service is not there.
        ConflictError: Somebody else declares one of them, or it is paused.
        InvalidConfigError: The Service does not select the Deployment's pods.
    """
    blue = await read_live(params.target, place)
    name = blue.object["metadata"]["name"]
    service = await place.client.get(SERVICES, params.service or name, place.namespace)
    try:
        green = await read_live(f"deployment/{name}-green", place)
    except NotFoundError:
        green = None
    if not params.override_owner:
        check_owner(blue.object, blue.title)
        check_owner(service, f"Service {place.namespace}/{service['metadata']['name']}")
    check_not_paused(blue)
    labels, selector = _labels(blue.object), dict((service.get("spec") or {}).get("selector") or {})
    track = selector.pop(TRACK, "")
    if not selector or not selector.items() <= labels.items():
        raise InvalidConfigError(
            f"service: {service['metadata']['name']} does not select the pods of {params.target}", path="service", found=str(selector),
            expected=f"labels of the pods: {labels}", suggestions=["name the Service that does: --service NAME"],
        )  # fmt: skip
    return Pair(
        place, blue, green, service, "green" if track == "green" else "blue", _labels(blue.object).get(TRACK) == "blue"
    )


def _labels(deployment: Object) -> dict[str, str]:
    return dict(deployment["spec"]["template"]["metadata"].get("labels") or {})


def coloured(pair: Pair, colour: Colour, template: Object) -> Object:
    """Return the Deployment of a colour with a pod template, and as many pods as the one that serves."""
    serving = pair.serving.object
    spec, blue = serving["spec"], pair.blue.object
    labels = {**(template["metadata"].get("labels") or {}), TRACK: colour}
    # No controller: people may scale it. It goes with the Deployment that it belongs to.
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": blue["metadata"]["name"],
        "uid": blue["metadata"]["uid"],
    }
    selector = dict(blue["spec"]["selector"].get("matchLabels") or {})
    return {
        "metadata": {
            "name": pair.name(colour),
            "namespace": pair.place.namespace,
            "labels": {**(blue["metadata"].get("labels") or {}), TRACK: colour},
            "ownerReferences": [owner],
        },
        "spec": {
            "replicas": spec["replicas"],
            "selector": {**blue["spec"]["selector"], "matchLabels": {**selector, TRACK: colour}},
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            "strategy": spec.get("strategy") or {},
            "progressDeadlineSeconds": spec.get("progressDeadlineSeconds", 600),
            "minReadySeconds": spec.get("minReadySeconds", 0),
        },
    }


async def switch(pair: Pair, colour: Colour) -> None:
    """Have the Service select a colour, where it is still the Service that was read.

    Raises:
        ConflictError: Somebody has changed the Service meanwhile.
    """
    metadata = pair.service["metadata"]
    found = await pair.place.client.get(SERVICES, metadata["name"], pair.place.namespace)
    if found["metadata"]["uid"] != metadata["uid"] or _plain(found) != _plain(pair.service):
        raise ConflictError(
            f"Service {metadata['name']} was changed meanwhile", found=str(found["spec"].get("selector")), expected=str(pair.service["spec"].get("selector")),
            suggestions=["make a new plan"],
        )  # fmt: skip
    patch: dict[str, Any] = {
        "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
        "spec": {"selector": {TRACK: colour}},
    }
    await pair.place.client.patch(SERVICES, metadata["name"], pair.place.namespace, patch)


def _plain(service: Object) -> Object:
    return {key: value for key, value in (service["spec"].get("selector") or {}).items() if key != TRACK}


def same_template(live: Live | None, template: Object) -> bool:
    """Return whether a Deployment has a pod template already, whatever its colour."""
    return live is not None and template_of(live.object) == template
