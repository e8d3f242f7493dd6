"""What an agent is told to do: the answer to `GET .../config`, derived by the orchestrator from the objects."""

from typing import Any

import msgspec

from outrider.core.confinement import SandboxSpec


class TriggerConfig(msgspec.Struct, kw_only=True):
    """One trigger of a sensor agent; `repeat_every` in seconds."""

    name: str
    plugin: str
    config: dict[str, Any] = {}
    labels: dict[str, str] = {}
    repeat_every: float = 10.0


class PluginConfig(msgspec.Struct, kw_only=True):
    """A plugin to keep warm; `type` is action or output."""

    plugin: str
    type: str = "action"
    config: dict[str, Any] = {}


class CommandConfig(msgspec.Struct, kw_only=True):
    """A command that `host.command_run` may start."""

    argv: list[str]
    arguments: list[str] = []


class PolicyConfig(msgspec.Struct, kw_only=True):
    """A Policy for the agent's own invoker; conditions in CEL are judged by the orchestrator only."""

    name: str
    principals: list[str]
    operations: list[str]
    targets: list[str]
    verdict: str


class AgentConfig(msgspec.Struct, kw_only=True):
    """Everything that an agent needs to know; `generation` grows with every change.

    Attributes:
        operations: Patterns of operations that may be called here.
        secrets: Sources of secrets by name, as Platform.spec.secrets declares them; never values.
        workload: Of an AI agent its AgentType and what that names, as documents; the AgentType comes first.
        protected: Of an AI agent: files with keys of other agents, which its program must not see.
        audit_seconds: How long the records of its audit chain are kept.
    """

    generation: int
    triggers: list[TriggerConfig] = []
    plugins: list[PluginConfig] = []
    operations: list[str] = []
    concurrency: int = 4
    sandbox: SandboxSpec = msgspec.field(default_factory=SandboxSpec)
    commands: dict[str, CommandConfig] = {}
    policies: list[PolicyConfig] = []
    secrets: dict[str, dict[str, Any]] = {}
    workload: list[dict[str, Any]] = []
    protected: list[str] = []
    audit_seconds: float = 400 * 86_400.0
