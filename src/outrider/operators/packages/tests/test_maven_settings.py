import os
import shutil
import zipfile
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.maven.client import MavenRepository
from outrider.operators.packages.maven.poms import PomRepository
from outrider.operators.packages.maven.program import MavenProgram, maven_program
from outrider.operators.packages.maven.project import project_repositories
from outrider.operators.packages.maven.settings import MavenSettings, Named, matches
from outrider.operators.packages.tests.maven_poms import element, fields, parts, pom

OWN = PomRepository("central", "https://built-in.test/maven", releases=True, snapshots=False)


def repository(name: str, url: str, more: str = "") -> str:
    return element("repository", fields(id=name, url=url), more)


def profile(name: str, *content: str, activation: str = "") -> str:
    return element("profile", fields(id=name), element("activation", activation) if activation else "", *content)


def mirror(name: str, mirror_of: str, **values: str) -> str:
    return element("mirror", fields(id=name, mirrorOf=mirror_of, url=f"https://{name}.test/", **values))


class Told:
    """A machine with settings of Maven."""

    def __init__(self, folder: Path) -> None:
        self.home, self.installed = folder / "home", folder / "maven"
        self.program = MavenProgram(home=str(self.installed), repositories=[OWN], properties={"java.version": "17.0.1"})
        self.environment = {"HOME": str(self.home)}

    def user(self, *content: str) -> None:
        self._write(self.home / ".m2" / "settings.xml", content)

    def everybody(self, *content: str) -> None:
        self._write(self.installed / "conf" / "settings.xml", content)

    def _write(self, path: Path, content: tuple[str, ...]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(element("settings", *content))

    def settings(self) -> MavenSettings:
        return MavenSettings(self.environment, self.program)

    def repositories(self) -> list[MavenRepository]:
        return self.settings().repositories()

    def urls(self) -> list[str]:
        return [one.registry.url for one in self.repositories()]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_what_maven_comes_with(told: Told) -> None:
    (one,) = told.repositories()
    assert (one.id, one.registry.url, one.releases, one.snapshots) == (
        "central",
        "https://built-in.test/maven",
        True,
        False,
    )


def test_where_nothing_is_known(told: Told) -> None:
    told.program = MavenProgram()
    with pytest.raises(MissingRequirementError) as caught:
        told.repositories()
    assert caught.value.suggestions
    told.user(element("mirrors", mirror("mine", "central")))
    assert told.urls() == ["https://mine.test"]


def test_repositories_of_profiles(told: Told) -> None:
    profiles = [
        profile("named", element("repositories", repository("a", "https://a.test/"))),
        profile("usual", element("repositories", repository("b", "https://b.test")), activation=element("activeByDefault", "true")),
        profile("java", element("repositories", repository("c", "https://c.test")), activation=element("jdk", "[17,18)")),
        profile("other", element("repositories", repository("d", "https://d.test")), activation=element("jdk", "1.4")),
    ]  # fmt: skip
    told.user(element("profiles", *profiles), element("activeProfiles", element("activeProfile", "named")))
    assert told.urls() == ["https://c.test", "https://b.test", "https://a.test", "https://built-in.test/maven"]


def test_what_is_released_and_what_is_not(told: Told) -> None:
    off = element("releases", element("enabled", "false"))
    told.user(
        element("profiles", profile("own", element("repositories", repository("central", "https://own.test", off)))),
        element("activeProfiles", element("activeProfile", "own")),
    )
    (one,) = told.repositories()
    assert (one.registry.url, one.releases, one.snapshots) == ("https://own.test", False, True)


def test_the_settings_of_the_user_count_more(told: Told) -> None:
    told.user(element("mirrors", mirror("one", "central")))
    told.everybody(element("mirrors", mirror("one", "*"), mirror("two", "central")), element("activeProfiles"))
    assert told.urls() == ["https://one.test"]


@pytest.mark.parametrize(
    ("mirror_of", "url", "expected"),
    [
        ("*", "https://a.test", True), ("repo", "https://a.test", True), ("other", "https://a.test", False),
        ("*,!repo", "https://a.test", False), ("!repo,*", "https://a.test", False), ("other,repo", "https://a.test", True),
        ("external:*", "https://a.test", True), ("external:*", "http://localhost:8080/x", False),
        ("external:*,!repo", "https://a.test", False), ("external:http:*", "http://a.test", True),
        ("external:http:*", "https://a.test", False), ("external:http:*", "http://127.0.0.1/x", False),
    ],
)  # fmt: skip
def test_of_what_a_mirror_is(mirror_of: str, url: str, expected: bool) -> None:
    assert matches(PomRepository("repo", url), mirror_of) is expected


def test_a_mirror_by_its_name_goes_before_one_of_all(told: Told) -> None:
    told.user(element("mirrors", mirror("all", "*"), mirror("exact", "central")))
    assert told.urls() == ["https://exact.test"]


def test_repositories_of_one_mirror_are_asked_once(told: Told) -> None:
    told.user(element("mirrors", mirror("all", "*")))
    further = [Named(PomRepository("more", "https://more.test", releases=False), "a test")]
    (one,) = told.settings().repositories(further)
    assert (one.id, one.releases, one.snapshots) == ("all", True, True)


def test_who_asks_does_not_ask_itself(told: Told) -> None:
    told.user(element("mirrors", mirror("hub", "*"), mirror("other", "*")))
    assert told.urls() == ["https://hub.test"]
    for without, url in (("https://hub.test", "other"), ("https://other.test", "hub"), ("http://hub.test", "hub")):
        settings = MavenSettings(told.environment, told.program, without=without)
        assert [one.registry.url for one in settings.repositories()] == [f"https://{url}.test"]
    told.user(
        element("mirrors", element("mirror", fields(id="hub", mirrorOf="*", url="http://localhost:7090/maven/"))),
        element("profiles", profile("own", element("repositories", repository("own", "http://127.0.0.1:7090/maven")))),
        element("activeProfiles", fields(activeProfile="own")),
    )
    settings = MavenSettings(told.environment, told.program, without="http://127.0.0.1:7090")
    assert [one.registry.url for one in settings.repositories()] == [OWN.url]


def test_what_is_blocked_is_left_out_and_told_of(told: Told) -> None:
    told.everybody(element("mirrors", mirror("no", "external:http:*", blocked="true")))
    settings = told.settings()
    found = settings.repositories([Named(PomRepository("old", "http://old.test"), "a test")])
    assert [one.id for one in found] == ["central"]
    assert "the repository old" in settings.left_out[0]


def server(name: str, *content: str, **values: str) -> str:
    return element("servers", element("server", fields(id=name, **values), *content))


def test_what_is_shown(told: Told) -> None:
    told.environment["TOKEN"] = "secret"
    told.user(server("central", username="me", password="${env.TOKEN}"))
    (one,) = told.repositories()
    assert one.registry.authorization is not None
    assert one.registry.authorization.reveal() == "Basic bWU6c2VjcmV0"
    assert "secret" not in repr(one)
    told.user(server("other", username="me", password="x"))
    assert told.repositories()[0].registry.authorization is None


def test_what_is_shown_to_a_mirror(told: Told) -> None:
    both = element("mirrors", mirror("all", "*"))
    told.user(both, server("all", username="me", password="secret"))
    assert told.repositories()[0].registry.authorization is not None
    told.user(both, server("central", username="me", password="secret"))
    assert told.repositories()[0].registry.authorization is None


def header(name: str) -> str:
    each = element("property", fields(name=name, value="Bearer x"))
    return server("central", element("configuration", element("httpHeaders", each)))


def test_a_header_of_ones_own(told: Told) -> None:
    told.user(header("Authorization"))
    authorization = told.repositories()[0].registry.authorization
    assert authorization is not None
    assert authorization.reveal() == "Bearer x"
    told.user(header("Private-Token"))
    with pytest.raises(UnsupportedError, match="only Authorization"):
        told.repositories()


def test_a_password_that_only_maven_can_read(told: Told) -> None:
    told.user(server("central", username="me", password="{COQLCE6DU6GtcS5P=}"))
    with pytest.raises(UnsupportedError, match="encrypted") as caught:
        told.repositories()
    assert "COQ" not in str(caught.value.found)
    told.user(server("central", username="me", password="\\{plain\\}"))
    assert told.repositories()[0].registry.authorization is not None


def proxy(protocol: str, host: str, **values: str) -> str:
    return element("proxy", fields(protocol=protocol, host=host, port="3128", **values))


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ([proxy("http", "a")], "http://a:3128"), ([proxy("http", "a"), proxy("https", "b")], "http://b:3128"),
        ([proxy("https", "a", active="false")], ""), ([proxy("https", "a", nonProxyHosts="x|*.test")], ""),
        ([proxy("https", "a", nonProxyHosts="built-out.test")], "http://a:3128"), ([proxy("socks", "a")], ""), ([], ""),
    ],
)  # fmt: skip
def test_proxies(proxies: list[str], expected: str, told: Told) -> None:
    told.user(element("proxies", *proxies))
    assert told.repositories()[0].registry.proxy == expected


