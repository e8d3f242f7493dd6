"""Projects of .NET as NuGet's restore sees them, with the files that the SDK imports by themselves."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.dotnet_project import DotnetProject, Projects
from outrider.operators.packages.manifests.dotnet_sdk import added
from outrider.operators.packages.tests.nuget_projects import project_text

CENTRAL = """<Project>
  <PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup>
  <ItemGroup>
    <PackageVersion Include="One" Version="1.0.0" />
    <PackageVersion Include="Two" Version="2.0.0" />
    <GlobalPackageReference Include="Analyzer" Version="3.0.0" />
  </ItemGroup>
</Project>"""
PLAIN = '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net8.0</TargetFramework>{}</PropertyGroup><ItemGroup>{}</ItemGroup></Project>'


def read(folder: Path, files: Mapping[str, str], name: str = "src/App/App.csproj") -> DotnetProject:
    """Return a project among files."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return Projects(read_text).project(folder / name)


def needs(project: DotnetProject) -> dict[str, list[str]]:
    """Return what it needs for each framework; what others do not get in brackets."""
    return {
        target.written: [f"({one.name} {one.range})" if one.is_private else f"{one.name} {one.range}" for one in target.references.values()]
        for target in project.targets
    }  # fmt: skip


def test_what_stands_around_it_counts(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        {
            "Directory.Build.props": "<Project><PropertyGroup><Common>1.2.3</Common><TargetFrameworks>net8.0;net48</TargetFrameworks></PropertyGroup></Project>",
            "src/Directory.Build.targets": '<Project><ItemGroup Condition="\'$(TargetFrameworkIdentifier)\' == \'.NETFramework\'"><PackageReference Include="Old" Version="$(Common)" /></ItemGroup></Project>',
            "src/App/App.csproj": '<Project Sdk="Microsoft.NET.Sdk"><ItemGroup><PackageReference Include="One" Version="$(Common)" />'
            '<PackageReference Include="Two" Version="2.0" PrivateAssets="all" Condition="$(TargetFramework.StartsWith(\'net4\'))" /></ItemGroup></Project>',
        },
    )
    assert needs(project) == {"net8.0": ["One 1.2.3"], "net48": ["One 1.2.3", "(Two 2.0)", "Old 1.2.3"]}
    assert [path.name for path in project.texts] == ["Directory.Build.props", "App.csproj", "Directory.Build.targets"]
    assert (project.name, project.version) == ("App", "1.0.0")


def test_versions_in_one_place(tmp_path: Path) -> None:
    items = '<PackageReference Include="one" /><PackageReference Include="Two" VersionOverride="2.5.0" />'
    project = read(tmp_path, {"Directory.Packages.props": CENTRAL, "src/App/App.csproj": PLAIN.format("", items)})
    assert needs(project) == {"net8.0": ["one 1.0.0", "Two 2.5.0", "(Analyzer 3.0.0)"]}
    [target] = project.targets
    assert (project.is_central, target.pins, sorted(target.central)) == (True, False, ["one", "two"])
    place = target.references["one"].place
    assert place is not None
    assert (place.file.name, place.steps) == ("Directory.Packages.props", (1, 0))


@pytest.mark.parametrize(
    ("items", "properties", "why"),
    [
        ('<PackageReference Include="One" Version="1.0.0" />', "", "NU1008"),
        ('<PackageReference Include="Four" />', "", "NU1010"),
        ('<PackageVersion Include="Four" Version="1.*" />', "", "NU1011"),
        ('<PackageReference Include="A" />', "<ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>", "A has no version"),
        ('<PackageReference Include="A" Version="[1" />', "<ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>", r"the version '\[1', which is none"),
        ("", "<TargetFramework></TargetFramework>", "it has no TargetFramework"),
    ],
)  # fmt: skip
def test_what_restore_refuses(items: str, properties: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=why) as caught:
        read(tmp_path, {"Directory.Packages.props": CENTRAL, "src/App/App.csproj": PLAIN.format(properties, items)})
    assert caught.value.suggestions


