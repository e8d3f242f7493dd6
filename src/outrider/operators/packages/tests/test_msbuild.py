"""Projects as MSBuild evaluates them: conditions and functions in tables, and compared with xbuild of Mono for many that are drawn."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.manifests.msbuild.conditions import Condition
from outrider.operators.packages.manifests.msbuild.evaluation import Evaluation
from outrider.operators.packages.manifests.msbuild.expansion import NotKnownError

XBUILD = shutil.which("xbuild")
PROPERTIES = {"A": "1.0", "B": "abc", "C": "true", "D": "", "E": "net48", "F": "10", "TargetFramework": "net8.0"}
SAID = "".join(f"<{name}>{value}</{name}>" for name, value in PROPERTIES.items())


def evaluation(folder: Path, text: str, *, given: dict[str, str] | None = None) -> Evaluation:
    """Return a project that was read; `text` is what stands in it."""
    path = folder / "App" / "app.csproj"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<Project>{text}</Project>")
    found = Evaluation(
        path, given=given or {}, preset={}, read=Path.read_text, kinds=["PackageReference"]
    )  # fmt: skip
    found.include(path)
    return found


def said(folder: Path, text: str) -> str:
    """Return what a text comes to."""
    return evaluation(folder, f"<PropertyGroup>{SAID}<Found>{escape(text)}</Found></PropertyGroup>").property("Found")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(b)-$(Nothing)", "1.0-abc-"),
        ("$(B.Replace('b', '-'))", "a-c"),
        ("$(E.Substring(3))$(E.Substring(0, 3))", "48net"),
        ("$(E.StartsWith('net4'))$(E.EndsWith(&quot;9&quot;))".replace("&quot;", '"'), "TrueFalse"),
        ("$(B.ToUpper().Trim('A').Length)", "2"),
        ("$([System.String]::IsNullOrEmpty('$(D)'))", "True"),
        ("$([MSBuild]::IsTargetFrameworkCompatible('$(TargetFramework)', 'netstandard2.0'))", "True"),
        ("$([MSBuild]::IsTargetFrameworkCompatible('net48', 'net6.0'))", "False"),
        ("$([MSBuild]::GetTargetFrameworkIdentifier('net472'))", ".NETFramework"),
        ("$([MSBuild]::GetTargetFrameworkIdentifier('net8.0'))", ".NETCoreApp"),
        ("$([MSBuild]::GetTargetFrameworkVersion('net472'))", "4.7.2"),
        ("$([MSBuild]::VersionGreaterThanOrEquals('8.0.100', '8.0'))", "True"),
        ("$([MSBuild]::ValueOrDefault('$(D)', 'usual'))", "usual"),
        ("$([MSBuild]::EnsureTrailingSlash('a'))", "a/"),
        ("$([System.IO.Path]::GetFileNameWithoutExtension('a\\b.props'))", "b"),
        ("$(MSBuildProjectName)$(MSBuildProjectExtension) $(MSBuildThisFile)", "app.csproj app.csproj"),
        ("%3Ba%24(A)", ";a$(A)"),
    ],
)
def test_texts(text: str, expected: str, tmp_path: Path) -> None:
    assert said(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$([System.DateTime]::Now)", r"\[System.DateTime\]::Now is not known here"),
        ("$(A.Reverse())", r"\$\(A.Reverse\(\)\) is not known here"),
        ("$(B.Substring(9))", "is called with 9"),
        ("$(PATH)", "PATH is a variable of this machine"),
        ("$([System.Environment]::GetEnvironmentVariable('PATH'))", "is not known here"),
        ("$(A", "a bracket that is not closed"),
        ("$(Registry:HKEY)", "is not known here"),
        ("$([MSBuild]::VersionEquals('a', 'b'))", "is called with a, b"),
    ],
)
def test_what_is_not_known_is_an_error_where_it_counts(text: str, why: str, tmp_path: Path) -> None:
    found = evaluation(tmp_path, f"<PropertyGroup><X>{text}</X><Y>$(X)</Y><Z>1</Z></PropertyGroup>")
    assert found.property("Z") == "1"
    with pytest.raises(UnsupportedError, match=why) as caught:
        found.property("Y")
    assert caught.value.message.startswith(f"{tmp_path}/App/app.csproj: the property Y cannot be told without building")


CONDITIONS = [
    ("", True),
    ("'$(A)' == '1'", True),
    ("'$(B)' == 'ABC'", True),
    ("$(C)", True),
    ("!$(C)", False),
    ("'$(C)' == 'yes'", True),
    ("'0x10' == '16'", True),
    ("'$(D)' == ''", True),
    ("'$(F)' > '9'", True),
    ("'8.0.100' < '8.0.90'", False),
    ("'v4.8' >= '4.7.2'", True),
    ("'$(E)' != 'net48' or ('$(F)' == '10' and true)", True),
    ("true or '$(A)' == '2' and false", True),
    ("false and '$([System.DateTime]::Now)' == ''", False),
    ("true or $([System.DateTime]::Now)", True),
    ("'$(E.StartsWith('net4'))' == 'true'", True),
    ("$(E.StartsWith('net4'))", True),
    ("Exists('app.csproj') and !Exists('$(D)')", True),
    ("HasTrailingSlash('a\\')", True),
]


@pytest.mark.parametrize(("text", "expected"), CONDITIONS)
def test_conditions(text: str, expected: bool, tmp_path: Path) -> None:
    project = (
        f'<PropertyGroup>{SAID}</PropertyGroup><PropertyGroup Condition="{escape(text)}"><X>yes</X></PropertyGroup>'
    )
    assert evaluation(tmp_path, project).property("X") == ("yes" if expected else "")


@pytest.mark.parametrize(
    "text",
    [
        "'a'",
        "'a' < 'b'",
        "@(Compile) == ''",
        "'%(Link)' == ''",
        "'a",
        "(true",
        "true)",
        "and",
        "A('b')",
        "true true",
        "~",
    ],
)
def test_conditions_that_cannot_be_decided(text: str) -> None:
    with pytest.raises(NotKnownError):
        Condition(text, lambda one: one, lambda _: False).holds()


@given(st.text(max_size=20) | st.text("'()!=<>$@ andorExists10.", max_size=30))
def test_whatever_is_written_is_decided_or_not_known(text: str) -> None:
    try:
        assert Condition(text, lambda one: one, lambda _: False).holds() in (True, False)
    except NotKnownError as error:
        assert str(error)  # noqa: PT017 - either may be


def test_properties_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "App").mkdir()
    (tmp_path / "App" / "more.props").write_text(
        "<Project><PropertyGroup><X>$(X)b $(MSBuildThisFileName) $(MSBuildProjectName)</X></PropertyGroup></Project>"
    )
    found = evaluation(
        tmp_path,
        "<PropertyGroup><X>a</X></PropertyGroup><Import Project='more.props' /><Import Project='none.props' Condition=\"Exists('none.props')\" />"
        "<Choose><When Condition=\"'$(X)' == ''\"><PropertyGroup><Y>empty</Y></PropertyGroup></When>"
        "<Otherwise><PropertyGroup><Y>full</Y><Given>ours</Given></PropertyGroup></Otherwise></Choose>"
        "<PropertyGroup><Z Condition=\"'$(Y)' == 'full'\">$(Y)!</Z></PropertyGroup>",
        given={"Given": "theirs"},
    )
    assert [found.property(name) for name in ("X", "Y", "Z", "Given")] == ["ab more app", "full", "full!", "theirs"]
    assert sorted(path.name for path in found.texts) == ["app.csproj", "more.props"]


def test_items_with_what_is_known_at_the_end(tmp_path: Path) -> None:
    found = evaluation(
        tmp_path,
        """<ItemGroup>
          <PackageReference Include="One;Two" Version="$(Late)" Exclude="two" />
          <PackageReference Include="Three"><Version>3.0</Version><PrivateAssets Condition="'$(Late)' == '9'">all</PrivateAssets></PackageReference>
          <PackageReference Include="Four" Version="4.0" Condition="'$(Late)' == '8'" />
          <PackageReference Include="Five" Version="5.0" />
          <PackageReference Update="one" PrivateAssets="all" />
          <PackageReference Remove="FIVE" />
          <Compile Include="@(Other)" />
        </ItemGroup>
        <PropertyGroup><Late>9</Late></PropertyGroup>""",
    )
    items = found.items("PackageReference")
    assert [(one.name, one.metadata) for one in items] == [
        ("One", {"version": "9", "privateassets": "all"}),
        ("Three", {"version": "3.0", "privateassets": "all"}),
    ]
    # What is written for several has no place for one of them.
    assert "version" not in items[0].places
    assert items[1].places["version"].steps == (0, 1, 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<ItemGroup><PackageReference Include="@(Needs)" Version="1" /></ItemGroup>', r"Include is @\(Needs\)"),
        (
            '<Target Name="T"><ItemGroup><PackageReference Include="A" /></ItemGroup></Target>',
            "<Target> with PackageReference",
        ),
        (
            "<ItemDefinitionGroup><PackageReference /></ItemDefinitionGroup>",
            "<ItemDefinitionGroup> with PackageReference",
        ),
        ('<ItemGroup Condition="$(Nothing)"><PackageReference Include="A" /></ItemGroup>', "neither true nor false"),
        ('<Import Project="$([System.DateTime]::Now).props" />', "the import of"),
    ],
)
def test_packages_that_a_build_alone_can_tell(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why):
        evaluation(tmp_path, text).items("PackageReference")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for number in range(40):
        written(tmp_path / f"{number}.props", f'<Project><Import Project="{number + 1}.props" /></Project>')
    with pytest.raises(InvalidConfigError, match="too many imports"):
        evaluation(tmp_path, '<Import Project="../0.props" />')
    with pytest.raises(InvalidConfigError, match="DOCTYPE"):
        evaluation(tmp_path, "").include(written(tmp_path / "b.props", "<!DOCTYPE a><Project />"))
    with pytest.raises(InvalidConfigError, match="<Other> at the top"):
        evaluation(tmp_path, "").include(written(tmp_path / "c.props", "<Other />"))


def test_a_file_is_read_once_whoever_imports_it(tmp_path: Path) -> None:
    """MSBuild warns of it (MSB4011), of circles too (MSB4210); it would be the same file 2^26 times."""
    twice = '<Import Project="{0}.props" /><Import Project="{0}.props" />'
    for number in range(26):
        written(tmp_path / f"{number}.props", f"<Project>{twice.format(number + 1)}</Project>")
    item = '<PropertyGroup><X>$(X)a</X></PropertyGroup><ItemGroup><PackageReference Include="$(X)" /></ItemGroup>'
    written(tmp_path / "26.props", f'<Project><Import Project="0.props" />{item}</Project>')
    found = evaluation(tmp_path, f'<Import Project="app.csproj" />{twice.format("../0")}')
    assert [one.name for one in found.items("PackageReference")] == ["a"]


def test_an_import_that_is_not_there_is_told_with_who_imports_it(tmp_path: Path) -> None:
    with pytest.raises(
        NotFoundError, match=r"app\.csproj: it imports \$\(Nothing\)\\x\.props, which is not there"
    ) as caught:
        evaluation(tmp_path, '<Import Project="$(Nothing)\\x.props" />')
    assert caught.value.found == "no /x.props"


def test_imports_of_files_of_any_folder(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="it names files of any folder"):
        evaluation(tmp_path, '<Import Project="**\\*.props" />')


@pytest.mark.parametrize(
    "text",
    [
        "$([System.IO.File]::Exists('" + "a" * 5_000 + "'))",
        "$([MSBuild]::GetPathOfFileAbove('" + "a" * 5_000 + "'))",
    ],
)
def test_paths_that_cannot_be_there(text: str, tmp_path: Path) -> None:
    assert said(tmp_path, text) in ("", "False")
    assert not evaluation(tmp_path, "").exists("a" * 5_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("'nan' == 'nan'", True), ("'1_0' == '10'", False), ("'0x10' == '16'", True), (f"'0x{'9' * 400}' == '1'", False)],
)
def test_what_is_a_number_to_msbuild(text: str, expected: bool) -> None:
    assert Condition(text, lambda one: one, lambda _: False).holds() is expected


def test_a_text_that_becomes_too_long(tmp_path: Path) -> None:
    long = f"<PropertyGroup><A>{'x' * 90_000}</A><B>$(A.Replace('x', '$(A)'))</B></PropertyGroup>"
    with pytest.raises(UnsupportedError, match="is called with"):
        evaluation(tmp_path, long).property("B")


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def drawn(random: Random, depth: int = 0) -> str:
    """Return a condition that both can read: xbuild knows no precedence of `and`, and compares nothing but decimal numbers by size."""
    kind = random.random()
    if depth < 3 and kind < 0.3:
        return f"({drawn(random, depth + 1)}) {random.choice(('and', 'or', 'And', 'OR'))} ({drawn(random, depth + 1)})"
    if depth < 3 and kind < 0.4:
        return f"!({drawn(random, depth + 1)})"
    if kind < 0.5:
        return random.choice(("true", "'true'", "!false", "'$(D)' == ''", "Exists('app.csproj')", "Exists('b')", "HasTrailingSlash('a/')"))  # fmt: skip
    if kind < 0.7:
        numbers = ("'1.0'", "'10'", "'3.5'", "'-1'", "'$(A)'", "'$(F)'")
        return f"{random.choice(numbers)} {random.choice(('<', '>', '<=', '>='))} {random.choice(numbers)}"
    values = ("'1.0'", "'1'", "2", "true", "'false'", "'TRUE'", "'abc'", "'ABC'", "''", "'$(A)'", "'$(B)'", "'$(C)'", "'x$(D)'", "'$(E)'", "'on'")  # fmt: skip
    return f"{random.choice(values)} {random.choice(('==', '!='))} {random.choice(values)}"


@pytest.mark.real
@pytest.mark.skipif(XBUILD is None, reason="xbuild is not installed: apt-get install mono-xbuild")
@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.long)])
async def test_xbuild_decides_the_same(count: int, tmp_path: Path) -> None:
    random = Random(count)
    texts = [
        "$(B.Replace('b', '-'))",
        "$(E.Substring(1))",
        "$(B.ToUpper())",
        "$([System.String]::IsNullOrEmpty('$(D)'))",
        "$(B.Contains('b'))",
    ]
    for start in range(0, count, 400):
        conditions = [drawn(random) for _ in range(400)]
        groups = "".join(
            f'<R{number} Condition="{escape(one)}">yes</R{number}>' for number, one in enumerate(conditions)
        )
        values = "".join(f"<T{number}>{one}</T{number}>" for number, one in enumerate(texts))
        names = [*(f"R{number}" for number in range(400)), *(f"T{number}" for number in range(len(texts)))]
        messages = "".join(f'<Message Text="@{name}=$({name})" />' for name in names)
        text = f'<PropertyGroup>{SAID}{groups}{values}</PropertyGroup><Target Name="T">{messages}</Target>'
        ours = evaluation(tmp_path, text)
        theirs = await xbuild(tmp_path / "App" / "app.csproj", text)
        assert {name: ours.property(name) for name in names} == {name: theirs.get(name) for name in names}, start


async def xbuild(path: Path, text: str) -> dict[str, str]:
    assert XBUILD is not None
    path.write_text(f'<Project xmlns="http://schemas.microsoft.com/developer/msbuild/2003">{text}</Project>')
    command = [XBUILD, "/nologo", "/v:n", str(path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:]
    return dict(re.findall(r"^\s*@(\w+)=(.*)$", done.stdout, re.MULTILINE))


@given(st.text("<>/=\"' ProjectItmGuncd$()@%;A1.", max_size=80))
def test_no_project_ends_in_another_error(text: str) -> None:
    path = Path("/nowhere/app.csproj")
    found = Evaluation(path, given={}, preset={}, read=lambda _: f"<Project>{text}</Project>", kinds=["A"])
    try:
        found.include(path)
        assert isinstance(found.items("A"), list)
    except OutriderError as error:
        assert error.message  # noqa: PT017 - either may be
