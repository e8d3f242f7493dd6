import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.machines import lease as machine
from tests.core.machines.simulation.agent import Task
from tests.core.machines.simulation.scenario import FAULTS, FAULTY_SECONDS, Fault, Job, Scenario, Simulation
from tests.core.profiles import thorough

seconds = st.floats(0.0, FAULTY_SECONDS)
tasks = st.builds(
    Task,
    seconds=st.floats(1.0, 90.0),
    endings=st.lists(st.sampled_from(["completed", "failed", "timeout"]), min_size=1, max_size=3).map(tuple),
)
jobs = st.builds(Job, on_lost=st.sampled_from(["fail", "retry", "manual"]), attempts=st.integers(1, 3), task=tasks)
faults = st.builds(Fault, at=seconds, kind=st.sampled_from(FAULTS), seconds=st.floats(0.0, 120.0))


def scenarios(most_jobs: int, most_faults: int) -> st.SearchStrategy[Scenario]:
    return st.builds(
        Scenario,
        seed=st.integers(0, 2**32 - 1),
        trouble=st.sampled_from([0.0, 0.1, 0.3]),
        jobs=st.lists(jobs, min_size=1, max_size=most_jobs).map(tuple),
        faults=st.lists(faults, max_size=most_faults).map(tuple),
    )


@settings(thorough, max_examples=150)
@given(scenarios(most_jobs=3, most_faults=8))
def test_rules_hold_whatever_goes_wrong(scenario: Scenario) -> None:
    assert Simulation(scenario).run() == []


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(thorough, max_examples=20_000)
@given(scenarios(most_jobs=6, most_faults=20))
def test_rules_hold_whatever_goes_wrong_at_full_size(scenario: Scenario) -> None:
    assert Simulation(scenario).run() == []


def told(kind: str, at: float, lasting: float = 0.0, *, on_lost: str = "retry", attempts: int = 3) -> Scenario:
    """Return a scenario of one job of 90 seconds and one fault; the job is claimed by `left` in the first second."""
    job = Job(on_lost, attempts, Task(90.0, ("completed",)))  # type: ignore[arg-type]  # texts of this module
    return Scenario(seed=3, trouble=0.0, jobs=(job,), faults=(Fault(at, kind, lasting),))


def course(simulation: Simulation) -> list[tuple[str, int]]:
    """Return who executed, as which attempt."""
    return [(run.agent, run.attempt) for run in simulation.ledger.runs]


def play(scenario: Scenario) -> Simulation:
    simulation = Simulation(scenario)
    assert simulation.run() == []
    assert course(simulation)[0] == ("left", 1)
    return simulation


def test_nothing_goes_wrong() -> None:
    simulation = play(told("clock forward", at=FAULTY_SECONDS))
    assert course(simulation) == [("left", 1)]
    assert simulation.ledger.outcomes == {"job-0": ["completed"]}


def test_stopped_agent_finds_its_work_given_away() -> None:
    simulation = play(told("pause left", at=20, lasting=60))
    assert course(simulation) == [("left", 1), ("right", 2)]
    assert simulation.ledger.results == {("job-0", 2): "completed"}


def test_stopped_agent_whose_work_is_not_to_be_repeated() -> None:
    simulation = play(told("pause left", at=20, lasting=60, on_lost="fail"))
    assert course(simulation) == [("left", 1)]
    assert simulation.ledger.outcomes == {"job-0": ["failed"]}
    assert simulation.ledger.results == {}


@pytest.mark.parametrize(("on_lost", "outcome"), [("fail", "failed"), ("manual", "unknown")])
def test_killed_agent_says_that_it_does_not_know(on_lost: str, outcome: str) -> None:
    simulation = play(told("crash left", at=20, lasting=1, on_lost=on_lost))
    assert simulation.ledger.results == {("job-0", 1): "unknown_outcome"}
    assert simulation.ledger.outcomes == {"job-0": [outcome]}


def test_killed_agent_whose_work_is_repeated() -> None:
    simulation = play(told("crash left", at=20, lasting=1))
    assert [attempt for _, attempt in course(simulation)] == [1, 2]
    assert simulation.ledger.outcomes == {"job-0": ["completed"]}


def test_attempts_run_out() -> None:
    simulation = play(told("crash left", at=20, lasting=1, attempts=1))
    assert course(simulation) == [("left", 1)]
    assert simulation.ledger.outcomes == {"job-0": ["failed"]}


def test_cut_longer_than_the_claim_stops_the_work_before_it_is_handed_on() -> None:
    simulation = play(told("cut left", at=20, lasting=100))
    first, second = simulation.ledger.runs
    assert first.spans[-1][1] < second.spans[0][0]
    assert second.agent == "right"


def test_result_survives_a_cut_and_a_restart() -> None:
    simulation = play(told("restart orchestrator", at=85, lasting=100))
    assert course(simulation) == [("left", 1)]
    assert simulation.ledger.outcomes == {"job-0": ["completed"]}


@pytest.mark.parametrize("kind", ["clock forward", "clock back"])
def test_clock_of_the_orchestrator_moves_no_claim(kind: str) -> None:
    assert course(play(told(kind, at=22))) == [("left", 1)]


def test_cancel_ends_the_work_within_a_renewal() -> None:
    simulation = play(told("cancel", at=20))
    assert simulation.ledger.outcomes == {"job-0": ["cancelled"]}
    assert simulation.ledger.runs[0].spans[-1][1] < 31


def test_simulator_notices_claims_that_follow_the_wall_clock() -> None:
    (breach,) = Simulation(told("clock forward", at=22), follows_wall=True).run()
    assert "left under claim 1" in breach


def test_simulator_notices_an_agent_that_never_stops_by_itself() -> None:
    (breach,) = Simulation(told("cut left", at=20, lasting=100), fences=False).run()
    assert "right under claim" in breach


def test_simulator_notices_results_taken_under_old_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_check_holder", lambda lease, agent, epoch: None)
    breaches = Simulation(told("pause left", at=20, lasting=150, on_lost="fail")).run()
    assert "job-0: failed became executing" in breaches