def test_what_floats_in_one_place_where_that_is_allowed(tmp_path: Path) -> None:
    properties = "<CentralPackageFloatingVersionsEnabled>true</CentralPackageFloatingVersionsEnabled>"
    items = '<PackageVersion Include="Four" Version="1.*" /><PackageReference Include="Four" />'
    project = read(
        tmp_path, {"Directory.Packages.props": CENTRAL, "src/App/App.csproj": PLAIN.format(properties, items)}
    )
    assert needs(project) == {"net8.0": ["Four 1.*", "(Analyzer 3.0.0)"]}


def test_projects_that_it_needs(tmp_path: Path) -> None:
    library = (
        "<PackageId>Acme.Library</PackageId><VersionPrefix>2.1.0</VersionPrefix><VersionSuffix>rc.1</VersionSuffix>"
    )
    project = read(
        tmp_path,
        {
            "src/App/App.csproj": project_text("net8.0;net48", {}, "..\\Lib\\Lib.csproj", items='<ProjectReference Include="../Tool/Tool.csproj" ReferenceOutputAssembly="false" />'),
            "src/Lib/Lib.csproj": project_text("netstandard2.0;net6.0", {"One": "1.0.0"}, "../Deep/Deep.csproj", properties=library),
            "src/Deep/Deep.csproj": project_text("netstandard2.0", {"Two": "2.0.0"}),
        },
    )  # fmt: skip
    projects = Projects(read_text)
    modern, old = (projects.needed(project, target) for target in project.targets)
    assert {name: (other.name, other.version, there.written) for name, (other, there) in modern.items()} == {
        "acme.library": ("Acme.Library", "2.1.0-rc.1", "net6.0"),
        "deep": ("Deep", "1.0.0", "netstandard2.0"),
    }
    assert {name: there.written for name, (_, there) in old.items()} == {
        "acme.library": "netstandard2.0",
        "deep": "netstandard2.0",
    }


def test_projects_that_do_not_go_with_it(tmp_path: Path) -> None:
    files = {
        "src/App/App.csproj": project_text("net48", {}, "../Lib/Lib.csproj"),
        "src/Lib/Lib.csproj": project_text("net8.0", {}),
    }
    project = read(tmp_path, files)
    with pytest.raises(InvalidConfigError, match=r"Lib.csproj is for none that goes with net48 \(NU1201\)"):
        Projects(read_text).needed(project, project.targets[0])
    with pytest.raises(
        UnsupportedError, match=r"it needs ..\\Native\\Native.vcxproj, which is no project that is read"
    ):
        read(tmp_path, {"src/App/App.csproj": project_text("net48", {}, "..\\Native\\Native.vcxproj")})
    with pytest.raises(UnsupportedError, match="which is no project that is read"):
        read(tmp_path, {"src/App/App.csproj": project_text("net48", {}, "..\\**\\*.csproj")})
    project = read(tmp_path, {"src/App/App.csproj": project_text("net48", {}, "../None/None.csproj")})
    with pytest.raises(NotFoundError, match=r"None\.csproj"):
        Projects(read_text).needed(project, project.targets[0])


def test_several_frameworks_count_before_one(tmp_path: Path) -> None:
    files = {
        "Directory.Build.props": "<Project><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>",
        "App.csproj": project_text("net8.0;net48", {"One": "1.0.0"}),
    }
    assert needs(read(tmp_path, files, "App.csproj")) == {"net8.0": ["One 1.0.0"], "net48": ["One 1.0.0"]}


def test_kinds_of_machines_are_those_of_no_framework_in_particular(tmp_path: Path) -> None:
    runtimes = "<RuntimeIdentifiers>win-x64; linux-x64</RuntimeIdentifiers>"
    never = "<RuntimeIdentifier Condition=\"'$(TargetFramework)' == 'net8.0'\">osx-x64</RuntimeIdentifier>"
    project = read(tmp_path, {"A.csproj": project_text("net8.0;net6.0", {}, properties=runtimes + never)}, "A.csproj")
    assert [target.runtimes for target in project.targets] == [["linux-x64", "win-x64"]] * 2
    project = read(tmp_path, {"B.csproj": project_text("net8.0", {}, properties=runtimes + never)}, "B.csproj")
    assert project.targets[0].runtimes == ["linux-x64", "osx-x64", "win-x64"]


