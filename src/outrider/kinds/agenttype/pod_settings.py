"""What the sidecar of a pod is told, and the ConfigMap in which that stands."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from outrider.core.codec import digest, encode
from outrider.core.objects import Object
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import SidecarSettings, TaskSettings
from outrider.kinds.agenttype import layout
from outrider.kinds.agenttype.layout import Ports
from outrider.kinds.agenttype.place import Place
from outrider.kinds.agenttype.render import References, Workload, render

Manifest = dict[str, Any]
_USUAL = Ports()


class PodSettings(msgspec.Struct, frozen=True):
    """What is told.

    Attributes:
        workload: What runs beside the sidecar.
        ports: Of the sidecar.
        settings: Of the sidecar.
        secrets: Names of the Secrets that it reads.
        fixed: A digest of what a running sidecar cannot take over, so that other pods take the place of those that have it otherwise.
    """

    workload: Workload
    ports: Ports
    settings: SidecarSettings
    secrets: list[str]
    fixed: str

    @property
    def name(self) -> str:
        """Name of the ConfigMap: pods that still run keep what they were started for, until the others have taken their place."""
        return settings_name(self.workload.name, self.fixed)

    @property
    def tools(self) -> int:
        """How many tools are granted."""
        return len(self.settings.tools.grants)

    @property
    def model(self) -> str:
        """The route that the program asks first; empty for none."""
        routes = self.settings.llm.routes
        return routes[0].alias if routes else ""

    def config_map(self, metadata: Manifest, shared_with: Literal["group", "all"]) -> Manifest:
        """Return the ConfigMap.

        Args:
            metadata: Of the agent's objects.
            shared_with: Whom the folders of the pod are for.
        """
        plan = self.workload.init.settings(layout.SHARED, layout.FILES)
        preparation = msgspec.structs.replace(plan, shared_with=shared_with)
        data = {
            layout.SIDECAR_FILE: encode(self.settings).decode(),
            layout.PREPARATION_FILE: encode(preparation).decode(),
        }
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "name": self.name}, "data": data}


def settings_name(agent: str, digest: str) -> str:
    """Return the name of the ConfigMap of an agent for pods that were made for something with this digest."""
    return f"{agent}-sidecar-{digest[:8]}"


def pod_settings(item: Object, references: References, taken: Iterable[int]) -> PodSettings:
    """Return what the sidecar of an AgentType's pod is told.

    Args:
        item: The AgentType, with a program.
        references: What it may name.
        taken: Ports on which others of the pod listen.

    Raises:
        OutriderError: What it names is not there.
    """
    ports = _free(taken)
    workload = render(item, _place(ports), references)
    settings = _settings(workload, ports)
    return PodSettings(workload, ports, settings, list(settings.secret_sources), digest(_fixed(settings))[:16])


def secret_names(value: Any) -> set[str]:
    """Return the names of all secrets that settings refer to."""
    found: set[str] = set()
    _gather(value, found)
    return found


def _gather(value: Any, found: set[str]) -> None:
    inner: Iterable[Any] = ()
    if isinstance(value, SecretRef):
        found.add(value.secret)
    elif isinstance(value, msgspec.Struct):
        inner = msgspec.structs.astuple(value)
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    for one in inner:
        # Most say nothing, or are texts and numbers.
        if one and not isinstance(one, str | int | float):
            _gather(one, found)


def _free(taken: Iterable[int]) -> Ports:
    """Return ports that nobody else of the pod has."""
    others = set(taken)
    free = [number for number in range(_USUAL.data, _USUAL.data + len(others) + 3) if number not in others]
    return Ports(data=free[0], admin=free[1], tasks=free[2])


@cache
def _place(ports: Ports) -> Place:
    address = f"127.0.0.1:{ports.data}"
    return Place(
        address=address,
        listen=address,
        shared=layout.SHARED,
        work=layout.WORK,
        state=layout.STATE,
        key=Path("/dev/null"),
        folder=layout.FILES,
    )


def _settings(workload: Workload, ports: Ports) -> SidecarSettings:
    """Return what the sidecar is told. Within a pod nobody else reaches it, so that it asks for no key."""
    invocation = workload.invocation
    tasks = None
    if invocation.port is not None:
        tasks = TaskSettings(
            listen=f"0.0.0.0:{ports.tasks}", url=f"http://127.0.0.1:{invocation.port}", path=invocation.path, ready=invocation.ready,
            timeout=float(invocation.timeout),
        )  # fmt: skip
    told = msgspec.structs.replace(
        workload.sidecar,
        keys=[],
        admin=f"0.0.0.0:{ports.admin}",
        tasks=tasks,
        protected=list(layout.PROTECTED),
        secret_sources={},
    )
    sources = {name: {"folder": str(layout.SECRETS / name)} for name in sorted(secret_names(told))}
    return msgspec.structs.replace(told, secret_sources=sources)


def _fixed(settings: SidecarSettings) -> list[Any]:
    shared = settings.llm.shared
    amounts = [settings.llm.limits, settings.llm.budget] if shared is not None else []
    return [settings.listen, settings.admin, settings.tasks, settings.egress, shared, *amounts]
