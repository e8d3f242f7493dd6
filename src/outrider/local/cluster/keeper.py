"""The first process of a cluster's namespaces: makes the node, starts its processes, and starts again whichever ends.

    python -m outrider.local.cluster.keeper NAME [--registry ADDRESS]

With it everything of the cluster ends, as the kernel ends all processes of a namespace with the first one of it.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from contextlib import suppress

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError
from outrider.local.cluster import components, machine
from outrider.local.cluster.components import Component, Place
from outrider.local.cluster.configuration import PAUSE_IMAGE, write_configuration, write_resolvers
from outrider.local.cluster.images import import_command, write_pause
from outrider.local.cluster.layout import Addresses, ClusterLayout, ClusterState, NodeState
from outrider.local.cluster.pki import write_certificates
from outrider.local.cluster.readiness import Readiness
from outrider.ports.process.init import Init

START_SECONDS = 90.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_POLL = 0.1
_LOOK_SECONDS = 30.0
_LARGEST_LOG = 64 * 1024 * 1024
_STOP_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY = 0.5, 15.0, 30.0


class Keeper:
    """Keeps one cluster.

    Args:
        layout: Its paths.
        state: What is known of it so far.
        registry: Where all images are pulled from; empty for their own registries.
    """

    def __init__(self, layout: ClusterLayout, state: ClusterState, registry: str) -> None:
        self._layout, self._state, self._registry = layout, state, registry
        self._node = NodeState()
        self._place = Place(
            layout,
            Addresses(state.place),
            state.programs,
            f"{layout.name}-node",
            machine.uses_cgroup2(),
            not state.ephemeral,
            state.audit,
        )
        self._components: dict[str, Component] = {}
        self._started: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._network: int | None = None

    async def run(self) -> int:
        """Keep the cluster until somebody ends it, and return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        began = time.monotonic()
        status = 0
        try:
            await self._prepare()
            self._init = Init(self._ended)
            await self._until_stopped(began)
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._stop.wait()
                self._look_after()
        except (OutriderError, OSError, RuntimeError, ValueError) as error:
            status = 1
            self._node.phase, self._node.problem = (
                "failed",
                error.message if isinstance(error, OutriderError) else str(error),
            )
            self._layout.write_node(self._node)
        finally:
            await self._end()
        return status

    async def _until_stopped(self, began: float) -> None:
        """Start the node unless somebody ends it meanwhile."""
        starting, stopping = asyncio.create_task(self._start()), asyncio.create_task(self._stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait((starting,))
            return
        starting.result()
        self._node.phase, self._node.seconds = "ready", round(time.monotonic() - began, 2)
        self._layout.write_node(self._node)

    async def _prepare(self) -> None:
        machine.raise_limits()
        machine.make_cgroup(self._place.addresses.device)
        self._layout.logs.mkdir(mode=0o700, exist_ok=True)
        self._layout.data.mkdir(mode=0o711, exist_ok=True)
        write_resolvers(self._place)
        await machine.set_mounts(self._place)
        self._network = await machine.set_network(self._place, egress=self._state.egress)
        write_configuration(self._place, self._registry)
        write_certificates(self._layout, self._place.addresses, self._place.node, time.time())

    async def _start(self) -> None:
        """Start the node's processes, each as soon as what it needs is there.

        Raises:
            DeadlineExceededError: It does not become ready.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                place = self._place
                self._launch(components.etcd(place), components.containerd(place))
                ready = Readiness(place)
                await ready.answers("http://127.0.0.1:2379/health")
                self._launch(components.api_server(place))
                await asyncio.gather(self._import_pause(), ready.api_server())
                self._launch(
                    components.controller_manager(place), components.scheduler(place), components.kubelet(place), components.proxy(place), components.dns(place)
                )  # fmt: skip
                await ready.node()
                self._node.version = await ready.version()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"the cluster was not ready within {START_SECONDS:g} s: {self._unwell()}", found=self._unwell(), expected="a node that is Ready",
                suggestions=[f"outrider cluster logs kubelet {self._layout.name}", f"outrider cluster logs kube-apiserver {self._layout.name}"],
            ) from error  # fmt: skip

    async def _import_pause(self) -> None:
        archive = self._layout.data / "pause.tar"
        write_pause(archive, self._place.programs / "pause", PAUSE_IMAGE)
        command = import_command(self._place.programs / "ctr", str(archive))
        # containerd may not listen yet.
        log, environment = self._layout.logs / "images.log", self._environment()
        while await self._init.run(command, log=log, env=environment) != 0:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_POLL)

    def _launch(self, *started: Component) -> None:
        for component in started:
            self._components[component.name] = component
            self._start_one(component.name)
        self._layout.write_node(self._node)

    def _start_one(self, name: str) -> None:
        if self._stop.is_set():
            return
        self._started[name] = self._loop.time()
        log = self._layout.logs / f"{name}.log"
        pid = self._init.start(name, self._components[name].argv, log=log, env=self._environment())
        self._node.components[name] = pid

    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self._place.programs}:{_PATH}", "HOME": "/root"}

    def _ended(self, name: str, how: str) -> None:
        """Start a process again that has ended, after a pause that grows where it ends soon."""
        lived = self._loop.time() - self._started[name]
        pause = _FIRST_PAUSE if lived > _STEADY else min(self._pauses.get(name, _FIRST_PAUSE / 2) * 2, _LONGEST_PAUSE)
        self._pauses[name] = pause
        sys.stderr.write(f"{name} ended after {lived:.1f} s: {how}; again in {pause:g} s\n")
        self._loop.call_later(pause, self._restart, name)

    def _restart(self, name: str) -> None:
        try:
            self._start_one(name)
            self._layout.write_node(self._node)
        except OSError as error:
            sys.stderr.write(f"{name} cannot be started: {error}\n")
            self._loop.call_later(_LONGEST_PAUSE, self._restart, name)

    def _look_after(self) -> None:
        """Bound the logs, and end where the cluster's folder has gone: nobody would ever find it again."""
        if not self._layout.folder.exists():
            self._stop.set()
        for file in self._layout.logs.glob("*.log"):
            if file.stat().st_size > _LARGEST_LOG:
                os.truncate(file, 0)  # its writer appends, and goes on at the beginning

    def _unwell(self) -> str:
        ended = [name for name in self._components if self._init.pid(name) is None]
        return f"{', '.join(ended)} ended" if ended else "its processes run"

    async def _end(self) -> None:
        """End all processes, and remove what they leave on the machine."""
        self._stop.set()
        init: Init | None = getattr(self, "_init", None)
        if init is not None:
            await init.end_all(_STOP_SECONDS)
            # asyncio's own way of starting programs, which the rest needs, waits for each by its number.
            self._loop.remove_signal_handler(signal.SIGCHLD)
        await machine.remove_cgroup(self._place.addresses.device)
        await machine.remove_network(self._place.addresses, machine=self._network)
        if self._node.phase != "failed":
            self._node.phase = "stopped"
        self._node.components = {}
        with suppress(OutriderError):  # the folder may be gone already
            if self._layout.folder.exists():
                self._layout.write_node(self._node)


def main(arguments: list[str]) -> int:
    """Run the keeper of a cluster."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--registry", default="")
    parser.add_argument("--hold", type=int, nargs="*", default=[])
    given = parser.parse_args(arguments)
    for number in given.hold:
        os.set_inheritable(number, False)  # locks of this process, and not of what it starts
    layout = ClusterLayout(given.name)
    state = layout.read()
    if state is None:
        raise ExecutionFailedError(f"no cluster is called {given.name}", found=str(layout.folder))
    return asyncio.run(_keep(layout, state, given.registry))


async def _keep(layout: ClusterLayout, state: ClusterState, registry: str) -> int:
    return await Keeper(layout, state, registry).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
