"""The objects that an AgentType may name, as the cluster has them: read once for each version, and known by a digest."""

from typing import Any

import msgspec

from outrider.core.codec import digest
from outrider.core.errors import OutriderError
from outrider.core.model_endpoints import ModelEndpoint
from outrider.core.objects import Metadata, Object
from outrider.core.schema import convert
from outrider.core.tool_endpoints import ToolEndpoint
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import References
from outrider.kinds.modelprovider.model import ModelProviderSpec
from outrider.kinds.tool.model import ToolSpec
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.objects import KubeObject, plain


class Named(msgspec.Struct, frozen=True):
    """What a namespace has to be named.

    Attributes:
        references: What could be read.
        faults: What could not, by `kind/name`, and why.
        digests: Of each that could be read, by `kind/name`.
    """

    references: References
    faults: dict[str, str]
    digests: dict[str, str]


def read_agent(item: KubeObject) -> Object:
    """Return an AgentType as our own object.

    Raises:
        InvalidConfigError: With all faults of its spec.
    """
    metadata = item.metadata
    spec = convert(plain(item.spec), AgentTypeSpec, base=("spec",))
    return Object(
        kind="AgentType",
        metadata=Metadata(name=metadata.name, uid=metadata.uid, generation=metadata.generation),
        spec=spec,
    )


def named(namespace: str, tools: ObjectCache, providers: ObjectCache) -> Named:
    """Return what a namespace has to be named.

    Args:
        namespace: Which.
        tools: The Tools of the cluster, with the index `namespace`.
        providers: The ModelProviders of the cluster, likewise.
    """
    faults: dict[str, str] = {}
    digests: dict[str, str] = {}

    def read(kind: str, item: KubeObject, model: type[Any]) -> Any:
        name = f"{kind}/{item.metadata.name}"
        try:
            said = plain(item.spec)
            made = convert(said, model, base=("spec",))
        except OutriderError as error:
            faults[name] = error.message
            return None
        digests[name] = digest(said)[:16]
        return made

    found_tools: dict[str, ToolEndpoint] = {}
    found_providers: dict[str, ModelEndpoint] = {}
    for item in tools.found("namespace", namespace):
        if (tool := read("Tool", item, ToolSpec)) is not None:
            found_tools[item.metadata.name] = tool
    for item in providers.found("namespace", namespace):
        if (provider := read("ModelProvider", item, ModelProviderSpec)) is not None:
            found_providers[item.metadata.name] = provider
    return Named(References(providers=found_providers, tools=found_tools), faults, digests)