def test_versions_are_not_in_one_place_without_the_file(tmp_path: Path) -> None:
    said = "<ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally>"
    project = read(tmp_path, {"A.csproj": project_text("net8.0", {"One": "1.0.0"}, properties=said)}, "A.csproj")
    assert (project.is_central, needs(project)) == (False, {"net8.0": ["One 1.0.0"]})


def test_projects_of_one_name(tmp_path: Path) -> None:
    files = {
        "src/App/App.csproj": project_text("net8.0", {}, "../One/Lib.csproj", "../Two/Lib.csproj"),
        "src/One/Lib.csproj": project_text("net8.0", {}),
        "src/Two/Lib.csproj": project_text("net8.0", {}),
    }
    project = read(tmp_path, files)
    with pytest.raises(InvalidConfigError, match="it needs two projects that are called Lib") as caught:
        Projects(read_text).needed(project, project.targets[0])
    assert caught.value.suggestions


def test_one_of_the_older_form(tmp_path: Path) -> None:
    text = """<Project ToolsVersion="15.0" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
      <Import Project="$(MSBuildExtensionsPath)\\$(MSBuildToolsVersion)\\Microsoft.Common.props" Condition="Exists('$(MSBuildExtensionsPath)\\$(MSBuildToolsVersion)\\Microsoft.Common.props')" />
      <PropertyGroup><TargetFrameworkVersion>v4.7.2</TargetFrameworkVersion></PropertyGroup>
      <ItemGroup><PackageReference Include="One"><Version>1.0.0</Version></PackageReference></ItemGroup>
      <Import Project="$(MSBuildToolsPath)\\Microsoft.CSharp.targets" />
    </Project>"""
    project = read(tmp_path, {"src/App/App.csproj": text})
    assert needs(project) == {"net472": ["One 1.0.0"]}
    assert added(project, project.targets[0], {}) == {}


@pytest.mark.parametrize("sdk", ["MSTest.Sdk/3.0.0", "Microsoft.NET.Sdk.BlazorWebAssembly", "Aspire.AppHost.Sdk/9.0.0"])
def test_sdks_that_add_what_is_not_known(sdk: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=f"which packages the SDK {sdk} adds is not known here"):
        read(tmp_path, {"src/App/App.csproj": PLAIN.format("", "").replace("Microsoft.NET.Sdk", sdk)})


@pytest.mark.parametrize(
    ("name", "framework", "properties", "expected"),
    [
        ("App.csproj", "net8.0", "", {}),
        ("App.csproj", "netstandard2.1", "", {}),
        ("App.csproj", "netstandard2.0", "", {"NETStandard.Library": "2.0.3"}),
        ("App.csproj", "netstandard1.6", "", {"NETStandard.Library": "1.6.1"}),
        (
            "App.csproj",
            "netstandard2.0",
            "<DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>",
            {},
        ),
        ("App.csproj", "net48", "", {"Microsoft.NETFramework.ReferenceAssemblies": "1.0.3"}),
        ("App.fsproj", "net8.0", "<DisableImplicitFSharpCoreReference>true</DisableImplicitFSharpCoreReference>", {}),
    ],
)
def test_what_the_sdk_adds(
    name: str, framework: str, properties: str, expected: dict[str, str], tmp_path: Path
) -> None:
    text = PLAIN.format(properties, "").replace("net8.0", framework)
    project = read(tmp_path, {name: text}, name)
    assert {one.name: one.range for one in added(project, project.targets[0], None).values()} == expected


