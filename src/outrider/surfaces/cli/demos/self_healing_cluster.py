"""`outrider demo self-healing-cluster`: a new version crashes on a real Kubernetes, and Outrider finds out why and rolls it back."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.errors import ExecutionFailedError
from outrider.local.cluster.images import ImageConfig, layer, write_archive
from outrider.local.cluster.lifecycle import Cluster
from outrider.local.cluster.programs import programs_folder
from outrider.local.cluster.requirements import check_machine
from outrider.local.launch import running_platform
from outrider.local.layout import Layout
from outrider.orchestrator.wire import RunDetail
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import DEPLOYMENTS, NAMESPACES
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import PlatformContext
from outrider.runtime.documents import read_text
from outrider.runtime.folders import ObjectFolder
from outrider.surfaces.cli.cluster import load_archive, provide_programs
from outrider.surfaces.cli.demos.stage import example, introduce, shown, verified_records
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.timeline import TimelinePrinter, TimelineReader

EXAMPLE = "self-healing-cluster"
NAMESPACE, DEPLOYMENT, TARGET = "shop", "resolver", "deployment/resolver"
IMAGE = "outrider.dev/resolver:1"
# A file of settings that is not in the image.
BAD_ARGUMENTS = ["-dns.port", "1053", "-conf", "/etc/resolver/Corefile"]
READY_SECONDS, HEAL_SECONDS, LOOK_SECONDS = 60.0, 120.0, 0.2


async def heal_a_cluster() -> int:
    """Show it; 0 only if the Deployment really has its earlier version again and the audit chains hold.

    Raises:
        OutriderError: It does not, or something could not be started.
    """
    check_machine()
    folder = example(EXAMPLE)
    ObjectFolder(folder).read()
    await provide_programs(programs_folder(), None)
    began = time.monotonic()
    async with _own_cluster(), KubeClient(component="demo") as client:
        for document in read_text((folder / "cluster" / "resolver.yaml").read_text(), "resolver.yaml"):
            resource = NAMESPACES if document.data["kind"] == "Namespace" else DEPLOYMENTS
            await client.apply(resource, document.data)
        layout = Layout(folder)
        if not layout.socket.exists():
            (folder / "incidents.jsonl").unlink(missing_ok=True)
            shutil.rmtree(layout.state, ignore_errors=True)
        return await _SelfHealing(client, layout, began).run()


@asynccontextmanager
async def _own_cluster() -> AsyncIterator[Cluster]:
    """Have a cluster whose node has the image, and which this process and its platform find; it ends with this process."""
    cluster = Cluster(EXAMPLE)
    cluster.check_stopped()
    state = await cluster.up(programs_folder(), egress=False, ephemeral=True)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            archive = Path(temporary) / "resolver.tar"
            program = layer({"resolver": ((state.programs / "coredns").read_bytes(), 0o755)})
            write_archive(archive, IMAGE, [program], ImageConfig(entrypoint=["/resolver"], user="65532:65532"))
            await load_archive(cluster, archive)
        os.environ["KUBECONFIG"] = str(cluster.layout.kubeconfig)
        yield cluster
    finally:
        await cluster.down()


class _SelfHealing:
    """One run of the demo."""

    def __init__(self, client: KubeClient, layout: Layout, began: float) -> None:
        self._client, self._layout, self._began = client, layout, began
        self._printer = TimelinePrinter()
        self._run_id = ""

    async def run(self) -> int:
        async with running_platform(self._layout) as status:
            context = PlatformContext(name=status.name, folder=self._layout.folder, state=self._layout.state)
            async with connect_to(context) as platform:
                await self._available(READY_SECONDS)
                await introduce(platform, status, time.monotonic() - self._began)
                self._say(await self._described())
                seconds = await self._break_and_watch(platform)
                self._say(await self._described())
                findings = await self._findings(platform)
        return self._conclude(context, seconds, findings)

    def _say(self, text: str) -> None:
        self._printer.line(time.time(), DEPLOYMENT, text)

    async def _read(self) -> dict[str, Any]:
        return await self._client.get(DEPLOYMENTS, DEPLOYMENT, NAMESPACE)

    async def _described(self) -> str:
        found = await self._read()
        available = (found.get("status") or {}).get("availableReplicas") or 0
        return f"{available} of {found['spec']['replicas']} available, arguments {' '.join(_arguments(found))}"

    async def _available(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = await self._read()
            status = found.get("status") or {}
            if status.get("updatedReplicas") == status.get("availableReplicas") == found["spec"]["replicas"]:
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise ExecutionFailedError(
            f"{TARGET} is not available within {seconds:.0f} s", suggestions=["outrider cluster logs kubelet self-healing-cluster"]
        )  # fmt: skip

    async def _break_and_watch(self, platform: PlatformClient) -> float:
        timeline = TimelineReader(platform)
        await timeline.new(wait=0)
        good = _arguments(await self._read())
        container = {"name": DEPLOYMENT, "args": BAD_ARGUMENTS}
        await self._client.patch(
            DEPLOYMENTS, DEPLOYMENT, NAMESPACE, {"spec": {"template": {"spec": {"containers": [container]}}}},
            content_type="application/strategic-merge-patch+json",
        )  # fmt: skip
        broken_at = time.monotonic()
        self._printer.line(time.time(), "demo", f"rolls out a new version: {' '.join(BAD_ARGUMENTS)}")
        try:
            async with asyncio.timeout(HEAL_SECONDS):
                await self._watch(timeline)
        except TimeoutError as error:
            raise ExecutionFailedError(
                f"the report did not come within {HEAL_SECONDS:.0f} s", suggestions=[f"look into {self._layout.logs}"]
            ) from error
        seconds = time.monotonic() - broken_at
        if _arguments(found := await self._read()) != good:
            raise ExecutionFailedError(
                f"{TARGET} was not rolled back", found=" ".join(_arguments(found)), expected=" ".join(good),
                suggestions=[f"outrider runs show {self._run_id}"],
            )  # fmt: skip
        return seconds

    async def _watch(self, timeline: TimelineReader) -> None:
        """Show the timeline until the report was sent."""
        while True:
            for entry in await timeline.new():
                self._printer.show(entry)
                self._run_id = self._run_id or entry.run
                if entry.kind == "output":
                    return

    async def _findings(self, platform: PlatformClient) -> list[dict[str, Any]]:
        """Return what the rule's diagnosis found.

        Raises:
            OutriderError: The run cannot be read.
        """
        run = await platform.get(f"/v1/runs/{self._run_id}", RunDetail)
        result = next((step.result for step in run.steps if step.step == "diagnosis"), None)
        diagnosis: Any = result.result if result is not None else None
        return list(diagnosis["items"][0]["findings"]) if isinstance(diagnosis, dict) else []

    def _conclude(self, context: PlatformContext, seconds: float, findings: list[dict[str, Any]]) -> int:
        records = verified_records(context)
        folder = shown(context.folder)
        for finding in findings:
            lines = [f"cause     {finding['message']}", *(f"evidence  {line}" for line in finding["evidence"])]
            sys.stdout.write("".join(f"  {printable(line)}\n" for line in lines))
        sys.stdout.write(
            f"rolled back {seconds:.1f} s after the change · audit chain of {records} records verified\n\n"
            f"On your cluster:   outrider up {folder}\n"
            f"Change the rule:   edit {folder}/outrider.yaml\n"
            f"Look inside:       outrider runs show {self._run_id}\n"
            f"Read the report:   {folder}/incidents.jsonl\n"
        )
        return 0


def _arguments(deployment: dict[str, Any]) -> list[str]:
    return list(deployment["spec"]["template"]["spec"]["containers"][0]["args"])
