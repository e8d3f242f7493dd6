"""An AgentType in which every field says something, and what it is rendered to."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.model_endpoints import ModelEndpoint
from outrider.core.mutual_tls import IdentityFiles, MutualTls
from outrider.core.objects import Metadata, Object
from outrider.core.schema import convert
from outrider.core.secrets import SecretRef
from outrider.core.tool_endpoints import HttpTransport, ToolEndpoint, ToolTransport
from outrider.core.tool_settings import ToolsSettings
from outrider.kinds.agenttype.granting import granted
from outrider.kinds.agenttype.model import AgentTypeSpec, Program
from outrider.kinds.agenttype.place import Place
from outrider.kinds.agenttype.render import References, Workload, render
from outrider.kinds.agenttype.tools import ToolUse


def tool(url: str, version: str, capabilities: list[str]) -> ToolEndpoint:
    """Return a Tool."""
    http = HttpTransport(url=url, token=SecretRef("shop"), headers={"x-team": "a"}, ca="ca.pem", mutual_tls=MutualTls())
    return ToolEndpoint(version=version, capabilities=capabilities, transport=ToolTransport(http=http))


IDENTITY = IdentityFiles(certificate=Path("/o/identity.pem"))
PLACE = Place(
    address="127.0.0.1:4180", listen="127.0.0.1:4180", shared=Path("/o/shared"), work=Path("/o/work"),
    state=Path("/o/sidecar"), key=Path("/o/key"), folder=Path("/home/ana/triage"), offline=True,
    operations=Path("/o/operations.sock"), identity=IDENTITY,
)  # fmt: skip
FULL: dict[str, Any] = {
    "agent": {
        "command": ["python3", "triage.py"],
        "image": "triage:1",
        "env": {"LOG_LEVEL": "info", "TOKEN": {"secret": "token", "key": "a"}, "PYTHONPATH": ":lib:", "NO_PROXY": "db"},
        "folder": "/program",
    },
    "wrapper": {
        "runtime": "python",
        "hooks": ["hook.py"],
        "required": True,
        "packages": ["six==1.17.0"],
        "target": {"python": "3.12", "platform": "manylinux_2_28_x86_64"},
    },
    "identity": {"certificate": "svid.pem", "key": "svid_key.pem", "authorities": "bundle.pem"},
    "invocation": {
        "mode": "queue",
        "port": 8000,
        "path": "/run",
        "ready": "/health",
        "timeout": "5m",
        "queue": {"stream": "ORDERS", "subject": "orders.*.created"},
    },
    "llm": {
        "routes": [
            {
                "alias": "default",
                "providers": [
                    {"ref": "inner", "model": "small", "priority": 1, "weight": 3},
                    {
                        "provider": "mine",
                        "dialect": "anthropic",
                        "url": "https://models.internal",
                        "key": {"secret": "mine", "key": "k"},
                        "ca": "ca.pem",
                        "mutualTls": {"server": "spiffe://example.org/models"},
                        "model": "large",
                    },
                    {
                        "provider": "azure",
                        "url": "https://r.openai.azure.com",
                        "hosting": "azure",
                        "apiVersion": "2024-10-21",
                    },
                    {"provider": "bedrock", "region": "eu-west-1"},
                ],
            }
        ],
        "limits": {"requestsPerMinute": 60, "tokensPerMinute": 200_000, "concurrent": 8},
        "budget": {"amount": "5.00 USD", "per": "hour", "zone": "Europe/Berlin", "onExceed": "finish"},
        "prices": "prices.json",
        "usualAnswer": 1000,
        "guard": [{"detect": ["email"], "pattern": "falcon", "name": "project", "in": "prompt", "do": "redact"}],
        "hooks": [{"server": "shop", "tool": "check", "timeout": "2s", "onFailure": "refuse"}],
        "cache": {
            "ttl": "1h",
            "entries": 10,
            "size": "1Mi",
            "similar": {"embedding": "default", "similarity": 0.9},
        },
        "samples": {"share": 0.25, "retention": "3d"},
        "shared": {
            "url": "nats://limits.internal:4222",
            "password": {"secret": "limits", "key": "PASSWORD"},
            "allotment": 0.1,
            "alone": 0.2,
        },
        "offline": {"script": "answers.yaml"},
    },
    "tools": [
        {
            "operation": "host.file_tail",
            "arguments": {"path": "/var/log/*"},
            "when": "arguments.lines < 10",
            "runOn": "hands",
            "requireApproval": {"from": ["oncall"], "expire": "5m"},
            "elicit": True,
            "limits": {"callsPerMinute": 5, "timeout": "3s", "longestResult": "1kB"},
        },
        {"server": "shop", "version": "<3", "tools": ["search"], "prefix": "s_"},
        {"capability": "search", "version": "<2.2", "tools": ["*"]},
    ],
    "approval": {"from": ["owners"], "expire": "6m"},
    "toolSearch": {"listUpTo": 20, "embedding": "default"},
    "memory": [
        {
            "name": "incidents",
            "type": "vector",
            "retention": "90d",
            "quota": {"entries": 1000, "size": "10Mi"},
            "store": {"url": "postgresql://agent@db.internal/memory", "password": {"secret": "db", "key": "k"}},
            "embedding": "default",
        },
        {
            "name": "chat",
            "type": "conversation",
            "summary": {"route": "default", "above": 8000, "keep": 2000, "instructions": "Keep the names of services."},
        },
    ],
    "telemetry": {
        "otlp": {"url": "https://otel.internal:4318", "headers": {"x-key": {"secret": "otel"}}, "ca": "ca.pem"}
    },
    "egress": {"allow": ["api.example.org"], "minLevel": "sealed"},
    "isolation": {"minLevel": "namespaced", "files": {"read": ["logs"], "write": ["out"]}},
    "resources": {"cpu": 2.0, "memory": "1Gi", "processes": 16},
    "scaling": {
        "replicas": 2,
        "most": 20,
        "cpu": 70,
        "triggers": [{"type": "prometheus", "metadata": {"threshold": "5"}, "authentication": "prometheus"}],
    },
    "mesh": {"istio": "sidecar"},
}
REFERENCES = References(
    providers={
        "inner": ModelEndpoint(provider="inner", url="http://10.0.0.1:8000/v1"),
        "other": ModelEndpoint(provider="other", url="http://10.0.0.2:8000/v1"),
    },
    tools={
        "shop": tool("https://shop.internal/mcp", "2.1.0", ["search"]),
        "other": tool("https://other.internal/mcp", "2.2.0", ["search", "other"]),
    },
)


def agent(spec: dict[str, Any]) -> Object:
    """Return an AgentType."""
    return Object(kind="AgentType", metadata=Metadata(name="triage"), spec=convert(spec, AgentTypeSpec))


def rendered(spec: dict[str, Any], place: Place = PLACE) -> Workload:
    """Return what it is rendered to."""
    return render(agent(spec), place, REFERENCES)


def plain(workload: Workload) -> dict[str, Any]:
    """Return a workload as data."""
    return decode(encode(workload), dict[str, Any])


def told(use: ToolUse, endpoints: dict[str, ToolEndpoint], agent: str = "triage") -> ToolsSettings:
    """Return what the sidecar of an agent is told of a grant."""
    spec = AgentTypeSpec(agent=Program(command=["a"]), tools=[use])
    return granted(agent, spec, endpoints, msgspec.structs.replace(PLACE, folder=Path("/home/ana")))
