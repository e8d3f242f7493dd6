"""What NuGet is told by files and variables: https://learn.microsoft.com/nuget/reference/nuget-config-file."""

import os
from base64 import b64encode
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.ports.process.command import run

SECRET = "secret-word"
USER = "home/.nuget/NuGet/NuGet.Config"
ONE, TWO, THREE = (
    "one=https://one.test/v3/index.json",
    "two=https://two.test/v3/index.json",
    "three=https://three.test/v3/index.json",
)


def told(folder: Path, files: dict[str, str], **environment: str) -> NugetSettings:
    """Return what NuGet is told where some files are there."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    known = {"HOME": str(folder / "home"), "NUGET_COMMON_APPLICATION_DATA": str(folder / "etc")}
    return NugetSettings({**known, **environment}, folder / "a" / "b")


def names(settings: NugetSettings) -> list[str]:
    return [source.name for source in settings.sources]


def login(settings: NugetSettings) -> str | None:
    authorization = settings.sources[0].registry.authorization
    return None if authorization is None else authorization.reveal()


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def credentials(name: str, **values: str) -> str:
    adds = "".join(f'<add key="{key}" value="{value}" />' for key, value in values.items())
    return config(ONE, more=f"<packageSourceCredentials><{name}>{adds}</{name}></packageSourceCredentials>")


@pytest.mark.parametrize(
    "path",
    [
        "a/b/nuget.config", "a/b/NuGet.config", "a/NuGet.Config", "NuGet.Config", USER, "home/.config/NuGet/NuGet.Config", "etc/NuGet/Config/own.config",
        "etc/NuGet/Config/own.Config",
    ],
)  # fmt: skip
def test_where_a_source_is_read(path: str, tmp_path: Path) -> None:
    settings = told(tmp_path, {path: config(ONE)})
    (source,) = settings.sources
    assert (source.name, source.registry.url, source.registry.source) == (
        "one",
        "https://one.test/v3/index.json",
        str(tmp_path / path),
    )
    assert settings.notes == []


def test_the_user_has_further_files(tmp_path: Path) -> None:
    files = {
        USER: config(ONE),
        "home/.nuget/NuGet/config/more.config": config(TWO),
        "etc/NuGet/Config/all.config": config(THREE),
    }
    assert names(told(tmp_path, files)) == ["one", "two", "three"]
    assert names(told(tmp_path, {}, DOTNET_CLI_HOME=str(tmp_path / "elsewhere"))) == ["three"]


def test_no_source_at_all(tmp_path: Path) -> None:
    for files in (
        {},
        {USER: "<configuration />"},
        {USER: config(ONE), "a/nuget.config": config().replace("Sources>", "Sources><clear />", 1)},
    ):
        with pytest.raises(MissingRequirementError, match="no registry of nuget") as caught:
            told(tmp_path, files)
        assert any("add source" in one for one in caught.value.suggestions)


def test_files_add_up_and_the_nearest_counts(tmp_path: Path) -> None:
    files = {
        USER: config("one=https://far.test/index.json", TWO),
        "a/nuget.config": config(THREE),
        "a/b/nuget.config": config("One=https://near.test/index.json"),
    }
    settings = told(tmp_path, files)
    assert names(settings) == ["One", "three", "two"]
    assert settings.sources[0].registry.url == "https://near.test/index.json"


def test_of_several_files_in_a_folder_the_first_counts(tmp_path: Path) -> None:
    assert names(told(tmp_path, {"a/b/nuget.config": config(ONE), "a/b/NuGet.Config": config(TWO)})) == ["one"]


def test_what_is_cleared(tmp_path: Path) -> None:
    cleared = config("zero=https://zero.test/index.json", ONE).replace('<add key="one"', '<clear /><add key="one"')
    assert names(told(tmp_path, {USER: config(TWO), "a/nuget.config": cleared, "a/b/nuget.config": config(THREE)})) == [
        "three",
        "one",
    ]


def test_what_is_disabled(tmp_path: Path) -> None:
    """The names are compared with their case here, and what is said of them does not count."""
    disabled = (
        '<disabledPackageSources><add key="two" value="false" /><add key="ONE" value="true" /></disabledPackageSources>'
    )
    assert names(told(tmp_path, {USER: config(ONE, TWO, more=disabled)})) == ["one"]
    enabled = "<configuration><disabledPackageSources><clear /></disabledPackageSources></configuration>"
    assert names(told(tmp_path, {"a/nuget.config": enabled})) == ["one", "two"]


def test_variables_in_values(tmp_path: Path) -> None:
    settings = told(tmp_path, {USER: config("own=https://%OWN_HOST%/%NOBODY%/index.json")}, OWN_HOST="own.test")
    assert settings.sources[0].registry.url == "https://own.test/%NOBODY%/index.json"


def test_sources_that_cannot_be_asked(tmp_path: Path) -> None:
    files = {USER: config("local=../packages", "old=https://old.test/api/v2", "v3=https://new.test/feed", ONE)}
    settings = told(tmp_path, {USER: files[USER].replace('/feed"', '/feed" protocolVersion="3"')})
    assert names(settings) == ["v3", "one"]
    assert settings.notes == [
        "source local: a folder, which is not looked into",
        "source old: of version 2, which is not asked",
    ]
    with pytest.raises(UnsupportedError, match="no source can be asked"):
        told(tmp_path, {USER: config("local=/packages")})


@pytest.mark.parametrize(
    ("name", "in_file"), [("one", "one"), ("my feed", "my_x0020_feed"), ("1st", "_x0031_st"), ("a.b-c", "a.b-c")]
)
def test_a_login_in_clear_text(name: str, in_file: str, tmp_path: Path) -> None:
    content = credentials(in_file, Username="ana", ClearTextPassword="%PASSWORD%").replace('key="one"', f'key="{name}"')
    settings = told(tmp_path, {USER: content}, PASSWORD=SECRET)
    assert login(settings) == basic("ana", SECRET)
    assert SECRET not in repr(settings.sources)


def test_a_login_of_another_source_is_not_shown(tmp_path: Path) -> None:
    assert login(told(tmp_path, {USER: credentials("two", Username="ana", ClearTextPassword=SECRET)})) is None


def test_a_login_in_a_variable_counts_more(tmp_path: Path) -> None:
    said = f"Username=bob;Password={SECRET};with;ValidAuthenticationTypes=negotiate,basic"
    settings = told(
        tmp_path, {USER: credentials("one", Username="ana", Password="x")}, NuGetPackageSourceCredentials_one=said
    )
    assert login(settings) == basic("bob", f"{SECRET};with")


def test_a_password_that_only_windows_can_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="on Windows only") as caught:
        told(tmp_path, {USER: credentials("one", Username="ana", Password="AQAAANCMnd8")})
    assert caught.value.path == "packageSourceCredentials.one.Password"
    assert any("--store-password-in-clear-text" in one for one in caught.value.suggestions)
    assert "AQAAANCMnd8" not in str(caught.value)
    assert names(told(tmp_path, {USER: credentials("two", Username="ana", Password="AQAAANCMnd8")})) == ["one"]


def test_a_source_that_takes_no_password(tmp_path: Path) -> None:
    values = {"Username": "ana", "ClearTextPassword": SECRET, "ValidAuthenticationTypes": "negotiate, ntlm"}
    with pytest.raises(UnsupportedError, match="takes no password"):
        told(tmp_path, {USER: credentials("one", **values)})


def test_proxies(tmp_path: Path) -> None:
    def proxy(*adds: str, **environment: str) -> str:
        more = f"<config>{''.join(adds)}</config>"
        return told(tmp_path, {USER: config(ONE, more=more)}, **environment).sources[0].registry.proxy

    own = '<add key="http_proxy" value="http://proxy.test:3128" />'
    assert proxy(own, https_proxy="http://other.test:1") == "http://proxy.test:3128"
    assert proxy(own, '<add key="no_proxy" value="one.test" />') == ""
    assert proxy(http_proxy="http://variable.test:1") == "http://variable.test:1"
    assert proxy(http_proxy="http://variable.test:1", https_proxy="http://nearer.test:1") == "http://nearer.test:1"
    assert proxy(http_proxy="http://variable.test:1", no_proxy=".test") == ""
    with pytest.raises(UnsupportedError, match="the proxy is encrypted"):
        proxy(own, '<add key="http_proxy.password" value="AQAA" />')


MAPPING = """<packageSourceMapping>
  <packageSource key="ONE"><package pattern="*" /></packageSource>
  <packageSource key="two"><package pattern="Contoso.*" /><package pattern="Both" /><package pattern="Own" /></packageSource>
  <packageSource key="three"><package pattern="Contoso.Secret.*" /><package pattern="Both" /><package pattern="own*" /><package pattern="contoso.exact" /></packageSource>
