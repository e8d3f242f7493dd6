"""The rules of NuGet's restore, each with the page that has it, and what is said where they cannot be met."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.nuget import graph, session
from outrider.operators.packages.operations import resolve
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import Refusal
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.versions.tables import VersionTable
from outrider.ports.clock.manual import ManualClock

DOCS = "https://learn.microsoft.com/nuget/concepts/dependency-resolution"
CODES = "https://learn.microsoft.com/nuget/reference/errors-and-warnings"
# Where a rule stands, what each version needs, what is asked for, and what is chosen.
RULES = [
    (f"{DOCS}#lowest-applicable-version", "A@1 B@1.0;A@2 B@1;B@1.0;B@1.1", "A@1", "a@1.0.0 b@1.0.0"),
    (f"{DOCS}#lowest-applicable-version", "A@1 B@2.1;B@2.0;B@2.2;B@3.0", "A@1", "a@1.0.0 b@2.2.0"),
    (f"{DOCS}#floating-versions", "A@6.0.0;A@6.0.1;A@6.1.0", "A@6.0.*", "a@6.0.1"),
    (f"{DOCS}#direct-dependency-wins", "A@1 B@1.0;B@1.0;B@2.0", "A@1 B@2.0", "a@1.0.0 b@2.0.0"),
    (f"{DOCS}#direct-dependency-wins", "A@1 B@2.0 C@1;C@1 B@1.0;B@1.0;B@2.0;B@3.0", "A@1", "a@1.0.0 b@2.0.0 c@1.0.0"),
    (f"{DOCS}#direct-dependency-wins: an ignored branch is ignored whole", "A@1 B@1;B@1 X@1;B@2;X@1", "A@1 B@2", "a@1.0.0 b@2.0.0"),
    (f"{DOCS}#cousin-dependencies", "A@1 B@1.0;C@1 B@2.0;B@1.0;B@2.0;B@3.0", "A@1 C@1", "a@1.0.0 b@2.0.0 c@1.0.0"),
    (f"{DOCS}#cousin-dependencies: what the loser needs does not count", "A@1 B@1;C@1 B@2;B@1 X@1;B@2;X@1", "A@1 C@1", "a@1.0.0 b@2.0.0 c@1.0.0"),
    (f"{DOCS}#cousin-dependencies: depth does not count between cousins", "A@1 D@1;D@1 B@3;C@1 B@1;B@1;B@3", "A@1 C@1", "a@1.0.0 b@3.0.0 c@1.0.0 d@1.0.0"),
    (f"{CODES}/nu1608: what is asked for above a bound is taken", "A@1 B@[1.0];B@1.0;B@2.0", "A@1 B@2.0", "a@1.0.0 b@2.0.0"),
    ("https://learn.microsoft.com/nuget/reference/nuspec#id: names have no case", "Aa@1 bB@1;Bb@1", "aA@1", "aa@1.0.0 bb@1.0.0"),
]  # fmt: skip


@pytest.fixture
async def feed() -> AsyncIterator[NugetFeed]:
    async with NugetFeed() as made:
        yield made


@pytest.fixture
def ask(feed: NugetFeed, tmp_path: Path) -> NugetAsking:
    return NugetAsking(tmp_path, feed.url)


@pytest.mark.parametrize("rule", RULES)
async def test_rules(rule: tuple[str, str, str, str], feed: NugetFeed, ask: NugetAsking) -> None:
    source, packages, asked, expected = rule
    for line in packages.split(";"):
        feed.add(*line.split())
    assert await ask.pins(*asked.split()) == expected.split(), source


async def test_what_an_answer_says(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.2.0", "Core@[1.1.0, )", "Tools@[1.0.0, )")
    feed.add("Tools@1.0.0", "Core@[1.0.0, )")
    feed.add("Core@1.0.0")
    feed.add("Core@1.1.0")
    answer = await ask.resolved("Web@1.2", "Tools@1.0")
    assert (answer.target, answer.notes) == ("nuget net8.0", [])
    assert [one.name for one in answer.packages if one.direct] == ["tools", "web"]
    assert [(one.name, one.version, one.needed_by) for one in answer.packages] == [
        ("core", "1.1.0", ["tools", "web"]), ("tools", "1.0.0", ["web"]), ("web", "1.2.0", []),
    ]  # fmt: skip
    assert answer.packages[0].file == "core.1.1.0.nupkg"
    assert answer.packages[0].url == f"{feed.base}/flat/core/1.1.0/core.1.1.0.nupkg"


async def test_without_a_range_the_newest_release_that_is_listed(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")
    feed.add("Web@1.1.0")
    feed.add("Web@1.2.0", listed=False)
    feed.add("Web@2.0.0-rc.1")
    feed.add("Early@1.0.0-a")
    assert await ask.pins("Web", "Early") == ["early@1.0.0-a", "web@1.1.0"]


async def test_whether_a_version_is_listed_does_not_count_for_ranges(feed: NugetFeed, ask: NugetAsking) -> None:
    """https://learn.microsoft.com/nuget/concepts/package-versioning#floating-version-resolutions."""
    feed.add("Web@1.0.0", "Core@[1.0.0, )")
    feed.add("Core@1.0.0", listed=False)
    feed.add("Core@1.1.0")
    feed.add("Core@1.9.0", listed=False)
    assert await ask.pins("Web") == ["core@1.0.0", "web@1.0.0"]
    assert await ask.pins("Core@1.*") == ["core@1.9.0"]


