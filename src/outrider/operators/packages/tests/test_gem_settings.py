"""Where gems come from, by the settings of RubyGems and Bundler."""

import os
import shutil
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.gem.bundler import _LINE
from outrider.operators.packages.gem.program import ruby_program
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.registries.registry import Registry

BUILT_IN = ["https://gems.test/"]
OWN = ":sources:\n- https://own.test/gems/\n"
MIRROR = 'BUNDLE_MIRROR__HTTPS://GEMS__TEST/: "https://mirror.test/a"\n'


def registries(folder: Path, files: dict[str, str], **environment: str) -> list[Registry]:
    """Return the sources where some files are there."""
    return settings(folder, files, **environment).registries(BUILT_IN)


def settings(folder: Path, files: dict[str, str], **environment: str) -> GemSettings:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return GemSettings(
        {"HOME": str(folder / "home"), **environment}, folder / "project" / "deep", folder / "etc" / "gemrc"
    )


def urls(folder: Path, files: dict[str, str], **environment: str) -> list[str]:
    return [one.url for one in registries(folder, files, **environment)]


def shown(registry: Registry) -> str:
    """Return what is shown to a source."""
    return registry.authorization.reveal() if registry.authorization is not None else ""


def login(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def test_where_nothing_is_said(tmp_path: Path) -> None:
    (found,) = registries(tmp_path, {})
    assert (found.url, found.source) == ("https://gems.test", "RubyGems' own default")


def test_where_nobody_names_a_source(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError, match="no registry of gem") as caught:
        settings(tmp_path, {}).registries([])
    assert caught.value.suggestions


@pytest.mark.parametrize("path", ["etc/gemrc", "home/.gemrc", "home/.config/gem/gemrc"])
def test_where_sources_are_read(path: str, tmp_path: Path) -> None:
    (found,) = registries(tmp_path, {path: f"---\n:backtrace: false\n{OWN}"})
    assert (found.url, found.source) == ("https://own.test/gems", str(tmp_path / path))


def test_the_file_of_the_user_counts_more_and_that_of_the_variable_most(tmp_path: Path) -> None:
    files = {"etc/gemrc": OWN, "home/.gemrc": OWN.replace("own", "user"), "more": OWN.replace("own", "more")}
    assert urls(tmp_path, files) == ["https://user.test/gems"]
    assert urls(tmp_path, files, GEMRC=f"{tmp_path / 'more'}:{tmp_path / 'none'}") == ["https://more.test/gems"]


def test_several_sources_in_their_order(tmp_path: Path) -> None:
    more = f"{OWN}- https://gems.test\n- https://own.test/gems/\n"
    assert urls(tmp_path, {"home/.gemrc": more}) == ["https://own.test/gems", "https://gems.test"]


def test_a_login_in_the_address(tmp_path: Path) -> None:
    (found,) = registries(tmp_path, {"home/.gemrc": OWN.replace("//", "//me:pass%20word@")})
    assert (found.url, shown(found)) == ("https://own.test/gems", login("me", "pass word"))
    assert "pass" not in repr(found)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (":sources: https://own.test\n", InvalidConfigError),
        (":sources:\n- {a: b}\n", InvalidConfigError),
        (":sources:\n- nowhere\n", InvalidConfigError),
        ("- a\n", InvalidConfigError),
        (":sources: [\n", InvalidConfigError),
        (":a: &b\n- *b\n", InvalidConfigError),
        (":sources:\n- file:///gems\n", UnsupportedError),
        (":sources:\n- s3://bucket/\n", UnsupportedError),
        ("http_proxy: socks5://proxy.test\n", UnsupportedError),
    ],
)
def test_settings_that_cannot_be_used(content: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        registries(tmp_path, {"home/.gemrc": content})


@pytest.mark.parametrize("name", ["home/.gemrc", "home/.bundle/config"])
def test_files_that_are_no_text(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        registries(tmp_path, {})


@pytest.mark.parametrize(
    "path",
    ["home/.bundle/config", "project/.bundle/config", "project/deep/.bundle/config"],
)
def test_a_mirror(path: str, tmp_path: Path) -> None:
    gemfile = {"project/Gemfile": ""} if path == "project/.bundle/config" else {}
    (found,) = registries(tmp_path, {**gemfile, path: f"---\n{MIRROR}"})
    assert (found.url, found.source) == ("https://mirror.test/a", str(tmp_path / path))


@pytest.mark.parametrize(
    "key",
    [
        "BUNDLE_MIRROR__ALL",
        "BUNDLE_MIRROR__HTTPS://GEMS__TEST/",
        "BUNDLE_MIRROR__HTTPS://GEMS__TEST",
        "BUNDLE_MIRROR__GEMS__TEST",
    ],
)
def test_how_a_mirror_is_written(key: str, tmp_path: Path) -> None:
    assert urls(tmp_path, {"home/.bundle/config": f"{key}: 'http://mirror.test'\n"}) == ["http://mirror.test"]


def test_what_counts_more_with_bundler(tmp_path: Path) -> None:
    variable = {"BUNDLE_MIRROR__HTTPS://GEMS__TEST/": "https://variable.test"}
    files = {"home/.bundle/config": MIRROR}
    assert urls(tmp_path, files, **variable) == ["https://variable.test"]
    files["project/deep/.bundle/config"] = MIRROR.replace("mirror.test", "local.test")
    assert urls(tmp_path, files, **variable) == ["https://local.test/a"]
    assert urls(tmp_path, files, BUNDLE_IGNORE_CONFIG="1") == ["https://gems.test"]


@pytest.mark.parametrize("variable", ["BUNDLE_CONFIG", "BUNDLE_USER_CONFIG", "BUNDLE_USER_HOME", "BUNDLE_APP_CONFIG"])
def test_files_of_bundler_elsewhere(variable: str, tmp_path: Path) -> None:
    where = tmp_path / "other"
    names_a_file = variable in ("BUNDLE_CONFIG", "BUNDLE_USER_CONFIG")
    files = {"other/config": MIRROR}
    found = urls(tmp_path, files, **{variable: str(where / "config" if names_a_file else where)})
    assert found == ["https://mirror.test/a"]


def test_a_gemfile_that_a_variable_names(tmp_path: Path) -> None:
    files = {"app/.bundle/config": MIRROR}
    assert urls(tmp_path, files, BUNDLE_GEMFILE=str(tmp_path / "app" / "Gemfile")) == ["https://mirror.test/a"]


@pytest.mark.parametrize(
    ("key", "value", "header"),
    [
        ("BUNDLE_GEMS__TEST", "me:pass", login("me", "pass")),
        ("BUNDLE_HTTPS://GEMS__TEST/", "me:a%3Ab+c", login("me", "a:b c")),
        ("BUNDLE_GEMS__TEST", "token", login("token", "")),
        ("BUNDLE_OTHER__TEST", "me:pass", ""),
        ("BUNDLE_HTTPS://GEMS__TEST/OTHER/", "me:pass", ""),
    ],
)
def test_a_login_of_bundler(key: str, value: str, header: str, tmp_path: Path) -> None:
    (found,) = registries(tmp_path, {}, **{key: value})
    assert shown(found) == header
    (found,) = registries(tmp_path, {"home/.bundle/config": f'{key}: "{value}"\n'})
    assert shown(found) == header


def test_a_login_is_shown_to_the_mirror_it_is_for(tmp_path: Path) -> None:
    files = {"home/.bundle/config": f'{MIRROR}BUNDLE_GEMS__TEST: "me:pass"\n'}
    assert shown(registries(tmp_path, files)[0]) == ""
    files["home/.bundle/config"] += 'BUNDLE_MIRROR__TEST: "me:mirror"\n'
    assert shown(registries(tmp_path, files)[0]) == login("me", "mirror")


def test_a_host_with_a_hyphen(tmp_path: Path) -> None:
    files = {"home/.gemrc": OWN.replace("own", "my-own")}
    assert shown(registries(tmp_path, files, BUNDLE_MY___OWN__TEST="a:b")[0]) == login("a", "b")


def test_the_way_to_it(tmp_path: Path) -> None:
    own = f"{OWN}:ssl_ca_cert: /own.pem\nhttp_proxy: http://proxy.test:3128/\n"
    (found,) = registries(tmp_path, {"home/.gemrc": own}, https_proxy="http://other.test:1")
    assert (found.proxy, found.authorities) == ("http://proxy.test:3128", Path("/own.pem"))
    (found,) = registries(tmp_path, {}, BUNDLE_SSL_CA_CERT="/bundler.pem")
    assert found.authorities == Path("/bundler.pem")
    (found,) = registries(tmp_path, {"home/.gemrc": "http_proxy: :no_proxy\n"}, https_proxy="http://other.test:1")
    assert (found.proxy, found.authorities) == ("", None)
    (found,) = registries(tmp_path, {"home/.gemrc": OWN}, https_proxy="http://other.test:1", SSL_CERT_FILE="/x.pem")
    assert (found.proxy, found.authorities) == ("http://other.test:1", Path("/x.pem"))


@pytest.mark.parametrize(
    ("value", "wanted"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False)]
)
def test_whether_what_was_built_for_a_platform_is_wanted(value: str, wanted: bool, tmp_path: Path) -> None:
    assert settings(tmp_path, {}, BUNDLE_FORCE_RUBY_PLATFORM=value).any_platform == wanted


@given(st.text("AB_:/ \"'.-\t", max_size=60))
def test_any_line_is_read_or_passed_over(line: str) -> None:
    match = _LINE.fullmatch(line)
    assert match is None or line.startswith(match["key"])


def fake_ruby(folder: Path, script: str) -> dict[str, str]:
    """Return the environment with a program `ruby` of a test."""
    folder.mkdir()
    (folder / "ruby").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ruby").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


async def test_ruby_is_asked_once(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    said = "3.4.1 3.6.2 2.6.2 arm64-darwin-24 ruby-3.4.1p0 https://gems.test/ https://more.test/"
    environment = fake_ruby(tmp_path / "bin", f"echo x >> {counted}; printf '%s\\n' {said}")
    for _ in range(2):
        found = await ruby_program(environment, tmp_path / "cache")
        assert found.sources == ["https://gems.test/", "https://more.test/"]
        target = found.target
        assert (target.ruby, target.rubygems, target.bundler, target.platform) == (
            "3.4.1",
            "3.6.2",
            "2.6.2",
            "arm64-darwin-24",
        )
        assert (str(target), found.told) == ("ruby 3.4.1 arm64-darwin-24", "ruby-3.4.1p0")
    assert counted.read_text() == "x\n"
    os.utime(tmp_path / "bin" / "ruby", (1, 1))
    await ruby_program(environment, tmp_path / "cache")
    assert counted.read_text() == "x\nx\n"


async def test_ruby_is_asked_without_settings_of_its_user(tmp_path: Path) -> None:
    environment = fake_ruby(tmp_path / "bin", f"env > {tmp_path}/seen; exit 1")
    variables = {"RUBYOPT": "-rsecret", "BUNDLE_GEMS__TEST": "me:pass", "GEM_HOST_API_KEY": "key"}
    found = await ruby_program(environment | variables, tmp_path / "cache")
    assert (found.sources, str(found.target)) == ([], "ruby")
    seen = (tmp_path / "seen").read_text()
    assert not any(text in seen for text in ("secret", "pass", "key"))


async def test_a_ruby_whose_versions_are_none(tmp_path: Path) -> None:
    found = await ruby_program(
        fake_ruby(tmp_path / "bin", "printf 'three\\n3.6\\n\\nx86_64-linux\\nruby\\nhttps://gems.test\\n'"),
        tmp_path / "cache",
    )
    assert (found.target.ruby, found.target.rubygems, found.target.bundler) == ("", "3.6", "")
    assert (str(found.target), found.sources) == ("x86_64-linux", ["https://gems.test"])


@pytest.mark.parametrize("script", ["exit 1", "echo 3.1.2", "printf '\\377\\376'"])
async def test_a_ruby_that_does_not_answer(script: str, tmp_path: Path) -> None:
    assert (await ruby_program(fake_ruby(tmp_path / "bin", script), tmp_path / "cache")).sources == []


async def test_where_there_is_no_ruby(tmp_path: Path) -> None:
    found = await ruby_program({"PATH": str(tmp_path)}, tmp_path / "cache")
    assert (found.sources, str(found.target)) == ([], "ruby")


@pytest.mark.real
@pytest.mark.skipif(shutil.which("ruby") is None, reason="ruby is not installed")
async def test_what_ruby_names(tmp_path: Path) -> None:
    found = await ruby_program(os.environ, tmp_path)
    assert all(url.startswith("https://") for url in found.sources)
    assert found.target.ruby[0].isdigit()
    assert found.target.platform
