"""Leader election: cases by hand, and candidates with clocks, delays and pauses of their own, of whom never two act."""

from hypothesis import given
from hypothesis import strategies as st

from outrider.core.machines.election import Candidate, Record, Terms
from tests.core.profiles import quick

TERMS = Terms(duration=15.0, deadline=10.0, retry=2.0)


def record(holder: str, *, version: str = "1", renewed: float = 0.0) -> Record:
    return Record(holder=holder, duration=15.0, renewed=renewed, acquired=0.0, transitions=3, version=version)


class Server:
    """Holds the Lease; a write that names another version than its own is refused."""

    def __init__(self) -> None:
        self.lease: Record | None = None
        self.writes = 0

    def write(self, wanted: Record) -> Record | None:
        if (self.lease.version if self.lease is not None else "") != wanted.version:
            return None
        self.writes += 1
        self.lease = Record(
            holder=wanted.holder, duration=wanted.duration, renewed=wanted.renewed, acquired=wanted.acquired,
            transitions=wanted.transitions, version=str(self.writes),
        )  # fmt: skip
        return self.lease


def lead(candidate: Candidate, server: Server, *, now: float) -> bool:
    """Read, and write where that is wanted; return whether it leads."""
    candidate.saw(server.lease, now=now)
    if candidate.wanted(now=now) != "wait":
        found = server.write(candidate.written(wall=0.0))
        if found is not None:
            candidate.wrote(found, began=now, now=now)
    return candidate.leads(now=now)


def test_the_first_one_makes_the_lease_and_renews_it() -> None:
    server, one = Server(), Candidate("one", TERMS)
    assert one.wanted(now=0.0) == "create"
    assert lead(one, server, now=0.0)
    assert one.wanted(now=2.0) == "renew"
    assert lead(one, server, now=2.0)
    assert (one.epoch, server.lease and server.lease.transitions) == ("0/one", 0)


def test_another_one_waits_for_the_whole_duration_by_its_own_clock() -> None:
    other = Candidate("other", TERMS)
    other.saw(record("one", renewed=1e12), now=100.0)
    assert other.wanted(now=114.9) == "wait", "what the record says of times means nothing"
    other.saw(record("one", renewed=1e12, version="2"), now=114.9)
    assert other.wanted(now=129.0) == "wait", "it has changed"
    assert other.wanted(now=129.9) == "take"
    assert other.written(wall=5.0).transitions == 4


def test_one_that_was_released_is_taken_at_once() -> None:
    server, one, other = Server(), Candidate("one", TERMS), Candidate("other", TERMS)
    lead(one, server, now=0.0)
    assert not lead(other, server, now=0.5)
    gone = one.released(wall=1.0)
    assert gone is not None
    assert not one.leads(now=1.0)
    server.write(gone)
    assert lead(other, server, now=1.0)
    assert one.released(wall=1.0) is None, "it leads no more"


def test_one_that_cannot_renew_acts_no_more_before_anybody_may_take_it() -> None:
    server, one, other = Server(), Candidate("one", TERMS), Candidate("other", TERMS)
    lead(one, server, now=0.0)
    other.saw(server.lease, now=0.0)
    assert (one.leads(now=9.9), one.leads(now=10.0), one.left(now=4.0)) == (True, False, 6.0)
    assert (other.wanted(now=14.9), other.wanted(now=15.0)) == ("wait", "take")


def test_who_began_anew_under_its_name_takes_it_as_anybody_else() -> None:
    again = Candidate("one", TERMS)
    again.saw(record("one"), now=0.0)
    assert again.wanted(now=1.0) == "wait"
    assert again.wanted(now=15.0) == "take"


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2]),  # who
        st.floats(0.0, 12.0),  # how much later
        st.floats(0.0, 14.0),  # how long its write is on its way
        st.booleans(),  # whether the answer comes back
        st.booleans(),  # whether it stops cleanly instead
    ),
    max_size=60,
)


@given(STEPS)
@quick
def test_never_two_act(steps: list[tuple[int, float, float, bool, bool]]) -> None:
    server, candidates = Server(), [Candidate(name, TERMS) for name in ("one", "two", "three")]
    # Each has read another number from its clock at the same moment.
    offset = [0.0, 5000.0, -77.0]
    now = 0.0

    def acting() -> list[str]:
        return [one.identity for one, shift in zip(candidates, offset, strict=True) if one.leads(now=now + shift)]

    for who, later, underway, answered, stops in steps:
        now += later
        candidate, shift = candidates[who], offset[who]
        candidate.saw(server.lease, now=now + shift)
        if stops:
            gone = candidate.released(wall=-now)
            if gone is not None:
                server.write(gone)
        elif candidate.wanted(now=now + shift) != "wait":
            wanted, began = candidate.written(wall=-now), now
            now += underway  # others, and nobody else, do nothing meanwhile: the worst for who waits
            assert len(acting()) <= 1
            found = server.write(wanted)
            if found is not None and answered:
                candidate.wrote(found, began=began + shift, now=now + shift)
        assert len(acting()) <= 1
