"""What is chosen, compared with two others: the same rules written down once more, and nuget.exe itself."""

import re
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.operators.packages.nuget.deciding import Decision, decide
from outrider.operators.packages.nuget.frameworks import read_framework
from outrider.operators.packages.nuget.graph import Graph
from outrider.operators.packages.nuget.packages import Need, NugetPackage
from outrider.operators.packages.nuget.ranges import read_range
from outrider.operators.packages.nuget.records import Entry, NugetRecord, NugetRelease, PageRecord
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_oracle import Project, nuget_program, restored
from outrider.operators.packages.tests.nuget_reference import Chosen, Feed, Needs, begins_as_high, chosen, pick
from outrider.operators.packages.tests.nuget_universes import VERSIONS, Drawn, drawn

FAULTS = {
    "NU1101": "missing", "NU1102": "missing", "NU1103": "missing", "NU1106": "undecided", "NU1108": "cycle", "NU1107": "conflict",
    "NU1605": "lowered",
}  # fmt: skip
# Of these NuGet tells the first that there is, and not what comes after it.
CODE = re.compile(r"NU\d{4}")
WORST_FIRST = ("undecided", "missing", "cycle", "conflict", "lowered")


def decided(feed: Feed, asked: Needs) -> Decision:
    """Decide as the resolver does, with no source between."""
    names = {*feed, *asked, *(name for versions in feed.values() for needs in versions.values() for name in needs)}
    packages = {}
    for name in sorted(names):
        entries = [
            Entry(version, release=msgspec.msgpack.encode(NugetRelease([("", list(needs.items()))])))
            for version, needs in feed.get(name, {}).items()
        ]
        record = NugetRecord(name=name, pages=[PageRecord("", "", entries)])
        packages[name] = NugetPackage(name, [(0, record)], read_framework("net8.0"), ADMIT_ALL)
    graph = Graph(packages, [Need(name, read_range(text)) for name, text in asked.items()])
    assert graph.expand(lambda: None) == []
    return decide(graph.top, lambda: None)


def faults(decision: Decision) -> set[str]:
    found = {
        "cycle": decision.cycles, "missing": decision.missing, "conflict": decision.conflicts, "lowered": decision.lowered,
        "undecided": decision.undecided,
    }  # fmt: skip
    return {fault for fault, places in found.items() if places}


def worst(found: "set[str] | frozenset[str]") -> str:
    return next((fault for fault in WORST_FIRST if fault in found), "")


def compare(seed: int) -> None:
    """Compare both for a feed that is drawn."""
    feed, asked = drawn(Random(seed))
    decision, expected = decided(feed, asked), chosen(feed, asked)
    if "undecided" in expected.faults and not decision.undecided:
        return  # copies of what is rejected elsewhere count there
    assert worst(faults(decision)) == worst(expected.faults), seed
    if "missing" not in expected.faults:
        assert faults(decision) == expected.faults, seed
        assert {name: node.item.version for name, node in decision.accepted.items()} == expected.versions, seed


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32))
def test_the_same_rules_written_down_once_more_choose_the_same(seed: int) -> None:
    compare(seed)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_the_same_for_very_many() -> None:
    for seed in range(100_000):
        compare(seed)


def test_the_feeds_that_are_drawn_have_all_kinds_of_answers() -> None:
    """Else the comparisons would show little."""
    found: dict[str, int] = {}
    for seed in range(1_000):
        fault = worst(chosen(*drawn(Random(seed))).faults)
        found[fault] = found.get(fault, 0) + 1
    assert set(found) == {"", *WORST_FIRST}
    assert found[""] > 400


@pytest.mark.parametrize("near", ["1.0.0", "1.2.0-beta", "*", "1.*", "*-*", "1.1.*", "(, 2.0.0]", "2.0.0-*"])
@pytest.mark.parametrize("far", ["1.0.0", "2.0.0-rc.1", "[1.1.0, 2.0.0)", "1.*-*"])
def test_the_reference_agrees_on_small_things(near: str, far: str) -> None:
    assert pick(list(VERSIONS), near) != ""
    assert begins_as_high(near, near)
    assert begins_as_high(near, far) or begins_as_high(far, near)


def fill(feed: NugetFeed, packages: Drawn) -> None:
    """Have the packages that were drawn."""
    for name, versions in packages.items():
        for version, needs in versions.items():
            feed.add(f"{name}@{version}", *(f"{other}@{text}" for other, text in needs.items()))


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
@pytest.mark.parametrize("count", [80, pytest.param(3_000, marks=pytest.mark.long)])
@pytest.mark.timeout(1_800)
async def test_nuget_chooses_the_same(count: int, tmp_path: Path) -> None:
    """nuget.exe 5.8 tells of one kind of fault too often: so it is compared with the older rules, which are one condition less."""
    async with NugetFeed() as feed:
        questions = [drawn(Random(f"{count} {number}"), f"c{number}.") for number in range(count)]
        for packages, _ in questions:
            fill(feed, packages)
        theirs = await restored([Project(asked) for _, asked in questions], feed.url, tmp_path / "nuget", timeout=1_500)
        ask = NugetAsking(tmp_path, feed.url)
        for (packages, asked), one in zip(questions, theirs, strict=True):
            told = {FAULTS[code] for code in one.codes if code in FAULTS}
            older, newer = chosen(packages, asked, older=True), chosen(packages, asked)
            assert worst(told) == worst(older.faults), (packages, asked)
            if worst(told) in ("", "lowered"):
                assert one.packages == older.versions, (packages, asked)
            await same_answer(ask, asked, newer, one.codes)


async def same_answer(ask: NugetAsking, asked: Needs, expected: Chosen, codes: frozenset[str]) -> None:
    """Check that the whole way from the source to the answer comes to what is expected, with the same warnings."""
    answer = await ask.answer(*(f"{name}@{text}" for name, text in asked.items()))
    if not isinstance(answer, Resolved):
        assert expected.faults
        assert answer.reasons[-1] == "These cannot all hold at once."
        return
    assert {one.name: one.version for one in answer.packages} == expected.versions
    assert expected.faults <= {"undecided"}
    if "NU1106" not in codes:
        told = {code for note in answer.notes for code in CODE.findall(note)}
        # nuget.exe tells of NU1603 for some of what is not taken too.
        assert told - {"NU1603"} == codes & {"NU1608"}
        assert told <= codes
