"""The applied objects of a tenant in the form that decisions need; rebuilt whole whenever an object changes."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from outrider.core.agent_config import AgentConfig, CommandConfig, PluginConfig, PolicyConfig, TriggerConfig
from outrider.core.codec import digest, to_builtins
from outrider.core.errors import NotFoundError
from outrider.core.objects import Object
from outrider.core.policy import ApprovalTerms, PolicyRule
from outrider.kinds.actionagent.model import ActionAgentSpec
from outrider.kinds.agenttype.identity import identity_keys
from outrider.kinds.agenttype.render import NAMED_KINDS
from outrider.kinds.output.model import OutputSpec
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.policy.rules import policy_rule
from outrider.kinds.rule.steps import Action
from outrider.kinds.sensoragent.model import SensorAgentSpec
from outrider.orchestrator.queue_use import queue_use, with_queue
from outrider.orchestrator.rules import RuleIndex
from outrider.runtime.plugins.catalogue import Catalogue

WORKER = "worker"


class Applied(msgspec.Struct, frozen=True):
    """An object and who applied it."""

    item: Object
    applied_by: str


class World:
    """What the objects say.

    Args:
        applied: The objects of one tenant.
        catalogue: The plugins at hand.

    Attributes:
        queue_use: What goes through the platform's queue.
        platform: The Platform's spec.
    """

    def __init__(self, applied: Iterable[Applied], catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._objects = {(entry.item.kind, entry.item.name): entry for entry in applied}
        self.rules = RuleIndex((entry.item, entry.applied_by) for entry in self._of_kind("Rule"))
        declared = self._platform()
        self.queue_use = queue_use(declared, self.objects())
        # With the queue that its objects need; defaults where none is declared.
        self.platform = with_queue(declared, self.queue_use)
        self.policies = [policy_rule(entry.item) for entry in self._of_kind("Policy")]

    def _of_kind(self, kind: str) -> list[Applied]:
        return [entry for (found, _), entry in sorted(self._objects.items()) if found == kind]

    def scheduled_calls(self) -> list[Applied]:
        """Return the applied OperatorCalls."""
        return self._of_kind("OperatorCall")

    def objects(self) -> list[Object]:
        """Return every object."""
        return [entry.item for entry in self._objects.values()]

    def declared_agents(self) -> dict[str, str]:
        """Return the kind of each agent that should be there, the platform's own worker among them."""
        kinds = {"SensorAgent": "sensor", "ActionAgent": "action", "AgentType": "agent"}
        declared = {
            name: kinds[kind]
            for kind, name in self._objects
            if kind in kinds and (kind != "AgentType" or self._starts(name))
        }
        return {WORKER: WORKER, **declared}

    def _platform(self) -> PlatformSpec:
        entries = self._of_kind("Platform")
        spec: PlatformSpec = entries[0].item.spec if entries else PlatformSpec()
        return spec

    def output(self, name: str) -> OutputSpec:
        """Return an output.

        Raises:
            NotFoundError: It was removed.
        """
        entry = self._objects.get(("Output", name))
        if entry is None:
            raise NotFoundError(f"no Output is called '{name}'", found=name)
        spec: OutputSpec = entry.item.spec
        return spec

    def agents_for(self, step: Action) -> list[str]:
        """Return the agents that may do a step: named or labelled by `runOn`, and listing what it uses; an AI agent does its own, and nobody a question."""
        if step.ask is not None:
            return []
        if step.agent is not None:
            return [step.agent] if self._starts(step.agent) else []
        return [
            entry.item.name
            for entry in self._of_kind("ActionAgent")
            if _selected(entry.item, step.run_on) and _offers(entry.item.spec, step)
        ] or ([WORKER] if step.call is not None and step.run_on is None else [])

    def _starts(self, name: str) -> bool:
        """Return whether an AI agent is declared that is started here; that of a Deployment runs in its cluster."""
        found = self.agent_type(name)
        return found is not None and found.item.spec.target_ref is None

    def agent_config(self, kind: str, name: str) -> AgentConfig:
        """Return what an agent is told: nothing where no object declares it, or none does any more.

        The generation is a digest's first bits, so equal content is equal.
        """
        if kind == WORKER:
            config = self._worker_config()
        elif kind == "agent":
            config = self._workload_config(name)
        else:
            entry = self._objects.get(("SensorAgent" if kind == "sensor" else "ActionAgent", name))
            if entry is None:
                return AgentConfig(generation=0)
            spec = entry.item.spec
            config = _sensor_config(spec) if isinstance(spec, SensorAgentSpec) else self._action_config(name, spec)
        platform = self.platform
        config.commands = {
            key: CommandConfig(argv=c.argv, arguments=c.arguments) for key, c in platform.commands.items()
        }
        config.audit_seconds = float(platform.retention.audit)
        config.secrets = {key: to_builtins(source) for key, source in platform.secrets.items()}
        config.policies = [_policy_config(policy) for policy in self.policies if policy.condition is None]
        config.generation = int(digest(config)[:12], 16)
        return config

    def _action_config(self, name: str, spec: ActionAgentSpec) -> AgentConfig:
        plugins = [PluginConfig(plugin=use.plugin, config=use.config) for use in spec.uses()]
        return AgentConfig(
            generation=0,
            plugins=[*plugins, *self._outputs_on(name)],
            operations=spec.operations,
            concurrency=spec.concurrency,
            sandbox=spec.sandbox,
        )

    def demanded_approvals(self) -> list[ApprovalTerms]:
        """Return whom Tools want to be asked before they are called."""
        terms = [entry.item.spec.access.require_approval for entry in self._of_kind("Tool")]
        return [one for one in terms if one is not None]

    def agent_type(self, name: str) -> Applied | None:
        """Return an AgentType, or None."""
        return self._objects.get(("AgentType", name))

    def _workload_config(self, name: str) -> AgentConfig:
        found = self.agent_type(name)
        if found is None:
            return AgentConfig(generation=0)
        named = [entry.item.document() for kind in NAMED_KINDS for entry in self._of_kind(kind)]
        keys = identity_keys(self.objects())
        return AgentConfig(generation=0, concurrency=1, workload=[found.item.document(), *named], protected=keys)

    def _worker_config(self) -> AgentConfig:
        return AgentConfig(generation=0, plugins=self._outputs_on(None), operations=["*"], concurrency=8)

    def _outputs_on(self, agent: str | None) -> list[PluginConfig]:
        specs = [entry.item.spec for entry in self._of_kind("Output")]
        return [
            PluginConfig(plugin=spec.plugin, type="output", config=spec.config)
            for spec in specs
            if spec.run_on == agent
        ]


def _sensor_config(spec: SensorAgentSpec) -> AgentConfig:
    triggers = [
        TriggerConfig(
            name=trigger.name,
            plugin=trigger.plugin,
            config=trigger.config,
            labels=trigger.labels,
            repeat_every=float(trigger.repeat_every),
        )
        for trigger in spec.triggers
    ]
    return AgentConfig(generation=0, triggers=triggers, sandbox=spec.sandbox)


def _selected(agent: Object, run_on: str | dict[str, str] | None) -> bool:
    if run_on is None or run_on == agent.name:
        return True
    return isinstance(run_on, dict) and run_on.items() <= agent.metadata.labels.items()


def _offers(spec: Any, step: Action) -> bool:
    if step.plugin is not None:
        return any(use.plugin == step.plugin for use in spec.uses())
    return any(fnmatchcase(step.call or "", pattern) for pattern in spec.operations)


def _policy_config(policy: PolicyRule) -> PolicyConfig:
    return PolicyConfig(
        name=policy.name,
        principals=policy.principals,
        operations=policy.operations,
        targets=policy.targets,
        verdict=str(policy.verdict),
    )
