from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.model_endpoints import ModelEndpoint
from outrider.core.objects import Object
from outrider.core.source import Path
from outrider.kinds.agenttype.environment import JOINED, reserved
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.models import Llm
from outrider.kinds.agenttype.render import resolved
from outrider.runtime.objects import Fault, ObjectSet


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check what the model cannot: names, addresses, and variables that the sidecar sets."""
    spec: AgentTypeSpec = item.spec
    yield from _environment_faults(spec)
    if spec.wrapper.hooks and spec.wrapper.runtime not in ("auto", "python", "nodejs"):
        yield ("spec", "wrapper", "hooks"), InvalidConfigError(
            "hooks run in Python or Node.js", found=f"runtime: {spec.wrapper.runtime}", expected="runtime: auto, python or nodejs",
            suggestions=["remove the hooks"],
        )  # fmt: skip
    yield from _route_faults(spec.llm, objects)
    if spec.llm.budget is not None:
        yield from _zone_faults(spec.llm.budget.zone)


def find_provider(objects: ObjectSet, name: str) -> ModelEndpoint:
    """Return the spec of a ModelProvider.

    Raises:
        NotFoundError: It is not there.
    """
    found = objects.find("ModelProvider", name)
    if found is None:
        raise NotFoundError(f"no ModelProvider is called '{name}'", found=name)
    spec: ModelEndpoint = found.spec
    return spec


def _environment_faults(spec: AgentTypeSpec) -> Iterator[Fault]:
    for name, value in spec.agent.env.items():
        path: Path = ("spec", "agent", "env", name)
        if reserved(name):
            yield path, InvalidConfigError(
                f"{name} is set by Outrider: it leads to the sidecar", found=name, expected="another variable",
                suggestions=["remove it; keys and addresses of models stand in spec.llm"],
            )  # fmt: skip
        elif name in JOINED and not isinstance(value, str):
            yield path, InvalidConfigError(
                f"{name} is joined with Outrider's own value", found="a secret", expected="text",
                suggestions=["write it as text"],
            )  # fmt: skip


def _route_faults(llm: Llm, objects: ObjectSet) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, route in enumerate(llm.routes):
        path: Path = ("spec", "llm", "routes", number)
        if route.alias in seen:
            yield (*path, "alias"), InvalidConfigError(
                f"two routes are called '{route.alias}'", found=route.alias, expected="a name of its own for each",
                suggestions=["put their providers into one"],
            )  # fmt: skip
        seen.add(route.alias)
        if not route.providers and llm.offline is None:
            yield (*path, "providers"), InvalidConfigError(
                f"route '{route.alias}' has nobody to ask", found="no providers, and no script", expected="a provider",
                suggestions=["add for example {provider: openai, model: gpt-5-mini, key: {secret: openai}}"],
            )  # fmt: skip
        for index, use in enumerate(route.providers):
            place: Path = (*path, "providers", index)
            if use.ref is not None and objects.find("ModelProvider", use.ref) is None:
                yield from objects.reference_fault("ModelProvider", use.ref, (*place, "ref"))
                continue
            try:
                resolved(use, lambda name: find_provider(objects, name)).place()
            except OutriderError as error:
                error.path = ""
                yield place, error


def _zone_faults(zone: str) -> Iterator[Fault]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("spec", "llm", "budget", "zone"), InvalidConfigError(
            f"no time zone is called '{zone}'", found=zone, expected="a name such as Europe/Berlin",
        )  # fmt: skip
