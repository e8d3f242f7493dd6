"""What a simulation is about: instructions, and the faults that befall the processes; and how to run it."""

from dataclasses import dataclass
from functools import partial

from outrider.core.events import OnLost
from outrider.core.machines.lease import Lease
from tests.core.machines.simulation.agent import Agent, Task
from tests.core.machines.simulation.ledger import Ledger
from tests.core.machines.simulation.orchestrator import Orchestrator
from tests.core.machines.simulation.world import Network, World

FAULTY_SECONDS = 240.0
HOUR = 3600.0
SETTLING_SECONDS = 5 * HOUR
AGENTS = ("left", "right")
FAULTS = (
    *(f"{fault} {agent}" for fault in ("crash", "pause", "cut") for agent in AGENTS),
    "restart orchestrator",
    "clock forward",
    "clock back",
    "cancel",
)


@dataclass(frozen=True)
class Job:
    """An instruction and how its executions go."""

    on_lost: OnLost
    attempts: int
    task: Task


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at a time, for a while."""

    at: float
    kind: str
    seconds: float


@dataclass(frozen=True)
class Scenario:
    """One course of events; `trouble` is the chance of each message to be lost, late or doubled."""

    seed: int
    trouble: float
    jobs: tuple[Job, ...]
    faults: tuple[Fault, ...]


class Simulation:
    """One orchestrator and two agents in a world where things go wrong for a while."""

    def __init__(self, scenario: Scenario, *, follows_wall: bool = False, fences: bool = True) -> None:
        self.ledger = Ledger()
        self.leases = {
            f"job-{index}": Lease(on_lost=job.on_lost, attempts=job.attempts) for index, job in enumerate(scenario.jobs)
        }
        self._scenario = scenario
        self._world = World(scenario.seed)
        self._network = Network(self._world, scenario.trouble)
        self.orchestrator = Orchestrator(self._world, self.ledger, self.leases, follows_wall=follows_wall)
        self._agents = {name: self._agent(name, fences=fences) for name in AGENTS}
        for fault in scenario.faults:
            self._world.after(fault.at, partial(self._befall, fault))

    def _agent(self, name: str, *, fences: bool) -> Agent:
        agent = Agent(
            self._world,
            name,
            network=self._network,
            orchestrator=self.orchestrator,
            ledger=self.ledger,
            fences=fences,
        )
        agent.tasks.update(zip(self.leases, (job.task for job in self._scenario.jobs), strict=True))
        return agent

    def run(self) -> list[str]:
        """Let it happen, stop the faults, wait until all is quiet; return the breaches of the rules."""
        self.orchestrator.boot()
        for index, agent in enumerate(self._agents.values()):
            self._world.after(float(index), agent.boot)
        self._world.run(FAULTY_SECONDS)
        self._network.calm()
        for agent in self._agents.values():
            agent.cut_off = False
        self._world.run(FAULTY_SECONDS + SETTLING_SECONDS, self._quiet)
        return self.ledger.verdict(list(self.leases))

    def _quiet(self) -> bool:
        return self.orchestrator.settled and all(agent.idle for agent in self._agents.values())

    def _befall(self, fault: Fault) -> None:
        what, _, whom = fault.kind.partition(" ")
        if what == "clock":
            self.orchestrator.jump(HOUR if whom == "forward" else -HOUR)
        elif what == "restart":
            self.orchestrator.crash(fault.seconds)
        elif what == "cancel":
            self.orchestrator.deliver(lambda: self.orchestrator.cancel("job-0"))
        elif what == "crash":
            self._agents[whom].crash(fault.seconds)
        elif what == "pause":
            self._agents[whom].pause(fault.seconds)
        else:
            self._cut(self._agents[whom], fault.seconds)

    def _cut(self, agent: Agent, seconds: float) -> None:
        agent.cut_off = True

        def mend() -> None:
            agent.cut_off = False

        self._world.after(seconds, mend)
