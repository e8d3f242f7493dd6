from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, did_you_mean
from outrider.core.objects import Object
from outrider.core.source import Path
from outrider.core.tool_endpoints import ToolEndpoint
from outrider.kinds.agenttype.environment import JOINED, reserved
from outrider.kinds.agenttype.granting import check_hook, chosen
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.models import Llm
from outrider.kinds.agenttype.render import NAMED_KINDS, References, resolved
from outrider.runtime.discovery import registry
from outrider.runtime.expressions import Expression
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.catalogue import Catalogue


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check what the model cannot: names, addresses, and variables that the sidecar sets."""
    spec: AgentTypeSpec = item.spec
    yield from _name_faults(item, objects)
    yield from _environment_faults(spec)
    if spec.wrapper.hooks and spec.wrapper.runtime not in ("auto", "python", "nodejs"):
        yield ("spec", "wrapper", "hooks"), InvalidConfigError(
            "hooks run in Python or Node.js", found=f"runtime: {spec.wrapper.runtime}", expected="runtime: auto, python or nodejs",
            suggestions=["remove the hooks"],
        )  # fmt: skip
    if spec.wrapper.packages and spec.wrapper.runtime not in ("auto", "python"):
        yield ("spec", "wrapper", "packages"), InvalidConfigError(
            "packages are those of Python", found=f"runtime: {spec.wrapper.runtime}", expected="runtime: auto or python",
            suggestions=["remove the packages"],
        )  # fmt: skip
    known = references(objects, objects.catalogue)
    yield from _route_faults(spec.llm, known)
    yield from _tool_faults(spec, known, item.name)
    for number, hook in enumerate(spec.llm.hooks):
        try:
            check_hook(hook.server, known.tools, item.name)
        except OutriderError as error:
            yield ("spec", "llm", "hooks", number, "server"), _fault(error)
    yield from _queue_faults(spec, objects)
    aliases = [route.alias for route in spec.llm.routes]
    yield from _memory_faults(spec, aliases)
    if spec.tool_search is not None:
        yield from _route_fault(
            spec.tool_search.embedding, ("spec", "toolSearch", "embedding"), aliases, "embeds texts"
        )
    if spec.llm.cache is not None and spec.llm.cache.similar is not None:
        place: Path = ("spec", "llm", "cache", "similar", "embedding")
        yield from _route_fault(spec.llm.cache.similar.embedding, place, aliases, "embeds texts")
    if spec.llm.budget is not None:
        yield from _zone_faults(spec.llm.budget.zone)


def _queue_faults(spec: AgentTypeSpec, objects: ObjectSet) -> Iterator[Fault]:
    """A stream of the platform holds what it publishes itself: with results among its tasks an agent would never end."""
    queue = spec.invocation.queue
    declared = [platform.spec.queue for platform in objects.of_kind("Platform") if platform.spec.queue is not None]
    own = declared[0].stream("") if declared else "OUTRIDER_"
    if queue is not None and queue.stream.upper().startswith(own):
        yield ("spec", "invocation", "queue", "stream"), InvalidConfigError(
            "this stream is the platform's", found=queue.stream, expected=f"a stream whose name does not begin with {own}",
            suggestions=["remove queue: its tasks come from the platform's stream then"],
        )  # fmt: skip


def _name_faults(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Agents of all kinds stand in one list."""
    for kind in ("SensorAgent", "ActionAgent"):
        if objects.find(kind, item.name) is not None:
            yield ("metadata", "name"), InvalidConfigError(
                f"{kind}/{item.name} has this name too", found=item.name, expected="a name of its own for each agent",
                suggestions=["rename one of them"],
            )  # fmt: skip


def references(objects: Iterable[Object], catalogue: Catalogue) -> References:
    """Return what an AgentType among these objects may name.

    Args:
        objects: ModelProviders, Tools and others.
        catalogue: The plugins at hand.
    """
    found: dict[str, dict[str, Any]] = {kind: {} for kind in NAMED_KINDS}
    for item in objects:
        if item.kind in found:
            found[item.kind][item.name] = item.spec
    tools = {name: _with_version(tool, catalogue) for name, tool in found["Tool"].items()}
    return References(providers=found["ModelProvider"], tools=tools)