@pytest.mark.parametrize(
    ("framework", "properties", "locked", "expected"),
    [
        ("netcoreapp2.1", "", "", ["Microsoft.NETCore.App 2.1.0"]),
        ("netcoreapp1.1", "", "", ["Microsoft.NETCore.App 1.1.2"]),
        ("netcoreapp2.1", "<TargetLatestRuntimePatch>true</TargetLatestRuntimePatch>", "Microsoft.NETCore.App", ["Microsoft.NETCore.App [9.9.9, )"]),
        ("netcoreapp2.1", "<RuntimeFrameworkVersion>2.1.3</RuntimeFrameworkVersion>", "", ["Microsoft.NETCore.App 2.1.3"]),
        ("netcoreapp3.0", "", "", []),
        ("net8.0", "<IsAotCompatible>true</IsAotCompatible>", "Microsoft.NET.ILLink.Tasks", ["Microsoft.NET.ILLink.Tasks [9.9.9, )"]),
        ("net8.0", "<IsTrimmable>true</IsTrimmable><_RequiresILLinkPack>false</_RequiresILLinkPack>", "", []),
        ("net6.0", "<IsAotCompatible>true</IsAotCompatible>", "", []),
        ("net5.0", "<IsTrimmable>true</IsTrimmable>", "", []),
        ("netstandard2.1", "<IsTrimmable>true</IsTrimmable>", "", []),
        ("net48", "", "Other", []),
        ("net48", "", "Microsoft.NETFramework.ReferenceAssemblies", ["Microsoft.NETFramework.ReferenceAssemblies [9.9.9, )"]),
    ],
)  # fmt: skip
def test_what_the_sdk_adds_follows_from_the_framework_and_the_lock(
    framework: str, properties: str, locked: str, expected: list[str], tmp_path: Path
) -> None:
    project = read(tmp_path, {"App.csproj": PLAIN.format(properties, "").replace("net8.0", framework)}, "App.csproj")
    lock = {locked: {"type": "Direct", "requested": "[9.9.9, )"}} if locked else None
    found = added(project, project.targets[0], lock).values()
    assert [f"{one.name} {one.range}" for one in found] == expected


def test_an_older_linker_comes_with_analyzers(tmp_path: Path) -> None:
    text = PLAIN.format("<IsTrimmable>true</IsTrimmable>", "").replace("net8.0", "net6.0")
    project = read(tmp_path, {"App.csproj": text}, "App.csproj")
    for broken in ("none", "", None, 5.5):
        with pytest.raises(UnsupportedError, match="in a version of its own"):
            added(
                project,
                project.targets[0],
                {"Microsoft.NET.ILLink.Tasks": {"type": "Direct", "requested": broken and f"[{broken}"}},
            )
    lock = {"Microsoft.NET.ILLink.Tasks": {"type": "Direct", "requested": "[7.0.100-1.23401.1, )"}}
    found = added(project, project.targets[0], lock).values()
    assert [one.name for one in found] == ["Microsoft.NET.ILLink.Tasks", "Microsoft.NET.ILLink.Analyzers"]


@pytest.mark.parametrize(
    ("items", "expected", "by_sdk"),
    [
        ('<PackageReference Update="FSharp.Core" Version="6.0.7" />', ["FSharp.Core 6.0.7"], []),
        ('<PackageReference Include="FSharp.Core" Version="6.0.7" />', [], ["FSharp.Core"]),
        ('<PackageReference Remove="FSharp.Core" /><PackageReference Include="FSharp.Core" Version="6.0.7" />', ["FSharp.Core 6.0.7"], []),
        ('<PackageReference Remove="FSharp.Core" />', [], []),
        ('<PackageReference Include="One" Version="1.0.0" />', ["One 1.0.0"], ["FSharp.Core"]),
    ],
)  # fmt: skip
def test_what_a_project_makes_of_what_the_sdk_adds(
    items: str, expected: list[str], by_sdk: list[str], tmp_path: Path
) -> None:
    [target] = read(tmp_path, {"App.fsproj": PLAIN.format("", items)}, "App.fsproj").targets
    assert [f"{one.name} {one.range}" for one in target.references.values()] == expected
    assert [one.name for one in target.implied] == by_sdk