@pytest.mark.parametrize(
    ("framework", "core"),
    [("", "8.0.0"), ("net8.0", "8.0.0"), ("net6.0", "6.0.0"), ("netstandard2.0", "2.0.0"), ("net48", "2.0.0")],
)
async def test_what_is_needed_for_a_framework(framework: str, core: str, feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add(
        "Web@1.0.0", groups={"net8.0": ["Core@8.0.0"], "net6.0": ["Core@6.0.0"], ".NETStandard2.0": ["Core@2.0.0"]}
    )
    for version in ("2.0.0", "6.0.0", "8.0.0"):
        feed.add(f"Core@{version}")
    answer = await ask.resolved("Web", framework=framework)
    assert answer.target == f"nuget {framework or 'net8.0'}"
    assert [one.version for one in answer.packages if one.name == "core"] == [core]


@pytest.mark.parametrize("framework", ["uap10.0", "net", "rubbish", "any", "portable-net45+win8", "x" * 999])
async def test_frameworks_that_nothing_is_chosen_for(framework: str, feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")
    if framework == "net":
        assert await ask.pins("Web", framework=framework) == ["web@1.0.0"]
        return
    with pytest.raises(InvalidConfigError, match="none that packages can be chosen for") as caught:
        await ask.answer("Web", framework=framework)
    assert caught.value.path == "framework"


async def test_what_nuget_warns_of(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@[1.0.0]")
    feed.add("Old@1.0.0", groups={"net45": ["Core@1.0.0"]})
    feed.add("Core@1.0.0")
    feed.add("Core@2.0.0")
    answer = await ask.resolved("Web", "Core@2.0.0", "Old")
    assert answer.notes == [
        "Old 1.0.0: what it needs is written for net45 alone, and taken from there (NU1701)",
        "Web 1.0.0 needs Core [1.0.0], and Core 2.0.0 stands nearer to you (NU1608)",
    ]

    assert resolve.OPERATION.text is not None
    assert [*resolve.OPERATION.text(resolve.told(answer))][-2:] == [f"# {note}" for note in answer.notes]


async def test_a_lower_version_that_is_asked_for(feed: NugetFeed, ask: NugetAsking) -> None:
    """NU1605: the .NET SDK takes this warning for an error."""
    feed.add("Web@1.0.0", "Tools@[1.0.0, )")
    feed.add("Tools@1.0.0", "Core@[2.0.0, )")
    feed.add("Core@1.0.0")
    feed.add("Core@2.0.0")
    answer = await ask.impossible("Web@1.0.0", "Core@1.0.0")
    assert answer.reasons == [
        "You ask for Core@1.0.0, for which Core 1.0.0 is taken.",
        "You ask for Web@1.0.0, for which Web 1.0.0 is taken.",
        "Web 1.0.0 needs Tools >= 1.0.0, for which Tools 1.0.0 is taken.",
        "Tools 1.0.0 needs Core >= 2.0.0, and what stands nearer to you counts, although it is older (NU1605).",
        "These cannot all hold at once.",
    ]
    assert answer.remedies == ["ask for Core@2.0.0 in place of Core@1.0.0"]


async def test_cousins_that_exclude_each_other(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@[1.0.0]")
    feed.add("Tools@1.0.0", "Core@[2.0.0, )")
    feed.add("Core@1.0.0")
    feed.add("Core@2.0.0")
    answer = await ask.impossible("Web", "Tools")
    assert answer.reasons == [
        "You ask for Tools, for which Tools 1.0.0 is taken.",
        "Tools 1.0.0 needs Core >= 2.0.0, for which Core 2.0.0 is taken.",
        "You ask for Web, for which Web 1.0.0 is taken.",
        "Web 1.0.0 needs Core [1.0.0], and the two are cousins, of which neither overrides the other (NU1107).",
        "These cannot all hold at once.",
    ]
    assert answer.remedies == ["ask for Core@2.0.0 too"]


async def test_several_changes_at_once(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@[2.0.0, )", "Tools@[2.0.0, )")
    feed.add("Core@1.0.0")
    feed.add("Core@2.0.0", "Base@[3.0.0, )")
    feed.add("Tools@1.0.0")
    feed.add("Tools@2.0.0")
    feed.add("Base@1.0.0")
    feed.add("Base@3.0.0")
    answer = await ask.impossible("Web", "Core@1.0.0", "Tools@1.0.0", "Base@1.0.0")
    assert answer.remedies == [
        "ask for Core@2.0.0 in place of Core@1.0.0 and for Tools@2.0.0 in place of Tools@1.0.0 and for Base@3.0.0 in place of Base@1.0.0"
    ]


async def test_what_cannot_be_had(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@[1.0.0, )")
    feed.add("Core@1.2.0")
    assert (await ask.resolved("Web@0.9")).notes == [
        "Web 1.0.0 needs Core >= 1.0.0, which cannot be had: Core 1.2.0 is taken (NU1603)",
        "You ask for Web@0.9, which cannot be had: Web 1.0.0 is taken (NU1603)",
    ]


async def test_what_needs_itself(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@1.0.0")
    feed.add("Core@1.0.0", "Web@1.0.0")
    feed.add("Web@2.0.0")
    answer = await ask.impossible("Web@1.0.0")
    assert answer.reasons[2] == "Core 1.0.0 needs Web >= 1.0.0, which needs it in turn (NU1108)."
    assert answer.remedies == ["allow Web 2.0.0: you ask for Web@1.0.0"]
    feed.add("Own@1.0.0", "Own@1.0.0")
    assert "(NU1108)" in (await ask.impossible("Own@1.0.0")).reasons[1]


async def test_what_is_missing(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@[2.0.0, 3.0.0)")
    feed.add("Web@2.0.0", "Gone@1.0.0")
    feed.add("Core@1.0.0")
    answer = await ask.impossible("Web@[1.0.0]")
    assert answer.reasons[:-1] == [
        "You ask for Web@[1.0.0], for which Web 1.0.0 is taken.",
        "Web 1.0.0 needs Core [2.0.0, 3.0.0), of which there is no version that fits and may be used.",
    ]
    assert answer.remedies == []
    assert "Web 2.0.0 needs gone >= 1.0.0, which no source has." in (await ask.impossible("Web@2.0.0")).reasons
    assert (await ask.impossible("Core@[9.0.0]")).remedies == ["allow Core 1.0.0: you ask for Core@[9.0.0]"]
    with pytest.raises(NotFoundError, match="there is none"):
        await ask.answer("Nothing")


async def test_versions_that_hang_on_one_another(feed: NugetFeed, ask: NugetAsking) -> None:
    """NU1106: of two packages two versions are left, of which the lower one needs the higher one of the other package."""
    feed.add("Web@1.0.0", "A@1.0.0")
    feed.add("Tools@1.0.0", "B@1.0.0")
    feed.add("A@1.0.0", "B@2.0.0")
    feed.add("A@2.0.0")
    feed.add("B@1.0.0", "A@2.0.0")
    feed.add("B@2.0.0")
    answer = await ask.impossible("Web", "Tools")
    assert answer.reasons[0] == "Which versions of A, B count hangs on one another, and so cannot be told (NU1106)."
    assert await ask.pins("Web", "Tools", "A@2.0.0") == ["a@2.0.0", "b@1.0.0", "tools@1.0.0", "web@1.0.0"]


class Refusing:
    """Refuses versions, and a licence."""

    asks_for_times = True
    asks_for_licences = True

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        self.times[name] = list(published)
        return [Refusal(table.mask("[1.0.0]"), "are too old")] if name == "core" else []

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        del name, version
        return "have a licence that is denied" if licence == "GPL-3.0-only" else ""


@pytest.mark.parametrize("registrations", [True, False])
async def test_a_policy_leaves_versions_out(*, registrations: bool, tmp_path: Path) -> None:
    async with NugetFeed(registrations=registrations) as feed:
        feed.add("Web@1.0.0", "Core@[1.0.0, )")
        feed.add("Core@1.0.0")
        feed.add("Core@1.1.0", licenseExpression="GPL-3.0-only")
        feed.add("Core@1.2.0", licenseExpression="MIT", published="1900-01-01T00:00:00+00:00")
        ask, policy = NugetAsking(tmp_path, feed.url), Refusing()
        question = msgspec.structs.replace(ask.question("Web"), policy=policy)
        answer = await session.resolve(question)
        assert [one.version for one in getattr(answer, "packages", ())] == ["1.2.0", "1.0.0"]
        assert policy.times["core"] == ([1714979289.123456, 1714979289.123456, 0.0] if registrations else [])
        strict = msgspec.structs.replace(ask.question("Web", "Core@[1.0.0, 1.2.0)"), policy=Refusing())
        refused = await session.resolve(strict)
        assert isinstance(refused, Impossible)
        assert [note.lower() for note in refused.notes[-2:]] == [
            "core: 1 version is too old", "core: 1 version has a licence that is denied",
        ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "@1.0", "a b", "../x", "Web@", "Web@>=1", "Web@1.0.0.0.0", "Web@[2,1]", "x" * 101, "Web/Core@1", "We\nb"],
)
async def test_what_is_no_package(text: str, feed: NugetFeed, ask: NugetAsking) -> None:
    with pytest.raises(InvalidConfigError, match="is not a package of NuGet") as caught:
        await ask.answer("Web", text)
    assert caught.value.path == "packages[1]"
    assert feed.requests == []


async def test_what_is_asked_for_twice(ask: NugetAsking) -> None:
    with pytest.raises(InvalidConfigError, match="NU1504"):
        await ask.answer("Web@1", "web@2")


async def test_a_search_ends_at_its_deadline(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")

    class Late(ManualClock):
        def monotonic(self) -> float:
            self.advance(100)
            return super().monotonic()

    question: Question = msgspec.structs.replace(ask.question("Web"), clock=Late(), deadline=1.0)
    with pytest.raises(DeadlineExceededError):
        await session.resolve(question)


async def test_what_is_needed_in_very_many_ways(feed: NugetFeed, ask: NugetAsking) -> None:
    """As a tree this would have millions of nodes."""
    for level in range(12):
        for name in "abcd":
            feed.add(f"{name}{level}@1.0.0", *(f"{other}{level + 1}@1.0.0" for other in "abcd" if level < 11))
    assert len(await ask.pins("a0")) == 45


async def test_too_many_places(feed: NugetFeed, ask: NugetAsking, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        feed.add(f"a{number}@1.0.0", *([f"a{number + 1}@1.0.0"] if number < 39 else []))
    assert len(await ask.pins("a0")) == 40
    for limit in ("_MOST_NODES", "_DEEPEST"):
        with monkeypatch.context() as patched:
            patched.setattr(graph, limit, 30)
            with pytest.raises(ExecutionFailedError, match="in too many ways"):
                await ask.answer("a0")