</packageSourceMapping>"""


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("newtonsoft.json", ["one"]), ("contoso.web", ["two"]), ("contoso", ["one"]), ("contoso.", ["two"]), ("contoso.secret.key", ["three"]),
        ("contoso.exact", ["three"]), ("contoso.exactly", ["two"]), ("both", ["two", "three"]), ("both.not", ["one"]), ("own", ["two", "three"]), ("owned", ["two", "three"]), ("ow", ["one"]),
    ],
)  # fmt: skip
def test_which_source_may_have_a_package(name: str, sources: list[str], tmp_path: Path) -> None:
    settings = told(tmp_path, {USER: config(ONE, TWO, THREE, more=MAPPING)})
    assert [names(settings)[number] for number in settings.sources_for(name)] == sources


def test_without_a_pattern_that_fits_no_source_has_it(tmp_path: Path) -> None:
    mapping = MAPPING.replace('pattern="*"', 'pattern="Own.*"')
    settings = told(tmp_path, {USER: config(ONE, TWO, more=mapping)})
    assert settings.sources_for("newtonsoft.json") == []
    assert told(tmp_path, {USER: config(ONE, TWO)}).sources_for("newtonsoft.json") == [0, 1]


@pytest.mark.parametrize(
    "content",
    [
        "", "<configuration>", "<other />", "no xml", '<!DOCTYPE x [<!ENTITY a "b">]><configuration />', "<a>" * 500, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(content: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="settings cannot be read") as caught:
        told(tmp_path, {USER: content})
    assert caught.value.suggestions == [f"correct {tmp_path / USER}"]


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="cannot be used"):
        told(tmp_path, {USER: config("one=https://[::1/index.json")})


PLACES = (
    "a/b/nuget.config",
    "a/NuGet.Config",
    "a/b/NuGet.Config",
    "NuGet.config",
    "home/.config/NuGet/config/more.config",
)


def drawn(random: Random) -> str:
    """Return a file of settings."""
    names = ("one", "two", "three", "Four", "ONE", "my feed")
    hosts = ("x", "y", "%OWN_HOST%", "%NOBODY%")
    sources = {
        name: f"https://{random.choice(hosts)}.test/{random.randint(1, 9)}/index.json"
        for name in random.sample(names, random.randint(0, 4))
    }
    disabled = {name: random.choice(("true", "false")) for name in random.sample(names, random.randint(0, 2))}
    found = ""
    for section, values, chance in (("packageSources", sources, 0.85), ("disabledPackageSources", disabled, 0.5)):
        elements = [f'<add key="{name}" value="{value}" />' for name, value in values.items()]
        if random.random() < 0.2:
            elements.insert(random.randint(0, len(elements)), "<clear />")
        if random.random() < chance:
            found += f"<{section}>{''.join(elements)}</{section}>"
    return f"<configuration>{found}</configuration>"


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
async def test_nuget_reads_the_same(count: int, tmp_path: Path) -> None:
    program = nuget_program()
    assert program is not None
    for number in range(count):
        random, folder = Random(number), tmp_path / str(number)
        files = {
            place: drawn(random)
            for place in ("home/.config/NuGet/NuGet.Config", *(one for one in PLACES if random.random() < 0.5))
        }
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "home" / ".config" / "NuGet").mkdir(parents=True)
        # Without this mark nuget.exe writes its own default to a file of the user that has no sources.
        (folder / "home" / ".config" / "NuGet" / "nugetorgadd.trk").touch()
        try:
            ours = [source.registry.url for source in told(folder, files, OWN_HOST="own").sources]
        except MissingRequirementError:
            ours = []
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "OWN_HOST": "own", "LANG": "C.UTF-8"}
        ended = await run(
            [*program, "sources", "list", "-Format", "Short", "-NonInteractive"],
            timeout=60,
            env=environment,
            cwd=folder / "a" / "b",
        )
        said = ended.stdout.decode().splitlines()
        assert ours == [line[2:].strip() for line in said if line.startswith("E ")], files
