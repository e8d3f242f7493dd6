"""Which frameworks go together: what is documented, and what nuget.exe itself takes."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.operators.packages.nuget.compatibility import fallbacks_of, is_compatible, nearest
from outrider.operators.packages.nuget.frameworks import ANY, CORE, NET, UNSUPPORTED, Framework, read_framework
from outrider.operators.packages.nuget.packages import needs_of
from outrider.operators.packages.nuget.portable_frameworks import all_parts_of, is_portable, parts_of
from outrider.operators.packages.nuget.records import NugetRelease
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_oracle import Project, nuget_program, restored

STANDARD_TABLE = "https://learn.microsoft.com/dotnet/standard/net-standard"
TARGETS_TABLE = "https://learn.microsoft.com/nuget/reference/target-frameworks"
PLATFORMS = "https://github.com/dotnet/designs/blob/main/accepted/2021/net6.0-tfms/net6.0-tfms.md"
# Where a rule stands, the framework of a project, and those that it can and cannot use.
RULES = [
    (STANDARD_TABLE, "net8.0", "net8.0 net7.0 net5.0 netcoreapp3.1 netcoreapp1.0 netstandard2.1 netstandard1.0 any", "net9.0 net48 net45 uap10.0 foo"),
    (STANDARD_TABLE, "netcoreapp3.1", "netstandard2.1 netcoreapp2.0", "net5.0 net461"),
    (STANDARD_TABLE, "netcoreapp2.1", "netstandard2.0", "netstandard2.1"),
    (STANDARD_TABLE, "netcoreapp1.0", "netstandard1.6", "netstandard2.0"),
    (STANDARD_TABLE, "net48", "net20 net40 net472 netstandard2.0 net net40-client net40-full", "netstandard2.1 net481 netcoreapp1.0 net35-cf"),
    (STANDARD_TABLE, "net461", "netstandard2.0", "netstandard2.1"),
    (STANDARD_TABLE, "net46", "netstandard1.3", "netstandard1.4"),
    (STANDARD_TABLE, "net451", "netstandard1.2", "netstandard1.3"),
    (STANDARD_TABLE, "net45", "netstandard1.1", "netstandard1.2"),
    (STANDARD_TABLE, "net40", "net35", "netstandard1.0"),
    (STANDARD_TABLE, "netstandard2.0", "netstandard1.6", "netstandard2.1 net48 netcoreapp2.0"),
    (f"{TARGETS_TABLE}#precedence", "net46", "dotnet5.4 dotnet", "dotnet5.5"),
    (f"{TARGETS_TABLE}#portable-class-libraries", "net45", "portable-net45+win8 portable-net40+sl5 .NETPortable0.0-Profile259", "portable-net451+win81"),
    (PLATFORMS, "net8.0-windows10.0.19041", "net8.0 net8.0-windows net8.0-windows7.0 net6.0-windows10.0.17763", "net8.0-windows10.0.22621 net8.0-android"),
    (PLATFORMS, "net8.0", "net6.0", "net8.0-windows net6.0-ios"),
    (PLATFORMS, "net8.0-android", "net8.0 monoandroid12.0 monoandroid", "xamarinios10 tizen40"),
    (PLATFORMS, "net6.0-ios", "net6.0 netstandard2.1", "xamarinios10 monoandroid"),
]  # fmt: skip
# A project's framework, what there is, and which of it is the nearest; `-` for none.
NEAREST = [
    ("net8.0", "netstandard2.0 net6.0 net8.0 net9.0", "net8.0"), ("net8.0", "netstandard2.0 net6.0 netcoreapp3.1", "net6.0"),
    ("net8.0", "netstandard1.3 netstandard2.0 netstandard2.1", "netstandard2.1"), ("net48", "net45 netstandard2.0", "net45"),
    ("net48", "net40 net472 net481", "net472"), ("net8.0", "net9.0 net481", "-"), ("net8.0", "any net9.0", "any"),
    ("net45", "portable-net45+win8 portable-net40+sl5+win8+wp8", "portable-net45+win8"), ("net48", "netstandard1.0 portable-net45+win8+wpa81+wp8", "portable-net45+win8+wpa81+wp8"),
    ("net46", "dotnet5.4 netstandard1.3", "netstandard1.3"), ("net8.0-windows", "net8.0 net6.0-windows", "net8.0"),
    ("net8.0-windows", "net8.0-windows net8.0", "net8.0-windows"), ("net8.0-android", "netstandard2.0 monoandroid12.0", "monoandroid12.0"),
    ("net40", "net40-client net35", "net40-client"), ("netstandard2.0", "netstandard netstandard1.6", "netstandard1.6"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "yes", "no"), RULES)
def test_what_a_project_can_use(source: str, target: str, yes: str, no: str) -> None:
    project = read_framework(target)
    assert [one for one in yes.split() if not is_compatible(project, read_framework(one))] == [], source
    assert [one for one in no.split() if is_compatible(project, read_framework(one))] == [], source


@pytest.mark.parametrize(("target", "there", "expected"), NEAREST)
def test_which_is_the_nearest(target: str, there: str, expected: str) -> None:
    found = nearest(read_framework(target), [read_framework(one) for one in there.split()])
    assert found == (None if expected == "-" else read_framework(expected))


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        ("net8.0", Framework(CORE, (8, 0, 0, 0))), ("NET50", Framework(CORE, (5, 0, 0, 0))), ("net10.0", Framework(CORE, (10, 0, 0, 0))),
        ("net48", Framework(NET, (4, 8, 0, 0))), ("net403", Framework(NET, (4, 0, 3, 0))), ("net4", Framework(NET, (4, 0, 0, 0))),
        (".NETFramework4.7.2", Framework(NET, (4, 7, 2, 0))), (".NETFramework,Version=v4.5,Profile=Client", Framework(NET, (4, 5, 0, 0), "client")),
        (".NETCoreApp,Version=v6.0", Framework(CORE, (6, 0, 0, 0))), ("net40-full", Framework(NET, (4, 0, 0, 0))),
        ("net8.0-windows10.0.19041", Framework(CORE, (8, 0, 0, 0), platform="windows", platform_version=(10, 0, 19041, 0))),
        ("", ANY), ("any", ANY), ("foo1.0", UNSUPPORTED), ("net4.x", UNSUPPORTED), ("1.0", UNSUPPORTED), ("net45-", UNSUPPORTED),
        ("net9999999999.0", UNSUPPORTED), (".NETFramework,Version=four", UNSUPPORTED), ("net8.0-windows1.x", UNSUPPORTED), ("n" * 999, UNSUPPORTED),
    ],
)  # fmt: skip
def test_how_frameworks_are_read(text: str, framework: Framework) -> None:
    assert read_framework(text) == framework


def test_portable_frameworks_by_number_and_by_name_are_the_same() -> None:
    one, other = read_framework(".NETPortable4.5-Profile259"), read_framework("portable-net45+netcore45+wpa81+wp8")
    assert is_portable(one)
    assert set(parts_of(one)) == set(parts_of(other))
    assert read_framework("monoandroid") in all_parts_of(other)
    assert parts_of(read_framework("portable-foo+net45")) == parts_of(read_framework("portable-profile9999999")) == ()


def test_needs_are_those_of_the_nearest_group_alone() -> None:
    release = NugetRelease([("net6.0", [("New", "1.0")]), (".NETStandard2.0", [("Old", "1.0")]), ("net8.0", [])])
    assert needs_of(release, read_framework("net8.0")) == ([], "")
    assert [need.name for need in needs_of(release, read_framework("net7.0"))[0]] == ["new"]
    assert [need.name for need in needs_of(release, read_framework("net48"))[0]] == ["old"]
    assert needs_of(release, read_framework("net35")) == ([], "")


def test_what_is_written_for_the_older_net_alone_is_taken_from_there() -> None:
    release = NugetRelease([("net45", [("Old", "1.0")]), ("net40", [("Older", "1.0")])])
    needs, fallback = needs_of(release, read_framework("net8.0"))
    assert [need.name for need in needs] == ["old"]
    assert fallback == "net45"
    assert needs_of(release, read_framework("netstandard1.6")) == ([], "")
    assert fallbacks_of(read_framework("net48")) == ()


names = st.sampled_from(
    ["net20", "net40", "net40-client", "net45", "net461", "net472", "net48", "net5.0", "net6.0", "net8.0", "net8.0-windows", "net8.0-android", "netcoreapp2.0", "netcoreapp3.1", "netstandard1.0", "netstandard1.6", "netstandard2.0", "netstandard2.1", "portable-net45+win8", "portable-net40+sl5+win8", "dotnet5.4", "monoandroid", "uap10.0", "any", "foo"]
)  # fmt: skip


@settings(max_examples=300)
@given(names, st.lists(names, max_size=6, unique=True))
def test_the_nearest_can_be_used_and_is_there_whenever_one_can(target: str, there: list[str]) -> None:
    project, candidates = read_framework(target), [read_framework(one) for one in there]
    found = nearest(project, candidates)
    usable = [one for one in candidates if is_compatible(project, one)]
    assert found in usable if usable else found is None
    assert found == nearest(project, candidates[::-1])


@settings(max_examples=300)
@given(st.text(max_size=30) | st.text("netstadrcop.0123456789-+,=Version v", max_size=30))
def test_any_name_is_read(text: str) -> None:
    framework = read_framework(text)
    assert is_compatible(framework, framework)
    assert nearest(framework, [framework]) == framework


GROUPS = [
    "net20",
    "net35",
    "net40",
    "net40-client",
    "net403",
    "net45",
    "net451",
    "net452",
    "net46",
    "net461",
    "net462",
    "net47",
    "net471",
    "net472",
    "net48",
    "net",
    "netstandard1.0",
    "netstandard1.1",
    "netstandard1.2",
    "netstandard1.3",
    "netstandard1.4",
    "netstandard1.5",
    "netstandard1.6",
    "netstandard2.0",
    "netstandard2.1",
    "netcoreapp1.0",
    "netcoreapp1.1",
    "netcoreapp2.0",
    "netcoreapp2.1",
    "netcoreapp3.0",
    "netcoreapp3.1",
    "net5.0",
    "net6.0",
    "net5.0-windows",
    "net5.0-windows7.0",
    "net6.0-windows",
    "net5.0-windows10.0.19041",
    "dotnet",
    "dotnet5.1",
    "dotnet5.4",
    "dotnet5.6",
    "uap10.0",
    "win8",
    "win81",
    "wpa81",
    "wp8",
    "sl5",
    "portable-net45+win8",
    "portable-net45+win8+wpa81+wp8",
    "portable-net40+sl5+win8+wp8",
    "portable45-net45+win8+wp8+wpa81",
    ".NETPortable0.0-Profile259",
    ".NETPortable4.5-Profile7",
    "portable-net45+monoandroid+monotouch",
    "monoandroid10",
    "monoandroid",
    "xamarinios10",
    "tizen40",
    "netcore45",
    "netcore50",
    ".NETFramework4.5",
    ".NETStandard2.0",
    ".NETCoreApp3.1",
    ".NETCoreApp,Version=v2.0",
    "net4",
    "net45-full",
    "net50",
    "net7.0",
    "foo1.0",
    "dnxcore50",
    "native",
    "any",
]
TARGETS = [
    "net20",
    "net35",
    "net40",
    "net45",
    "net451",
    "net46",
    "net461",
    "net462",
    "net472",
    "net48",
    "netstandard1.0",
    "netstandard1.3",
    "netstandard1.6",
    "netstandard2.0",
    "netstandard2.1",
    "netcoreapp1.0",
    "netcoreapp2.0",
    "netcoreapp3.1",
    "net5.0",
    "net5.0-windows",
    "net5.0-windows10.0.19041",
]


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
@pytest.mark.parametrize("count", [100, pytest.param(3_000, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
async def test_nuget_takes_the_same_group(count: int, tmp_path: Path) -> None:
    """What each group needs is a version of its own of another package, and so tells which group was taken."""
    random = Random(count)
    async with NugetFeed() as feed:
        projects = []
        for number in range(count):
            target = random.choice(TARGETS)
            # nuget.exe does not take what is for any framework for the nearest, where there is more to fall back on.
            known = [one for one in GROUPS if one != "any" or not fallbacks_of(read_framework(target))]
            groups = random.sample(known, random.choice((1, 2, 2, 3, 4, 6, 9)))
            feed.add(f"Web{number}@1.0.0", groups={one: [f"Group{number}@[1.0.{GROUPS.index(one)}]"] for one in groups})
            for one in groups:
                feed.add(f"Group{number}@1.0.{GROUPS.index(one)}")
            projects.append(Project({f"Web{number}": "1.0.0"}, target))
        theirs = await restored(projects, feed.url, tmp_path / "nuget")
        ask = NugetAsking(tmp_path, feed.url)
        for number, (project, said) in enumerate(zip(projects, theirs, strict=True)):
            answer = await ask.resolved(f"Web{number}@1.0.0", framework=project.framework)
            ours = {found.name: found.version for found in answer.packages}
            assert ours == said.packages, (project.framework, feed.packages[f"web{number}"][0].groups)
