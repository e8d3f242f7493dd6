from hypothesis import given
from hypothesis import strategies as st

from outrider.local.parts import PartStatus
from outrider.surfaces.cli.status import StatusReport, describe


def part(number: int, state: str = "running") -> PartStatus:
    return PartStatus(name=f"agent-{number}", kind="agent", state=state, pid=number + 1)


def lines(parts: list[PartStatus], *, room: int | None, problems: int = 0) -> list[str]:
    report = StatusReport(
        name="shop",
        state="ready",
        url="",
        parts=parts,
        orchestrator=None,
        problems=[f"problem {n}" for n in range(problems)],
    )
    return describe(report, room).splitlines()


def test_what_fits_is_shown_whole() -> None:
    assert len(lines([part(number) for number in range(22)], room=23)) == 23


def test_of_what_does_not_fit_the_rest_is_counted() -> None:
    shown = lines([part(number) for number in range(200)], room=23)
    assert len(shown) == 23
    assert shown[-1] == "  and 179 more that run: outrider status -o wide"


def test_wide_shows_everything() -> None:
    assert len(lines([part(number) for number in range(200)], room=None)) == 201


@given(
    states=st.lists(st.sampled_from(["running", "running", "running", "failed", "crash-loop"]), max_size=60),
    problems=st.integers(0, 4),
    room=st.integers(5, 60),
)
def test_one_screen_unless_more_is_wrong_than_fits(states: list[str], problems: int, room: int) -> None:
    shown = lines([part(number, state) for number, state in enumerate(states)], room=room, problems=problems)
    ill = sum(state != "running" for state in states)
    assert sum("failed" in line or "crash-loop" in line for line in shown) == ill
    assert sum(line.startswith("problem: ") for line in shown) == problems
    assert len(shown) <= max(room, 1 + ill + problems + 1)
