"""Vulnerable packages of packages.lock.json are replaced, and NuGet takes the lock as it is."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.manifests.msbuild.editing import edited
from outrider.operators.packages.manifests.msbuild.items import Place
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.nuget_feed import NugetFeed, only_source
from outrider.operators.packages.tests.nuget_locks import restore
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.operators.packages.tests.nuget_projects import project_text
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.test_lock_writing_nuget import LOCK, write
from outrider.operators.packages.tests.test_updating import drafted

CENTRAL = """<Project>
  <PropertyGroup>
    <ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally>
    <CoreVersion>1.0.0</CoreVersion>
  </PropertyGroup>
  <ItemGroup>
    <PackageVersion Include="Acme.Core" Version="[1.0.0]" /> <!-- tested with this one -->
    <PackageVersion Include="Other" Version="$(CoreVersion)" />
  </ItemGroup>
</Project>
"""


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[NugetFeed]:
    async with only_source(tmp_path) as made:
        made.add("Acme.Web@1.0.0", "Acme.Core@1.0.0")
        made.add("Acme.Core@1.0.0")
        made.add("Other@1.0.0")
        yield made


def newer(feed: NugetFeed) -> None:
    """Have newer versions."""
    feed.add("Acme.Web@1.1.0", "Acme.Core@1.0.0")
    feed.add("Acme.Web@2.0.0", "Acme.Core@2.0.0")
    for version in ("1.1.0", "1.1.1", "1.2.0", "2.0.0"):
        feed.add(f"Acme.Core@{version}")
    feed.add("Other@1.1.0")


async def locked(folder: Path, text: str) -> Path:
    """Lock a project with what there is now; of what comes later nothing is known yet."""
    write(folder / "shop" / "Shop.csproj", text)
    await lock.run(LockParams(ecosystem="nuget", file=str(folder / "shop" / LOCK)), context(folder))
    shutil.rmtree(folder / "cache")
    return folder / "shop" / LOCK


async def fixed(folder: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(folder / "shop"), **params), context(folder))


async def bad(folder: Path, name: str, *events: tuple[str, str]) -> None:
    found = record("X-1", affected(ecosystem_range(*events), name=name, ecosystem="NuGet"), severity=[HIGH])
    await imported(folder, found)


def versions(path: Path) -> dict[str, dict[str, str]]:
    document = json.loads(path.read_text())["dependencies"]
    return {
        framework: {name: one["resolved"] for name, one in entries.items()} for framework, entries in document.items()
    }


async def test_the_lock_alone_changes_where_the_ranges_allow_it(feed: NugetFeed, tmp_path: Path) -> None:
    path = await locked(tmp_path, project_text("net8.0;netcoreapp3.1", {"Acme.Web": "1.0.0", "Other": "1.*"}))
    newer(feed)
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.1.1"))
    before, manifest = json.loads(path.read_text()), path.with_name("Shop.csproj").read_text()
    result = await fixed(tmp_path, manifest=True)
    after = json.loads(path.read_text())
    for framework in ("net8.0", ".NETCoreApp,Version=v3.1"):
        new = after["dependencies"][framework].pop("Acme.Core")
        assert before["dependencies"][framework].pop("Acme.Core")["resolved"] == "1.0.0"
        assert (new["type"], new["resolved"]) == ("Transitive", "1.1.1")
    assert after == before
    [told] = result.files
    assert [(one.name, one.before, one.after, one.why) for one in told.changes] == [
        ("acme.core", "1.0.0", "1.1.1", "X-1")
    ]
    assert told.warnings == [
        "acme.core: the lock alone says so; where NuGet makes it anew (--force-evaluate) it takes the lowest version that the project allows"
    ]
    assert (path.with_name("Shop.csproj").read_text(), result.written) == (manifest, [str(path)])
    assert (await fixed(tmp_path)).written == []


async def test_a_range_that_blocks(feed: NugetFeed, tmp_path: Path) -> None:
    text = project_text("net8.0;net48", {"Acme.Core": "[1.0.0,2.0.0)"}).replace(
        'Version="[1.0.0,2.0.0)" /', "><Version>\n [1.0.0,2.0.0)</Version></PackageReference"
    )
    path = await locked(tmp_path, text)
    newer(feed)
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "2.0.0"))
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert [(Path(one.file).name, one.name, one.before, one.after) for one in left.remedies] == [
        ("Shop.csproj", "acme.core", "[1.0.0,2.0.0)", "2.0.0")
    ]
    assert "of which there is no version that fits and may be used" in " ".join(left.reasons)
    assert path.with_name("Shop.csproj").read_text() == text
    result = await fixed(tmp_path, manifest=True)
    assert path.with_name("Shop.csproj").read_text() == text.replace("[1.0.0,2.0.0)", "2.0.0")
    assert versions(path) == {"net8.0": {"Acme.Core": "2.0.0"}, ".NETFramework,Version=v4.8": {"Acme.Core": "2.0.0"}}
    assert json.loads(path.read_text())["dependencies"]["net8.0"]["Acme.Core"]["requested"] == "[2.0.0, )"
    assert (result.unfixed, result.files[0].warnings) == (0, [])


async def test_versions_in_one_place(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "Directory.Packages.props", CENTRAL)
    items = '<PackageReference Include="Acme.Core" /><PackageReference Include="Other" />'
    path = await locked(tmp_path, project_text("net8.0", {}, items=items))
    newer(feed)
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.1.1"))
    result = await fixed(tmp_path, manifest=True)
    assert (tmp_path / "Directory.Packages.props").read_text() == CENTRAL.replace("[1.0.0]", "[1.1.1]")
    assert versions(path) == {"net8.0": {"Acme.Core": "1.1.1", "Other": "1.0.0"}}
    assert result.files[0].warnings == [
        "Directory.Packages.props: other projects may have versions from there too, and are to be locked anew"
    ]


async def test_what_a_property_says_stays(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "Directory.Packages.props", CENTRAL.replace("<CoreVersion>1.0.0", "<CoreVersion>[1.0.0]"))
    path = await locked(tmp_path, project_text("net8.0", {}, items='<PackageReference Include="Other" />'))
    newer(feed)
    await bad(tmp_path, "Other", ("introduced", "0"), ("fixed", "1.1.0"))
    result = await fixed(tmp_path, manifest=True)
    assert (result.fixed, result.unfixed, versions(path)) == (0, 1, {"net8.0": {"Other": "1.0.0"}})
    assert "You ask for Other@[1.0.0]" in " ".join(result.files[0].unfixed[0].reasons)


async def test_one_that_is_private_for_one_framework_is_changed_once(feed: NugetFeed, tmp_path: Path) -> None:
    private = "<PrivateAssets Condition=\"'$(TargetFramework)' == 'net48'\">all</PrivateAssets>"
    item = f'<PackageReference Include="Other" Version="[1.0.0]">{private}</PackageReference>'
    path = await locked(tmp_path, project_text("net8.0;net48", {}, items=item))
    newer(feed)
    await bad(tmp_path, "Other", ("introduced", "0"), ("fixed", "1.1.0"))
    before = path.with_name("Shop.csproj").read_text()
    assert (await fixed(tmp_path, manifest=True)).unfixed == 0
    assert path.with_name("Shop.csproj").read_text() == before.replace("[1.0.0]", "[1.1.0]")


@pytest.mark.parametrize(
    "both",
    [
        '<PackageReference Include="Acme.Core;Other" Version="[1.0.0]" />',
        '<PackageReference Include="Other" Version="[1.0.0]" /><PackageReference Update="Other;None" Version="[1.0.0]" />',
    ],
)
async def test_what_several_packages_have_together_stays(both: str, feed: NugetFeed, tmp_path: Path) -> None:
    """A version for one is none for the other."""
    path = await locked(tmp_path, project_text("net8.0", {}, items=both))
    newer(feed)
    await bad(tmp_path, "Other", ("introduced", "0"), ("fixed", "1.1.0"))
    before = path.with_name("Shop.csproj").read_text()
    assert (await fixed(tmp_path, manifest=True)).unfixed == 1
    assert path.with_name("Shop.csproj").read_text() == before


async def test_projects_that_it_needs_stay_as_they_are(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "lib" / "Lib.csproj", project_text("netstandard2.1", {"Acme.Core": "1.0.0"}))
    path = await locked(tmp_path, project_text("net8.0", {"Other": "1.0.0"}, "../lib/Lib.csproj"))
    newer(feed)
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.2.0"))
    await fixed(tmp_path, manifest=True)
    document = json.loads(path.read_text())["dependencies"]["net8.0"]
    assert document["Acme.Core"]["resolved"] == "1.2.0"
    assert document["lib"]["dependencies"] == {"Acme.Core": "[1.0.0, )"}


async def test_what_is_locked_keeps_its_hash(feed: NugetFeed, tmp_path: Path) -> None:
    path = await locked(tmp_path, project_text("net8.0", {"Acme.Web": "1.0.0"}))
    newer(feed)
    feed.packages["acme.web"][0].fields["licenseExpression"] = "MIT"
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.1.1"))
    before = json.loads(path.read_text())["dependencies"]["net8.0"]["Acme.Web"]
    await fixed(tmp_path)
    assert json.loads(path.read_text())["dependencies"]["net8.0"]["Acme.Web"] == before


async def test_newer_versions_are_proposed(feed: NugetFeed, tmp_path: Path) -> None:
    path = await locked(tmp_path, project_text("net8.0", {"Acme.Web": "1.0.0", "Other": "1.0.0"}))
    newer(feed)
    draft = await drafted(tmp_path, packages=["nuget:acme.web"], ranges="raise", up_to="minor")
    assert 'Include="Acme.Web" Version="1.1.0"' in draft.texts["Shop.csproj"]
    draft = await drafted(tmp_path, packages=["nuget:acme.web"], ranges="raise", up_to="major")
    assert 'Include="Acme.Web" Version="2.0.0"' in draft.texts["Shop.csproj"]
    path.write_text(draft.texts[LOCK])
    assert versions(path) == {"net8.0": {"Acme.Core": "2.0.0", "Acme.Web": "2.0.0", "Other": "1.0.0"}}


async def test_a_lock_without_its_project(feed: NugetFeed, tmp_path: Path) -> None:
    path = await locked(tmp_path, project_text("net8.0", {"Acme.Core": "1.0.0"}))
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.1.1"))
    path.with_name("Shop.csproj").unlink()
    with pytest.raises(NotFoundError, match="there is no project beside it"):
        await fixed(tmp_path)


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
async def test_nuget_takes_what_is_fixed(feed: NugetFeed, tmp_path: Path) -> None:
    path = await locked(tmp_path, project_text("netcoreapp3.1;netstandard2.1", {"Acme.Web": "1.0.0", "Other": "1.0.0"}))
    newer(feed)
    await bad(tmp_path, "Acme.Core", ("introduced", "0"), ("fixed", "1.1.1"))
    await fixed(tmp_path)
    text = path.read_text()
    said = await restore([path.with_name("Shop.csproj")], feed.url, tmp_path / "native", is_locked=True)
    assets = tmp_path / "shop" / "obj" / "project.assets.json"
    assert assets.is_file(), said
    assert {one for target in json.loads(assets.read_text())["targets"].values() for one in target} == {
        "Acme.Core/1.1.1",
        "Acme.Web/1.0.0",
        "Other/1.0.0",
    }
    assert path.read_text() == text


FILE = Path("/app/App.csproj")
ITEM = "<Project>\n  <ItemGroup>\n    <A Include='é' Version = '1.0' Other=\"Version='1'\"/>\n    <B><Version> 1.0 </Version></B>\n  </ItemGroup>\n</Project>"


@pytest.mark.parametrize(
    ("steps", "after", "expected"),
    [
        ((0, 0), "2.0", ITEM.replace("Version = '1.0'", "Version = '2.0'")),
        ((0, 1, 0), "[2.0,3.0)", ITEM.replace("> 1.0 <", "> [2.0,3.0) <")),
        ((0, 1, 0), "<&>", ITEM.replace("> 1.0 <", "> &lt;&amp;&gt; <")),
    ],
)
def test_a_text_is_changed_and_nothing_else(steps: tuple[int, ...], after: str, expected: str) -> None:
    assert edited(ITEM, Place(FILE, steps), "Version", "1.0", after) == expected


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_ends_of_lines_stay(mark: str, end: str) -> None:
    text = f"{mark}<?xml version='1.0'?>{end}<!-- é -->{end}{ITEM}".replace("\n", end)
    for steps, before, after in (((0, 0), "= '1.0'", "= '2.0'"), ((0, 1, 0), "> 1.0 <", "> 2.0 <")):
        assert edited(text, Place(FILE, steps), "Version", "1.0", "2.0") == text.replace(before, after)


def test_what_stands_within_another_attribute_is_no_attribute() -> None:
    text = "<Project><A Label=\"use Version='1.0'\" Version='1.0' /></Project>"
    assert edited(text, Place(FILE, (0,)), "Version", "1.0", "2.0") == text.replace(
        "Version='1.0' /", "Version='2.0' /"
    )
    for other in ("<Version><!-- 1 -->1.0</Version>", "<Version><![CDATA[1.0]]></Version>"):
        with pytest.raises(UnsupportedError, match="is not written as"):
            edited(f"<Project><A>{other}</A></Project>", Place(FILE, (0, 0)), "Version", "1.0", "2.0")
    with pytest.raises(UnsupportedError, match="is not found where it is said"):
        edited("<Project><A x:Version='1.0' xmlns:x='y' /></Project>", Place(FILE, (0,)), "Version", "1.0", "2.0")


def test_a_text_that_is_said_elsewhere_is_not_changed() -> None:
    with pytest.raises(UnsupportedError, match="Version is not written as") as caught:
        edited(ITEM.replace("'1.0'", "'$(X)'"), Place(FILE, (0, 0)), "Version", "1.0", "2.0")
    assert (caught.value.found, caught.value.suggestions) == ("$(X)", ["make it 2.0 where it is said, and lock again"])