def test_a_proxy_with_a_login(told: Told) -> None:
    told.user(element("proxies", proxy("https", "a", username="me")))
    with pytest.raises(UnsupportedError, match="with a login"):
        told.repositories()


def test_a_repository_of_another_kind(told: Told) -> None:
    with pytest.raises(UnsupportedError, match="of the kind s3"):
        told.settings().repositories([Named(PomRepository("own", "s3://bucket/x"), "a test")])


@pytest.mark.parametrize("content", ["<settings", "<!DOCTYPE a><settings/>", "\0"])
def test_settings_that_cannot_be_read(content: str, told: Told) -> None:
    told.user()
    (told.home / ".m2" / "settings.xml").write_text(content)
    with pytest.raises(InvalidConfigError, match="cannot be read") as caught:
        told.settings()
    assert "settings.xml" in caught.value.suggestions[0]


def test_the_repositories_of_a_project(tmp_path: Path) -> None:
    project = tmp_path / "above" / "project"
    project.mkdir(parents=True)
    own = element("repositories", repository("own", "${base}/own"), repository("both", "https://child.test"))
    more = profile(
        "p",
        element("repositories", repository("p", "https://p.test")),
        activation=element("property", fields(name="!x")),
    )
    named = profile("named", element("repositories", repository("n", "https://n.test")))
    (project / "pom.xml").write_text(pom(":web:", own, element("profiles", more, named), parent="g:above:1"))
    above = element("repositories", repository("both", "https://above.test"), repository("above", "${env.ABOVE}"))
    (tmp_path / "above" / "pom.xml").write_text(
        pom("g:above:1", parts((), (), {"base": "https://base.test"}), above, packaging="pom")
    )
    found = project_repositories(project, {"env.ABOVE": "https://env.test"}, ("named",))
    assert [(one.repository.id, one.repository.url) for one in found] == [
        ("n", "https://n.test"), ("p", "https://p.test"), ("own", "https://base.test/own"), ("both", "https://child.test"),
        ("above", "https://env.test"),
    ]  # fmt: skip
    assert project_repositories(tmp_path, {}, ()) == []


