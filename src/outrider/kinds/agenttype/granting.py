"""From the grants of an AgentType to what its sidecar is told of tools."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.oauth_settings import ExchangeSettings, OAuthSettings
from outrider.core.policy import ApprovalTerms
from outrider.core.tool_endpoints import A2aTransport, PluginTransport, ToolAccess, ToolEndpoint
from outrider.core.tool_oauth import OAuth
from outrider.core.tool_settings import (
    A2aServerSettings,
    AnyToolServer,
    HttpServerSettings,
    OpenApiServerSettings,
    PluginServerSettings,
    StdioServerSettings,
    ToolGrantSettings,
    ToolSearchSettings,
    ToolsSettings,
)
from outrider.kinds.agenttype.identity import shown
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.place import Place
from outrider.kinds.agenttype.tools import ToolSearch, ToolUse

# The server of operations; no Tool can be called so.
OPERATIONS = "@operations"
# How long a call may wait for its agent.
LONGEST_QUEUE_SECONDS = 60.0


def tool_name(operation: str) -> str:
    """Return the name of the tool that stands for an operation."""
    return operation.replace(".", "_", 1)


def granted(name: str, spec: AgentTypeSpec, endpoints: Mapping[str, ToolEndpoint], place: Place) -> ToolsSettings:
    """Return what a sidecar is told.

    Args:
        name: Of the agent.
        spec: It.
        endpoints: All Tools, by name.
        place: Where it runs.

    Raises:
        OutriderError: A Tool is not there, or not for this agent, or none has the capability or the version.
    """
    servers: dict[str, AnyToolServer] = {}
    grants = []
    for use in spec.tools:
        if use.operation is not None:
            servers[OPERATIONS] = HttpServerSettings(
                name=OPERATIONS, url="http://operations/mcp", socket=place.operations
            )
            grant = _asking(_grant(use, OPERATIONS, [tool_name(use.operation)], ""), spec.approval)
            grants.append(_waiting(grant) if place.asks else grant)
        else:
            tool = chosen(use, endpoints, name)
            servers[tool] = server_settings(tool, endpoints, place)
            grant = _grant(use, tool, use.tools, f"{tool}_" if use.prefix is None else use.prefix)
            grants.append(_demanding(_asking(grant, spec.approval), endpoints[tool].access))
    return ToolsSettings(servers=list(servers.values()), grants=grants, search=_search(spec.tool_search))


def chosen(use: ToolUse, endpoints: Mapping[str, ToolEndpoint], agent: str) -> str:
    """Return the name of the Tool that a grant means: of several that have a capability the newest.

    Args:
        use: The grant.
        endpoints: All Tools, by name.
        agent: Who is granted it.

    Raises:
        NotFoundError: There is none.
        DeniedError: It is not for this agent.
        InvalidConfigError: Its version is not the one that is wanted, or the range is none.
    """
    wanted = _range(use.version)
    if use.server is not None:
        found = _open_to(use.server, endpoints, agent)
        if not _fits(found.version, wanted):
            raise InvalidConfigError(
                f"Tool '{use.server}' has another version", path="version", found=found.version, expected=use.version,
                suggestions=["widen the range after a look at what has changed"],
            )  # fmt: skip
        return use.server
    able = {
        name: one for name, one in endpoints.items() if use.capability in one.capabilities and one.access.admits(agent)
    }
    fitting = [name for name, one in able.items() if _fits(one.version, wanted)]
    if not fitting:
        open_to = [one for one in endpoints.values() if one.access.admits(agent)]
        known = sorted({capability for one in open_to for capability in one.capabilities})
        raise NotFoundError(
            f"no Tool of that version has the capability '{use.capability}'", found=", ".join(sorted(able)) or "no Tool that has it",
            expected=", ".join(known) or "a Tool with capabilities",
        )  # fmt: skip
    return max(fitting, key=lambda name: (Version(endpoints[name].version), name))


def _open_to(name: str, endpoints: Mapping[str, ToolEndpoint], agent: str) -> ToolEndpoint:
    found = _named(name, endpoints)
    if not found.access.admits(agent):
        raise DeniedError(
            f"Tool '{name}' is not for this agent", path="server", found=agent, expected=", ".join(found.access.agents or []) or "no agent",
            suggestions=["add the agent to access.agents of the Tool"],
        )  # fmt: skip
    return found


def _named(name: str, endpoints: Mapping[str, ToolEndpoint]) -> ToolEndpoint:
    found = endpoints.get(name)
    if found is None:
        raise NotFoundError(
            f"no Tool is called '{name}'", found=name, expected=", ".join(sorted(endpoints)) or "a Tool",
            suggestions=did_you_mean(name, endpoints) or [f"declare a Tool named '{name}'"],
        )  # fmt: skip
    return found


def _range(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise InvalidConfigError(
            f"not a range of versions: {error}", path="version", found=text, expected="for example >=2,<3",
        ) from error  # fmt: skip


def _fits(version: str, wanted: SpecifierSet) -> bool:
    try:
        return wanted.contains(Version(version), prereleases=True)
    except InvalidVersion as error:
        raise InvalidConfigError(
            f"not a version: {error}", path="version", found=version, expected="for example 2.1.0"
        ) from error


def server_settings(name: str, endpoints: Mapping[str, ToolEndpoint], place: Place) -> AnyToolServer:
    """Return what a sidecar is told of a Tool.

    Args:
        name: Of the Tool.
        endpoints: All of them, by name.
        place: Where the agent runs.

    Raises:
        NotFoundError: There is none of that name.
        InvalidConfigError: It wants to see a certificate, and the agent has none.
    """
    endpoint, folder, identity = _named(name, endpoints), place.folder, place.identity
    transport, version = endpoint.transport, endpoint.version
    http, stdio, openapi = transport.http, transport.stdio, transport.openapi
    if http is not None:
        return HttpServerSettings(
            name=name, version=version, url=http.url, token=http.token, headers=http.headers,
            oauth=_oauth(http.oauth, folder), ca=folder / http.ca if http.ca else None,
            mutual_tls=shown(http.mutual_tls, identity, f"Tool '{name}'"),
        )  # fmt: skip
    if openapi is not None:
        document = openapi.document if "://" in openapi.document else str(folder / openapi.document)
        return OpenApiServerSettings(
            name=name, version=version, document=document, url=openapi.url, token=openapi.token, headers=openapi.headers,
            oauth=_oauth(openapi.oauth, folder), ca=folder / openapi.ca if openapi.ca else None,
            mutual_tls=shown(openapi.mutual_tls, identity, f"Tool '{name}'"),
        )  # fmt: skip
    if transport.a2a is not None:
        return _agent(name, version, transport.a2a, place)
    if transport.plugin is not None:
        return _plugin(name, version, transport.plugin, folder)
    assert stdio is not None  # one of them is
    return StdioServerSettings(
        name=name, version=version, command=stdio.command, env=stdio.env, base=folder, folder=folder / stdio.folder,
        read=stdio.read, write=stdio.write, ports=stdio.ports, min_level=stdio.min_level, memory=int(stdio.memory),
        processes=stdio.processes,
    )  # fmt: skip


def check_hook(name: str, endpoints: Mapping[str, ToolEndpoint], agent: str) -> None:
    """Check that a Tool may look at the prompts of an agent.

    Raises:
        NotFoundError: There is none of that name.
        DeniedError: It is not for this agent, or wants somebody to be asked, and nobody is for a prompt.
    """
    access = _open_to(name, endpoints, agent).access
    if access.require_approval is not None:
        raise DeniedError(
            f"Tool '{name}' wants somebody to be asked before each call", path="server", found=name,
            expected="a Tool without access.requireApproval", suggestions=["declare another Tool for prompts"],
        )  # fmt: skip


def _agent(name: str, version: str, a2a: A2aTransport, place: Place) -> AnyToolServer:
    return A2aServerSettings(
        name=name, version=version, url=a2a.url, token=a2a.token, headers=a2a.headers,
        ca=place.folder / a2a.ca if a2a.ca else None,
        mutual_tls=shown(a2a.mutual_tls, place.identity, f"Tool '{name}'"),
    )  # fmt: skip


def _plugin(name: str, version: str, plugin: PluginTransport, folder: Path) -> AnyToolServer:
    return PluginServerSettings(
        name=name, version=version, plugin=plugin.id, config=plugin.config, base=folder, min_level=plugin.min_level
    )  # fmt: skip


def _oauth(oauth: OAuth | None, folder: Path) -> OAuthSettings | None:
    if oauth is None:
        return None
    exchange = oauth.exchange
    return OAuthSettings(
        client_id=oauth.client_id, token_url=oauth.token_url, issuer=oauth.issuer, client_secret=oauth.client_secret,
        client_key=oauth.client_key, key_id=oauth.key_id, auth_method=oauth.auth_method, scope=oauth.scope,
        resource=oauth.resource, audience=oauth.audience, ca=folder / oauth.ca if oauth.ca else None,
        exchange=ExchangeSettings(
            subject_token=exchange.subject_token, subject_token_type=exchange.subject_token_type
        ) if exchange is not None else None,
    )  # fmt: skip


def _grant(use: ToolUse, server: str, tools: list[str], prefix: str) -> ToolGrantSettings:
    limits = use.limits
    return ToolGrantSettings(
        server=server, tools=tools, prefix=prefix, arguments=use.arguments, when=use.when,
        approval=use.require_approval, elicit=use.elicit,
        timeout=float(limits.timeout), calls_per_minute=limits.calls_per_minute, longest_result=int(limits.longest_result),
    )  # fmt: skip


def _asking(grant: ToolGrantSettings, approval: ApprovalTerms | None) -> ToolGrantSettings:
    """Return a grant that asks of changes, where it asks nobody itself."""
    if approval is None or grant.approval is not None:
        return grant
    return msgspec.structs.replace(grant, approval=approval, asks_of_changes=True)


def _demanding(grant: ToolGrantSettings, access: ToolAccess) -> ToolGrantSettings:
    """Return a grant with what the Tool demands besides: its own people are asked then, and nobody else in their place."""
    terms = access.require_approval
    return (
        grant if terms is None else msgspec.structs.replace(grant, approval=terms, asks_of_changes=False, elicit=False)
    )


def _search(search: ToolSearch | None) -> ToolSearchSettings | None:
    if search is None:
        return None
    return ToolSearchSettings(list_up_to=search.list_up_to, embedding=search.embedding)


def _waiting(grant: ToolGrantSettings) -> ToolGrantSettings:
    """Return a grant for which somebody else asks: a call then takes as long as that may."""
    longest = LONGEST_QUEUE_SECONDS + (float(grant.approval.expire) if grant.approval is not None else 0.0)
    return msgspec.structs.replace(grant, approval=None, asks_of_changes=False, timeout=grant.timeout + longest)