def test_a_standard_library_that_is_updated_stays_private(tmp_path: Path) -> None:
    update = '<PackageReference Update="NETStandard.Library" Version="2.0.1" />'
    text = PLAIN.format("", update).replace("net8.0", "netstandard2.0")
    project = read(tmp_path, {"App.csproj": text}, "App.csproj")
    assert needs(project) == {"netstandard2.0": ["(NETStandard.Library 2.0.1)"]}


@pytest.mark.parametrize(
    ("properties", "locked", "expected"),
    [
        ("", None, []),
        ("", ["Other"], []),
        ("", ["FSharp.Core"], ["FSharp.Core"]),
        ("<DisableImplicitFSharpCoreReference>true</DisableImplicitFSharpCoreReference>", ["FSharp.Core"], []),
    ],
)
def test_versions_in_one_place_do_without_what_the_sdk_adds_unless_a_lock_has_it(
    properties: str, locked: list[str] | None, expected: list[str], tmp_path: Path
) -> None:
    central = "<Project><PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup></Project>"
    project = read(
        tmp_path, {"Directory.Packages.props": central, "App.fsproj": PLAIN.format(properties, "")}, "App.fsproj"
    )
    lock = None if locked is None else {name: {"type": "Direct", "requested": "[9.0.0, )"} for name in locked}
    assert [one.name for one in added(project, project.targets[0], lock).values()] == expected


@pytest.mark.parametrize(
    ("place", "is_asked"), [("Pages/A.razor", True), ("obj/A.razor", False), (".x/A.razor", False)]
)
def test_pages_of_the_web(place: str, is_asked: bool, tmp_path: Path) -> None:
    text = PLAIN.format("", "").replace("net8.0", "net10.0").replace("Microsoft.NET.Sdk", "Microsoft.NET.Sdk.Web")
    project = read(tmp_path, {"App.csproj": text, place: ""}, "App.csproj")
    assert [one.name for one in project.targets[0].implied] == (
        ["Microsoft.AspNetCore.App.Internal.Assets"] if is_asked else []
    )
    assert not added(project, project.targets[0], {})


def test_of_several_of_one_name_the_first_counts(tmp_path: Path) -> None:
    """Restore warns of it (NU1504, NU1506)."""
    twice = '<PackageReference Include="One" Version="1.0.0" /><PackageReference Include="one" Version="2.0.0" />'
    assert needs(read(tmp_path, {"A.csproj": PLAIN.format("", twice)}, "A.csproj")) == {"net8.0": ["One 1.0.0"]}
    central = CENTRAL.replace("</ItemGroup>", '<PackageVersion Include="ONE" Version="9.0.0" /></ItemGroup>')
    files = {
        "Directory.Packages.props": central,
        "B.csproj": PLAIN.format("", '<PackageReference Include="One" />'),
    }
    assert needs(read(tmp_path, files, "B.csproj")) == {"net8.0": ["One 1.0.0", "(Analyzer 3.0.0)"]}


def test_what_the_sdk_adds_in_a_version_of_its_own(tmp_path: Path) -> None:
    project = read(tmp_path, {"App.fsproj": PLAIN.format("<PublishTrimmed>true</PublishTrimmed>", "")}, "App.fsproj")
    with pytest.raises(UnsupportedError, match=r"the SDK adds FSharp\.Core in a version of its own") as caught:
        added(project, project.targets[0], None)
    assert caught.value.suggestions == ["write the first lock with dotnet restore --use-lock-file"]
    locked = {
        "FSharp.Core": {"type": "Direct", "requested": "[8.0.400, )"},
        "Microsoft.NET.ILLink.Tasks": {"type": "Direct", "requested": "[8.0.11, )"},
        "Other": {"type": "Direct", "requested": "[1.0.0, )"},
    }
    found = added(project, project.targets[0], locked)
    assert {one.name: one.range for one in found.values()} == {
        "FSharp.Core": "[8.0.400, )",
        "Microsoft.NET.ILLink.Tasks": "[8.0.11, )",
    }