@pytest.mark.parametrize(
    "content",
    ["<project>", pom("g:a:1", element("repositories", repository("a", "${a}")), parts((), (), {"a": "${a}"}))],
)
def test_a_project_that_cannot_be_read(content: str, tmp_path: Path) -> None:
    (tmp_path / "pom.xml").write_text(content)
    with pytest.raises(InvalidConfigError, match="the project cannot be read"):
        project_repositories(tmp_path, {}, ())


SAID = """\x1b[1mApache Maven 3.8.7\x1b[m
Maven home: {home}
Java version: 17.0.15, vendor: Debian, runtime: /usr/lib/jvm/java-17
Default locale: en, platform encoding: UTF-8
OS name: "linux", version: "6.1", arch: "amd64", family: "unix"
"""


def fake_maven(folder: Path, *, jar: bool = True) -> dict[str, str]:
    """Return the environment with a Maven of a test."""
    home = folder / "maven"
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    (folder / "said").write_text(SAID.format(home=home))
    (home / "bin" / "mvn").write_text(f"#!/bin/sh\necho x >> {folder}/counted\nenv > {folder}/env\ncat {folder}/said\n")
    (home / "bin" / "mvn").chmod(0o755)
    if jar:
        with zipfile.ZipFile(home / "lib" / "maven-model-builder-3.8.7.jar", "w") as made:
            built_in = repository("central", "https://built-in.test", element("snapshots", element("enabled", "false")))
            made.writestr("org/apache/maven/model/pom-4.0.0.xml", element("project", element("repositories", built_in)))
    return {"PATH": f"{home}/bin:/usr/bin:/bin", "HOME": str(folder), "SECRET": "secret"}


async def test_maven_is_asked_once(tmp_path: Path) -> None:
    environment = fake_maven(tmp_path)
    for _ in range(2):
        program = await maven_program(environment, tmp_path / "cache")
        assert (program.home, program.version) == (str(tmp_path / "maven"), "3.8.7")
        assert program.repositories == [
            PomRepository("central", "https://built-in.test", releases=True, snapshots=False)
        ]
        assert program.properties["java.version"] == "17.0.15"
        assert program.properties["java.specification.version"] == "17"
        assert program.properties["os.name"] == "linux"
    assert (tmp_path / "counted").read_text() == "x\n"
    assert "secret" not in (tmp_path / "env").read_text()


async def test_a_maven_without_its_own_pom(tmp_path: Path) -> None:
    environment = fake_maven(tmp_path, jar=False)
    (tmp_path / "maven" / "lib" / "maven-model-builder-3.8.7.jar").write_bytes(b"no jar")
    assert (await maven_program(environment, tmp_path / "cache")).repositories == []


async def test_where_there_is_no_maven(tmp_path: Path) -> None:
    program = await maven_program({"PATH": str(tmp_path)}, tmp_path / "cache")
    assert (program.home, program.repositories) == ("", [])
    assert program.properties["file.separator"] == os.sep


@pytest.mark.real
@pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is missing: apt-get install maven")
async def test_what_maven_says_here(tmp_path: Path) -> None:
    program = await maven_program(os.environ, tmp_path)
    assert program.version
    assert program.properties["java.version"]
    (one,) = program.repositories
    assert one.id == "central"
    assert one.url.startswith("https://")
