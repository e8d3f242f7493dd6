"""The stage of a canary: Deployments beside the one that is delivered to, their pods, and what is counted of them."""

import msgspec

from outrider.core.errors import ConflictError
from outrider.delivery.analysis import Counts
from outrider.delivery.stages import Look, Progress
from outrider.operators.kubernetes.canaries import (
    MANAGER,
    REFUSED,
    Track,
    beside,
    name_of,
    read_canary,
    remove,
    replicas_for,
    template_of,
    version_of,
)
from outrider.operators.kubernetes.canary_signals import Signal, count
from outrider.operators.kubernetes.disruptions import is_ready
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.prometheus import Prometheus
from outrider.operators.kubernetes.settling import broken_pods, wait_until_settled
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import pods_of, rollout_of, wait_for_rollout
from outrider.ports.kube.resources import DEPLOYMENTS
from outrider.runtime.context import Context


class CanaryStage:
    """Delivers a pod template to a Deployment.

    Args:
        live: The Deployment.
        template: The new one.
        signals: What is counted; with none there is no baseline.
        prometheus: Where.
        context: The call.
    """

    def __init__(
        self, live: Live, template: Object, signals: list[Signal], prometheus: Prometheus | None, context: Context
    ) -> None:
        self._live, self._template, self._signals = live, template, signals
        self._prometheus, self._context = prometheus, context
        self._place, self._client = live.place, live.place.client
        self._progress = Progress(version=version_of(template))
        self._replicas = 0
        self._began = context.clock.monotonic()

    async def save(self, progress: Progress) -> None:
        """Keep how far it is at the canary; the first time this makes it, without pods."""
        self._progress = progress
        found = await read_canary(self._client, self._live.object)
        self._replicas = int(found["spec"].get("replicas") or 0) if found is not None else 0
        await self._apply("canary", self._replicas)

    async def prepare(self) -> None:
        """Nothing is left to do: the canary is there, without pods."""

    async def shift(self, percent: int) -> str:
        """Have as many pods of the new version as the share wants, and as many fresh ones of the present version.

        Raises:
            ExecutionFailedError: They do not become ready.
        """
        self._live = await read_live(f"deployment/{self._live.object['metadata']['name']}", self._place)
        present = max(1, rollout_of(self._live.object).wanted)
        self._replicas = replicas_for(percent, present)
        tracks: tuple[Track, ...] = ("canary", "baseline") if self._signals else ("canary",)
        for track in tracks:
            await self._apply(track, self._replicas)
        for track in tracks:
            await wait_until_settled(self._target(track), self._place, self._context)
        self._began = self._context.clock.monotonic()
        everything = present + self._replicas * len(tracks)
        return f"{self._replicas} of {everything} pods ({self._replicas / everything:.0%})"

    async def _apply(self, track: Track, replicas: int) -> None:
        stable = self._live.object
        template = self._template if track == "canary" else template_of(stable)
        wanted = beside(stable, track, template, replicas, self._progress if track == "canary" else None)
        await self._client.apply(DEPLOYMENTS, wanted, manager=MANAGER, force=True)

    async def look(self) -> Look:
        """Look at its pods, and count."""
        if broken := await broken_pods(self._target("canary"), self._place, self._context):
            return Look(broken, {})
        canary = await self._pods("canary")
        if not any(is_ready(pod) for pod in canary):
            # What ended just now was not broken yet when it was looked for that.
            why = await broken_pods(self._target("canary"), self._place, self._context)
            return Look(why or "none of its pods is ready", {})
        if not self._signals or self._prometheus is None:
            return Look("", {})
        counts: dict[str, tuple[Counts, Counts]] = {}
        groups = (canary, await self._pods("baseline"))
        seconds = self._context.clock.monotonic() - self._began
        for signal in self._signals:
            counted = await count(self._prometheus, signal, self._place.namespace, groups, seconds)
            if counted is not None:
                counts[signal.name] = counted
        return Look("", counts)

    def _target(self, track: Track) -> str:
        return f"deployment/{name_of(self._live.object, track)}"

    async def _pods(self, track: Track) -> list[Object]:
        live = await read_live(self._target(track), self._place)
        return await pods_of(live.object, self._place)

    async def promote(self) -> None:
        """Give the Deployment the new template, wait for its rollout, and remove what stands beside it.

        Raises:
            ConflictError: Somebody has changed the Deployment meanwhile.
            ExecutionFailedError: Its rollout failed.
        """
        stable = await read_live(f"deployment/{self._live.object['metadata']['name']}", self._place)
        before, now = template_of(self._live.object), template_of(stable.object)
        if now not in (before, self._template):
            raise ConflictError(
                f"{stable.title} was changed while its canary ran", found="another pod template", expected="that with which the canary began",
                suggestions=[f"outrider kubernetes canary_abort deployment/{stable.object['metadata']['name']}"],
            )  # fmt: skip
        if now != self._template:
            metadata = stable.object["metadata"]
            patch = {
                "metadata": {"resourceVersion": metadata["resourceVersion"]},
                "spec": {"template": {**self._template, "$patch": "replace"}},
            }
            written = await self._client.patch(
                DEPLOYMENTS, metadata["name"], metadata["namespace"], patch, content_type="application/strategic-merge-patch+json"
            )  # fmt: skip
            stable = msgspec.structs.replace(stable, object=written.object)
        await wait_for_rollout(stable, self._context)
        await remove(self._client, stable.object)

    async def roll_back(self) -> None:
        """Remove the new version, and remember that it was taken back."""
        await remove(self._client, self._live.object)
        metadata = self._live.object["metadata"]
        mark = {"metadata": {"annotations": {REFUSED: self._progress.version}}}
        await self._client.patch(DEPLOYMENTS, metadata["name"], metadata["namespace"], mark)
