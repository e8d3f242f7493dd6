"""Which version NuGet takes for a range: the tables of its documentation, and what nuget.exe itself takes."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.nuget.ranges import allows, best, normalised, reaches, read_range
from outrider.operators.packages.nuget.records import table_of
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_oracle import Project, nuget_program, restored

VERSIONING = "https://learn.microsoft.com/nuget/concepts/package-versioning"
RESOLUTION = "https://learn.microsoft.com/nuget/concepts/dependency-resolution"
WALKER = "https://github.com/NuGet/NuGet.Client: RemoteDependencyWalker.IsGreaterThanOrEqualTo"
RANGE = "https://github.com/NuGet/NuGet.Client: VersionRange.IsBetter"
# Where a rule stands, a range, the versions that there are, and which of them is taken.
RULES = [
    (f"{RESOLUTION}#lowest-applicable-version", "1.0.0", "1.0.0-beta 1.0.0 1.1.0", "1.0.0"),
    (f"{RESOLUTION}#lowest-applicable-version", "2.1.0", "2.0.0 2.2.0 3.0.0", "2.2.0"),
    (f"{RESOLUTION}#lowest-applicable-version", "[1.2.0]", "1.1.0 1.3.0", ""),
    (f"{RESOLUTION}#floating-versions", "6.0.*", "6.0.0 6.0.1 6.1.0", "6.0.1"),
    (f"{VERSIONING}#floating-version-resolutions", "*", "1.1.0 1.1.1 1.2.0 1.3.0-alpha", "1.2.0"),
    (f"{VERSIONING}#floating-version-resolutions", "1.1.*", "1.1.0 1.1.1 1.1.2-alpha 1.2.0-alpha", "1.1.1"),
    (f"{VERSIONING}#floating-version-resolutions", "*-*", "1.1.0 1.1.1 1.1.2-alpha 1.3.0-beta", "1.3.0-beta"),
    (f"{VERSIONING}#floating-version-resolutions", "1.1.*-*", "1.1.0 1.1.1 1.1.2-alpha 1.1.2-beta 1.3.0-beta", "1.1.2-beta"),
    (f"{VERSIONING}#floating-version-resolutions", "1.2.0-rc.*", "1.1.0 1.2.0-rc.1 1.2.0-rc.2 1.2.0 1.2.1", "1.2.0"),
    (f"{VERSIONING}#version-ranges", "(1.0.0, )", "1.0.0 1.1.0", "1.1.0"),
    (f"{VERSIONING}#version-ranges", "(, 1.0.0]", "0.8.0 0.9.0 1.0.0", "0.8.0"),
    (f"{VERSIONING}#version-ranges", "(, 1.0.0)", "1.0.0", ""),
    (f"{VERSIONING}#version-ranges", "[1.0.0, 2.0.0)", "2.0.0-beta", ""),
    (f"{RANGE}: prereleases count where a bound is one", "[1.0.0-alpha, 2.0.0)", "2.0.0-beta", "2.0.0-beta"),
    (f"{RANGE}: prereleases count where a bound is one", "[1.0.0, 2.0.0-a]", "1.0.0-rc 1.5.0-x 1.9.0", "1.5.0-x"),
    (f"{RANGE}: above what floats the lowest is taken", "1.0.*", "0.9.0 1.1.0 1.2.0", "1.1.0"),
    (f"{RANGE}: an upper bound holds for what floats", "[1.*, 1.5.0)", "1.2.0 1.6.0", "1.2.0"),
    (f"{RANGE}: nothing below the range is taken", "2.*", "1.0.0 1.9.0", ""),
]  # fmt: skip
# What stands nearer, what is further away, and whether the nearer one begins as high.
NEAR_AND_FAR = [
    ("2.0.0", "1.0.0", True), ("1.0.0", "1.0.0", True), ("1.0.0", "1.0.1", False), ("(, 1.0.0]", "2.0.0", True), ("1.0.0", "(, 2.0.0]", False),
    ("*", "9.0.0", True), ("9.0.0", "*", False), ("*", "*", True), ("1.*", "1.9.0", True), ("1.*", "2.0.0", False), ("1.9.0", "1.*", False),
    ("2.0.0", "1.*", True), ("1.1.*", "1.2.0", False), ("1.2.*", "1.2.9", True), ("1.0.0-*", "1.0.0-beta", True), ("1.0.0-*", "1.0.0", True),
    ("1.0.0-alpha*", "1.0.0-*", False), ("1.0.0-beta*", "1.0.0-alpha*", True), ("1.0.0-alpha*", "1.0.0-beta*", False), ("*-*", "1.0.0", False),
    ("1.0.0-beta", "1.0.0", False), ("[1.0.0]", "1.0.0", True), ("1.0.0.*", "1.0.0.5", True),
]  # fmt: skip


def taken(text: str, *versions: str) -> str:
    table = table_of(versions)
    bit = best(read_range(text), table, table.everything)
    return "" if bit is None else table.versions[bit]


@pytest.mark.parametrize(("source", "text", "versions", "expected"), RULES)
def test_which_version_is_taken(source: str, text: str, versions: str, expected: str) -> None:
    assert taken(text, *versions.split()) == expected, source


@pytest.mark.parametrize(("near", "far", "expected"), NEAR_AND_FAR)
def test_what_stands_nearer_is_high_enough(near: str, far: str, *, expected: bool) -> None:
    assert reaches(read_range(near), read_range(far)) is expected, WALKER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1", "1.0.0"), ("1.0", "1.0.0"), ("01.02.03", "1.2.3"), ("1.2.3.0", "1.2.3"), ("1.2.3.4", "1.2.3.4"), ("1.2-Beta.1", "1.2.0-Beta.1"),
        ("1.2.3+build-5", "1.2.3"), (" 1.2.3-a-b+c ", "1.2.3-a-b"),
    ],
)  # fmt: skip
def test_how_versions_are_shown(text: str, shown: str) -> None:
    """https://learn.microsoft.com/nuget/concepts/package-versioning#normalized-version-numbers."""
    assert normalised(text) == shown