def _with_version(tool: ToolEndpoint, catalogue: Catalogue) -> ToolEndpoint:
    """Return a Tool with the version of its plugin; of a plugin that is not there the Tool itself tells."""
    plugin = tool.transport.plugin
    if plugin is None or tool.version:
        return tool
    try:
        version = catalogue.find("tool", plugin.id).manifest.version
    except OutriderError:
        version = "0"
    return msgspec.structs.replace(tool, version=version)


def _environment_faults(spec: AgentTypeSpec) -> Iterator[Fault]:
    own = spec.agent.env if spec.agent is not None else {}
    for name, value in own.items():
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


def _route_faults(llm: Llm, known: References) -> Iterator[Fault]:
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
            try:
                resolved(use, known.providers).place()
            except NotFoundError as error:
                yield (*place, "ref"), _fault(error)
            except OutriderError as error:
                error.path = ""
                yield place, error


def _memory_faults(spec: AgentTypeSpec, aliases: list[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, memory in enumerate(spec.memory):
        path: Path = ("spec", "memory", number)
        if memory.name in seen:
            yield (*path, "name"), InvalidConfigError(
                f"two memories are called '{memory.name}'", found=memory.name, expected="a name of its own for each",
                suggestions=["rename one of them"],
            )  # fmt: skip
        seen.add(memory.name)
        if memory.embedding and memory.type != "vector":
            yield (*path, "embedding"), InvalidConfigError(
                "only texts that are found by their meaning are embedded", found=f"type: {memory.type}", expected="type: vector",
                suggestions=["remove embedding"],
            )  # fmt: skip
        else:
            yield from _route_fault(memory.embedding, (*path, "embedding"), aliases, "embeds texts")
        if memory.summary is not None and memory.type != "conversation":
            yield (*path, "summary"), InvalidConfigError(
                "only messages of a conversation are summed up", found=f"type: {memory.type}", expected="type: conversation",
                suggestions=["remove summary"],
            )  # fmt: skip
        elif memory.summary is not None:
            yield from _route_fault(memory.summary.route, (*path, "summary", "route"), aliases, "sums up conversations")


def _route_fault(route: str, path: Path, aliases: list[str], does: str) -> Iterator[Fault]:
    """Check a route that is asked by the sidecar itself; an empty one is none."""
    if route and route not in aliases:
        yield path, InvalidConfigError(
            f"no route is called '{route}'", found=route, expected=", ".join(aliases) or "a route",
            suggestions=did_you_mean(route, aliases) or [f"add a route for a model that {does} to spec.llm.routes"],
        )  # fmt: skip


def _tool_faults(spec: AgentTypeSpec, known: References, agent: str) -> Iterator[Fault]:
    for number, use in enumerate(spec.tools):
        path: Path = ("spec", "tools", number)
        try:
            if use.operation is not None:
                _find_operation(use.operation)
            else:
                chosen(use, known.tools, agent)
        except OutriderError as error:
            field, error.path = (
                error.path or ("operation" if use.operation else "server" if use.server else "capability"),
                "",
            )
            yield (*path, field), _fault(error)
        if use.operation is None and not use.tools:
            yield (*path, "tools"), InvalidConfigError(
                "no tool of the server is named, so none is granted", found="no tools", expected="names of tools",
                suggestions=["add for example tools: [search_issues]"],
            )  # fmt: skip
        if use.when:
            try:
                Expression(use.when, ("arguments",))
            except OutriderError as error:
                yield (*path, "when"), error


def _fault(error: OutriderError) -> InvalidConfigError:
    """Return what is not there as what it is here: a wrong word in a file."""
    return InvalidConfigError(error.message, found=error.found, expected=error.expected, suggestions=error.suggestions)


def _find_operation(name: str) -> None:
    family, _, verb = name.partition(".")
    registry().family(family)[0].operation(verb)


def _zone_faults(zone: str) -> Iterator[Fault]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("spec", "llm", "budget", "zone"), InvalidConfigError(
            f"no time zone is called '{zone}'", found=zone, expected="a name such as Europe/Berlin",
        )  # fmt: skip
