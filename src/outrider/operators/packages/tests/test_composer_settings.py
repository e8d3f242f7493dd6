"""Where packages of Composer come from, and what is shown to whom."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.composer.files import composer_home
from outrider.operators.packages.composer.settings import ComposerSettings, DefaultRepository, Place
from outrider.operators.packages.registries.registry import Registry

SECRET = "secret-token"
DEFAULT = DefaultRepository("default.test", "https://repo.default.test")
OWN = {"type": "composer", "url": "https://own.test/composer/"}
OTHER = {"type": "composer", "url": "https://other.test"}


class Machine:
    """A home and a project.

    Args:
        folder: In which they are.
        project: What `composer.json` says.
        files: Further files, below the folder.
    """

    def __init__(self, folder: Path, project: Any = None, files: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "COMPOSER_HOME": str(folder / "home")}
        (folder / "project").mkdir()
        for path, content in {
            **(files or {}),
            **({} if project is None else {"project/composer.json": project}),
        }.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))

    def settings(self, default: DefaultRepository | None = DEFAULT, **variables: str) -> ComposerSettings:
        return ComposerSettings(self.environment | variables, self.folder / "project", default)

    def places(self, default: DefaultRepository | None = DEFAULT, **variables: str) -> list[Place]:
        return self.settings(default, **variables).places()

    def urls(self, default: DefaultRepository | None = DEFAULT, **variables: str) -> list[str]:
        return [one.url for one in self.places(default, **variables)]

    def shown(self, url: str, **variables: str) -> dict[str, str]:
        """Return what is shown at an address."""
        return fields_of(self.settings(DEFAULT, **variables).registry(url, "a test"))


def fields_of(registry: Registry) -> dict[str, str]:
    found = {name: value.reveal() for name, value in registry.headers}
    return found | ({"authorization": registry.authorization.reveal()} if registry.authorization else {})


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(text.encode()).decode()}"}


def test_where_nothing_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.urls() == [DEFAULT.url]
    with pytest.raises(MissingRequirementError, match="no registry of composer") as caught:
        machine.urls(None)
    assert caught.value.suggestions


@pytest.mark.parametrize(
    ("repositories", "urls"),
    [
        ([OWN], ["own", "default"]),
        ([OWN, OTHER], ["own", "other", "default"]),
        ({"b": OWN, "a": OTHER}, ["own", "other", "default"]),
        ([OWN, {"default.test": False}], ["own"]),
        ([OWN, {"default": False}], ["own"]),
        ({"own": OWN, "default.test": False}, ["own"]),
        ({"own": OWN, "default": False}, ["own"]),
        ({"own": OWN, "unknown": False}, ["own", "default"]),
        ([{"type": "composer", "url": "https://mirror.default.test/x"}, OWN], ["mirror", "own"]),
        ({"default.test": OWN}, ["own"]),
        ({"default": OTHER, "x": OWN}, ["own", "other"]),
        ([{"name": "own", **OWN}], ["own", "default"]),
        ({"0": OWN, "1": OTHER}, ["own", "other", "default"]),
        ([], ["default"]),
        ({}, ["default"]),
    ],
)
def test_repositories_of_a_project(repositories: Any, urls: list[str], tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"repositories": repositories})
    hosts = [url.partition("//")[2].partition(".")[0].replace("repo", "default") for url in machine.urls()]
    assert hosts == urls


def test_repositories_of_a_user_come_after_those_of_a_project(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path, {"repositories": [OWN]}, {"home/config.json": {"repositories": {"other": OTHER, "default": False}}}
    )
    assert machine.urls() == ["https://own.test/composer", "https://other.test"]
    (tmp_path / "project" / "composer.json").write_bytes(msgspec.json.encode({"repositories": {"other": False}}))
    with pytest.raises(MissingRequirementError):
        machine.urls()


def test_what_is_said_of_a_repository(tmp_path: Path) -> None:
    filters = {"only": ["acme/*"], "canonical": False}
    package = {"type": "package", "package": {"name": "a/b"}, "exclude": ["x/*"]}
    options = {"options": {"http": {"header": ["X-Own: value", "x-other:1"]}}}
    own, in_settings = Machine(tmp_path, {"repositories": [{**OWN, **filters, **options}, package]}).places()[:2]
    assert (own.only, own.exclude, own.canonical, own.source) == (
        ["acme/*"],
        [],
        False,
        str(tmp_path / "project" / "composer.json"),
    )
    assert [(name, value.reveal()) for name, value in own.headers] == [("x-own", "value"), ("x-other", "1")]
    assert (in_settings.url, in_settings.packages, in_settings.exclude) == ("", [{"name": "a/b"}], ["x/*"])


def test_another_file_of_a_project(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"repositories": [OWN]}, {"project/other.json": {"repositories": [OTHER]}})
    assert machine.urls(COMPOSER="other.json")[0] == "https://other.test"


@pytest.mark.parametrize(
    ("repository", "path"),
    [
        (3, "repositories.0"),
        ("https://own.test", "repositories.0"),
        ({"url": "https://own.test"}, "repositories.0"),
        ({"type": "composer"}, "repositories.0.url"),
        ({"type": "composer", "url": 3}, "repositories.0.url"),
        ({**OWN, "only": "acme"}, "repositories.0"),
        ({**OWN, "exclude": [3]}, "repositories.0"),
        ({**OWN, "canonical": "yes"}, "repositories.0"),
        ({**OWN, "options": {"http": {"header": ["nonsense"]}}}, "repositories.0.options.http.header"),
        ({**OWN, "options": {"http": {"header": ["Host: other.test"]}}}, "repositories.0.options.http.header"),
        ({**OWN, "options": {"http": {"header": "X: a\r\nY: b"}}}, "repositories.0.options.http.header"),
    ],
)
def test_repositories_that_cannot_be_used(repository: Any, path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Machine(tmp_path, {"repositories": [repository]}).urls()
    assert caught.value.path == path
    assert caught.value.suggestions


@pytest.mark.parametrize("kind", ["vcs", "path", "artifact", "git"])
def test_repositories_of_other_kinds(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=f"of the kind {kind} cannot be asked"):
        Machine(tmp_path, {"repositories": [{"type": kind, "url": "https://own.test"}]}).urls()


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"config": {"http-basic": {"a": "pass']
)
def test_files_that_cannot_be_read(content: bytes, tmp_path: Path) -> None:
    for number, path in enumerate(("project/composer.json", "home/config.json", "home/auth.json", "project/auth.json")):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(InvalidConfigError, match="cannot be read") as caught:
            Machine(tmp_path / str(number), files={path: content}).settings()
        assert "pass" not in str(caught.value)


def test_a_variable_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="COMPOSER_AUTH"):
        Machine(tmp_path).settings(COMPOSER_AUTH="{")


@pytest.mark.parametrize("field", ["config", "repositories", "minimum-stability"])
def test_fields_that_cannot_be_used(field: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=field):
        Machine(tmp_path, {field: 3}).urls()


CREDENTIALS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"http-basic": {"own.test": {"username": "user", "password": "pass"}}}, basic("user:pass")),
    ({"bearer": {"own.test": SECRET}}, {"authorization": f"Bearer {SECRET}"}),
    ({"github-oauth": {"own.test": SECRET}}, basic(f"{SECRET}:x-oauth-basic")),
    ({"gitlab-oauth": {"own.test": SECRET}}, {"authorization": f"Bearer {SECRET}"}),
    ({"gitlab-oauth": {"own.test": {"token": SECRET}}}, {"authorization": f"Bearer {SECRET}"}),
    ({"gitlab-token": {"own.test": SECRET}}, {"private-token": SECRET}),
    ({"gitlab-token": {"own.test/below": SECRET}}, {"private-token": SECRET}),
    ({"gitlab-token": {"own.test": {"username": "user", "token": "pass"}}}, basic("user:pass")),
    ({"custom-headers": {"own.test": ["X-Own: value", "X-Other: 2"]}}, {"x-own": "value", "x-other": "2"}),
    ({"bearer": {"own.test": SECRET}, "custom-headers": {"own.test": ["X: 1"]}}, {"authorization": f"Bearer {SECRET}", "x": "1"}),
    # What Composer reads later counts more.
    ({"bearer": {"own.test": SECRET}, "http-basic": {"own.test": {"username": "u", "password": "p"}}}, {"authorization": f"Bearer {SECRET}"}),
    ({"http-basic": {"other.test": {"username": "user", "password": "pass"}}}, {}),
    ({"http-basic": {"own.test:8443": {"username": "user", "password": "pass"}}}, {}),
    ({"http-basic": []}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "shown"), CREDENTIALS, ids=range(len(CREDENTIALS)))
@pytest.mark.parametrize(
    "place", ["home/auth.json", "project/auth.json", "COMPOSER_AUTH", "home/config.json", "project/composer.json"]
)
def test_credentials(said: dict[str, Any], shown: dict[str, str], place: str, tmp_path: Path) -> None:
    content = {"config": said} if place.endswith(("config.json", "composer.json")) else said
    if place == "COMPOSER_AUTH":
        machine, variables = Machine(tmp_path), {place: msgspec.json.encode(content).decode()}
    else:
        machine, variables = Machine(tmp_path, files={place: content}), {}
    assert machine.shown("https://own.test/composer", **variables) == shown
    assert SECRET not in repr(machine.settings(DEFAULT, **variables).registry("https://own.test", "a test"))


def test_the_credentials_that_count_most(tmp_path: Path) -> None:
    def bearer(token: str) -> dict[str, Any]:
        return {"bearer": {"own.test": token}}

    machine = Machine(
        tmp_path, {"config": bearer("c")}, {"home/config.json": {"config": bearer("a")}, "home/auth.json": bearer("b")}
    )
    assert machine.shown("https://own.test") == {"authorization": "Bearer c"}
    (tmp_path / "project" / "auth.json").write_bytes(msgspec.json.encode(bearer("d")))
    assert machine.shown("https://own.test", COMPOSER_AUTH='{"bearer": {"own.test": "e"}}') == {
        "authorization": "Bearer d"
    }
    assert machine.shown("https://user:pass@own.test") == basic("user:pass")


def test_credentials_under_another_name(tmp_path: Path) -> None:
    auth = {"bearer": {"default.test": "a", "github.com": "b"}, "github-oauth": {"github.com": SECRET}}
    machine = Machine(tmp_path, files={"home/auth.json": auth})
    assert machine.shown(DEFAULT.url) == {"authorization": "Bearer a"}
    assert machine.shown("https://github.com/x") == {}
    (tmp_path / "home" / "auth.json").write_bytes(msgspec.json.encode({"github-oauth": {"github.com": SECRET}}))
    assert machine.shown("https://api.github.com/x") == {"authorization": f"token {SECRET}"}


@pytest.mark.parametrize(
    "said",
    [
        {"http-basic": {"own.test": "user:pass"}},
        {"http-basic": {"own.test": {"username": "user"}}},
        {"bearer": {"own.test": 3}},
        {"bearer": {"own.test": "a b\n"}},
        {"github-oauth": {"own.test": {}}},
        {"gitlab-token": {"own.test": {"token": "pass"}}},
        {"custom-headers": {"own.test": "none"}},
        {"custom-headers": {"own.test": {"X": "1"}}},
        {"custom-headers": {"own.test": ["Content-Length: 3"]}},
        {"bearer": "pass"},
    ],
)
def test_credentials_that_cannot_be_used(said: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Machine(tmp_path, files={"home/auth.json": said}).settings()
    assert "pass" not in str(caught.value)
    assert caught.value.path.startswith(next(iter(said)))


def test_the_way_to_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"config": {"cafile": "/etc/own.pem"}})
    assert machine.settings().registry("https://own.test", "a test").authorities == Path("/etc/own.pem")
    assert machine.settings(COMPOSER_CAFILE="/near.pem").registry("https://own.test", "x").authorities == Path(
        "/near.pem"
    )
    assert (
        machine.settings(https_proxy="http://proxy.test:3128").registry("https://own.test", "x").proxy
        == "http://proxy.test:3128"
    )


def test_no_repository_is_asked_without_encryption(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="without encryption"):
        Machine(tmp_path).settings().registry("http://own.test", "a test")
    (tmp_path / "x").mkdir()
    allowed = Machine(
        tmp_path / "x", {"config": {"secure-http": False}}, {"home/config.json": {"config": {"secure-http": True}}}
    )
    assert allowed.settings().registry("http://own.test", "a test").url == "http://own.test"


def test_what_counts_for_versions(tmp_path: Path) -> None:
    home = {"config": {"platform": {"php": "7.0"}}, "minimum-stability": "dev", "prefer-stable": True}
    machine = Machine(tmp_path, {"minimum-stability": "Beta"}, {"home/config.json": home})
    settings = machine.settings()
    assert (settings.minimum, settings.prefer_stable, settings.platform) == (10, False, {"php": "7.0"})
    (tmp_path / "project" / "composer.json").write_bytes(
        msgspec.json.encode({"config": {"platform": {"Ext-A": False}}, "prefer-stable": True})
    )
    settings = machine.settings()
    assert (settings.minimum, settings.prefer_stable, settings.platform) == (0, True, {"Ext-A": False})


@pytest.mark.parametrize("platform", [{"php": 8}, {"php": True}, {"php": None}])
def test_a_platform_that_cannot_be_used(platform: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"config\.platform\.php"):
        Machine(tmp_path, {"config": {"platform": platform}}).settings()


def test_the_home_of_a_user(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert composer_home({"COMPOSER_HOME": "/x"}) == Path("/x")
    assert composer_home(home | {"XDG_CONFIG_HOME": str(tmp_path / "c")}) == tmp_path / "c" / "composer"
    assert composer_home(home | {"XDG_CACHE_HOME": "/x"}) == tmp_path / ".config" / "composer"
    (tmp_path / ".composer").mkdir()
    assert composer_home(home) == tmp_path / ".composer"