def test_an_empty_range_allows_everything() -> None:
    assert taken("", "1.0.0-a", "1.0.0", "2.0.0") == "1.0.0"
    assert allows(read_range(""), read_range("0.0.1").low or ())


@settings(max_examples=500)
@given(st.text(max_size=12) | st.text("[(,)]*-+. 0123rca", max_size=16))
def test_any_text_is_a_range_or_is_refused(text: str) -> None:
    try:
        wanted = read_range(text)
    except InvalidConfigError:
        return
    version = taken(text, "0.9.0", "1.0.0-a", "1.0.0", "1.0.0.1", "2.0.0-rc.1", "3.0.0")
    low = read_range(version).low if version else None
    assert low is None or allows(wanted, low)
    assert reaches(wanted, wanted)


SPELLED = [
    "0.9",
    "1.0",
    "1.0.0-0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.10",
    "1.0.0-alpha2",
    "1.0.0-Beta",
    "1.0.0-beta.2",
    "1.0.0-rc.1",
    "1.0.0-rc-2",
    "1.0.0.1",
    "1.0.0.5",
    "1.0.0.5-x",
    "1.0.1",
    "1.0.1-rc.1",
    "1.1",
    "1.1.0-beta",
    "1.1.3",
    "1.2.0",
    "1.10.0",
    "1.10.1",
    "2.0.0-rc.1",
    "2.0.0",
    "2.0.0.3",
    "2.1.0-a",
    "2.1.0",
    "10.0.0",
]
ASKED = [
    "1.0",
    "1.0.0",
    "1.0.0-alpha",
    "1.0.0.2",
    "0.1",
    "[1.0]",
    "[1.0.0.5]",
    "(1.0,)",
    "(1.0.0-alpha,1.0.0]",
    "[1.0.0-alpha,1.0.0)",
    "(,1.0]",
    "(,2.0)",
    "[1.0,2.0)",
    "[1,2]",
    "*",
    "*-*",
    "*-rc*",
    "1.*",
    "1.*-*",
    "1.*-rc*",
    "1.0.*",
    "1.0.*-*",
    "1.0.0.*",
    "1.0.0.*-*",
    "1.0.0-*",
    "1.0.0-alpha*",
    "1.0.0-alpha.*",
    "1.0.0-BETA*",
    "1.0.0-rc-*",
    "1.1*",
    "[1.*,2.0)",
    "[1.0.*,1.1)",
    "(1.*,)",
    "[*,2.0)",
    "2.*",
    "3.*",
    "2.1.*-*",
    "[1.0.0-*,1.0.0]",
    "1.0.1-*",
]


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
@pytest.mark.parametrize("count", [100, pytest.param(2_000, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
async def test_nuget_takes_the_same(count: int, tmp_path: Path) -> None:
    random = Random(count)
    async with NugetFeed() as feed:
        asked = []
        for number in range(count):
            for version in random.sample(SPELLED, random.choice((1, 2, 3, 5, 8, 14))):
                feed.add(f"Pick{number}@{version}")
            asked.append(random.choice(ASKED))
        projects = [Project({f"Pick{number}": text}) for number, text in enumerate(asked)]
        theirs = await restored(projects, feed.url, tmp_path / "nuget")
        ask = NugetAsking(tmp_path, feed.url)
        for number, (text, one) in enumerate(zip(asked, theirs, strict=True)):
            answer = await ask.answer(f"pick{number}@{text}")
            ours = (
                {found.name: found.version.lower() for found in answer.packages} if isinstance(answer, Resolved) else {}
            )
            assert ours == one.packages, (text, [found.version for found in feed.packages[f"pick{number}"]])
