"""Calls of operations for their tests: run, plan, and plan followed by run."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import OutriderError
from outrider.core.identity import Principal
from outrider.core.operation import Change
from outrider.core.schema import convert
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import DEPLOYMENTS, Resource
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Context, Environment
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import Implementation, load_operation
from tests.servers.cluster import RealCluster

TIMEOUT = 60.0


class Shop(msgspec.Struct):
    """A namespace of a cluster."""

    client: KubeClient
    namespace: str
    cluster: RealCluster
    state: Path = Path("/nonexistent")

    async def run(self, verb: str, /, *, seconds: float = TIMEOUT, seen: Change | None = None, **params: Any) -> Any:
        """Run an operation in it, as a plan has foreseen it where one is given."""
        code = _code(verb)
        context = self._context(seconds, seen.preconditions if seen else {})
        return await code.run(self._params(code, params), context)

    async def plan(self, verb: str, /, **params: Any) -> Change:
        """Plan an operation in it."""
        code = _code(verb)
        assert code.plan is not None
        return await code.plan(self._params(code, params), self._context(TIMEOUT, {}))

    async def undo(self, verb: str, result: msgspec.Struct, /, **params: Any) -> Any:
        """Run the inverse of a finished call, or return nothing where there is none."""
        code = _code(verb)
        assert code.inverse is not None
        found = code.inverse(self._params(code, params), to_builtins(result))
        return await self.run(found[0], **found[1]) if found else None

    async def refused(self, verb: str, /, **params: Any) -> OutriderError:
        """Run an operation that must fail, and return its error."""
        try:
            done = await self.run(verb, **params)
        except OutriderError as error:
            return error
        raise AssertionError(f"{verb} was done: {done}")

    async def make(
        self, resource: Resource, content: dict[str, Any], *, manager: str = "outrider-kubernetes"
    ) -> dict[str, Any]:
        """Apply an object in it."""
        metadata = {**content["metadata"], **({"namespace": self.namespace} if resource.namespaced else {})}
        written = await self.client.apply(resource, {**content, "metadata": metadata}, manager=manager, force=True)
        return written.object

    async def web(self, **changes: Any) -> dict[str, Any]:
        """Have the Deployment `web` in it."""
        return await self.make(DEPLOYMENTS, deployment(**changes))

    async def settled(self, target: str = "deployment/web") -> None:
        """Wait until its rollout is complete."""
        await self.run("wait", target=target, until="rollout")

    def _params(self, code: Implementation[Any, Any], params: dict[str, Any]) -> Any:
        own = {"namespace": self.namespace} if "namespace" in code.params.__struct_fields__ else {}
        return convert({**own, **params}, code.params)

    def _context(self, seconds: float, preconditions: dict[str, Any]) -> Context:
        environment = Environment(clock=SystemClock(), state=self.state, secrets=Resolver({}))
        return Context(
            principal=Principal("default", "user", "ana"),
            mode="apply",
            deadline=environment.clock.monotonic() + seconds,
            trace_id="0" * 32,
            idempotency_key="key",
            environment=environment,
            preconditions=preconditions,
        )


def _code(verb: str) -> Implementation[Any, Any]:
    return load_operation(registry(), "kubernetes", verb).code
