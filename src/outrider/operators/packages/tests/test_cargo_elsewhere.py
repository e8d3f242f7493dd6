"""Crates that come from elsewhere than the usual registry: how they are named, what is refused, and what is said of them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.cargo.git_packages import GitPackages
from outrider.operators.packages.cargo.git_repositories import Checkout
from outrider.operators.packages.cargo.places import GitPlace, canonical, order_of, spelt
from outrider.operators.packages.cargo.session import resolve
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.licences.sources import Sources
from outrider.operators.packages.locks.cargo import kept_of
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.manifests.cargo_workspace import asked, read_workspace
from outrider.operators.packages.operations import audit, check
from outrider.operators.packages.operations.audit import AuditParams
from outrider.operators.packages.operations.check import CheckParams
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.tests.cargo_places import committed, git
from outrider.operators.packages.tests.cargo_projects import project
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.cargo_workspaces import add_package
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_cargo import bad
from outrider.operators.packages.tests.world import variables
from outrider.ports.git import revision

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
ACME = "sparse+https://acme.test/index/"
USUAL = "registry+https://files.test/crates.io-index"
LOCK = f"""
version = 4
[[package]]
name = "core"
version = "1.0.0"
source = "{USUAL}"
[[package]]
name = "core"
version = "1.0.0"
source = "{ACME}"
[[package]]
name = "core"
version = "1.0.0"
source = "git+ssh://me@files.test/core?branch=a%2Fb#abc"
[[package]]
name = "own"
version = "1.0.0"
"""
SPELLINGS = [
    ("https://Files.test:443", "https://files.test/", "https://files.test"),
    ("HTTPS://me@Files.test/A.git", "https://me@files.test/A.git", "https://me@files.test/A"),
    ("ssh://git@Files.test/a/", "ssh://git@Files.test/a/", "ssh://git@Files.test/a"),
    ("https://github.com/A/B", "https://github.com/A/B", "https://github.com/a/b"),
    ("file:///a/b", "file:///a/b", "file:///a/b"),
    *((one, "", "") for one in ("git@files.test:a", "https:///a", "https://files.test/a/../b", "https://files.test/a b", "https://files.test/?a")),
]  # fmt: skip


@pytest.mark.parametrize(("url", "written", "same"), SPELLINGS)
def test_addresses_are_spelt_as_by_cargo(url: str, written: str, same: str) -> None:
    assert (spelt(url), canonical(spelt(url))) == (written, same)


def test_places_are_written_and_sorted() -> None:
    said = [("tag", "b"), ("branch", "a/b c~d"), ("branch", "z"), ("rev", "abc"), ("", "")]
    places = [GitPlace("https://files.test/a", *one).text() for one in said]
    assert places[1] == "git+https://files.test/a?branch=a%2Fb+c%7Ed"
    assert [GitPlace.of(f"{one}#123")[1:] for one in places] == said
    assert GitPlace.of(places[1]).text(encoded=False).endswith("?branch=a/b c~d")
    assert sorted([*places, ACME, USUAL, ""], key=order_of) == ["", USUAL, ACME, *places]


def test_a_lock_of_version_3_has_references_as_they_are() -> None:
    entry = '[[package]]\nname = "core"\nversion = "1.0.0"\nsource = "git+https://files.test/a?branch=a+b#123"\n'
    assert kept_of(f"version = 3\n{entry}").commits == {"git+https://files.test/a?branch=a%2Bb": "123"}
    assert kept_of(f"version = 4\n{entry}").commits == {"git+https://files.test/a?branch=a+b": "123"}


DEPENDENCIES = [
    ('web = { git = "git@files.test:web" }', "leads to no address"),
    ('web = { git = "https://files.test/web", path = "web" }', "several ways"),
    ('web = { git = "https://files.test/web", registry = "acme" }', "several ways"),
    ('web = { git = "https://files.test/web", tag = "1", rev = "2" }', "several of"),
    ('web = { version = "1", branch = "main" }', "several ways"),
    ('web = { version = "1", registry = "acme", registry-index = "sparse+https://a.test/" }', "several ways"),
    ('web = "1"\n[dev-dependencies]\nweb = { version = "1", registry = "acme" }', "from one place here"),
]


@pytest.mark.parametrize(("text", "said"), DEPENDENCIES)
def test_a_dependency_comes_from_one_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=said) as caught:
        read_workspace(project(tmp_path, f"[dependencies]\n{text}"))
    assert caught.value.path.endswith("dependencies.web")


def test_a_registry_has_a_name_and_a_sparse_index(tmp_path: Path) -> None:
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").write_text(
        '[registries]\nold = { index = "https://old.test/index" }\nopen = { index = "sparse+https://open.test" }\n[patch.crates-io]\na = { path = "a" }'
    )
    settings = CargoSettings({"CARGO_REGISTRIES_MY_OWN_INDEX": ACME}, tmp_path)
    assert settings.place_of("registry:my-own") == settings.place_of(ACME) == ACME
    for name, error in (("old", UnsupportedError), ("open", InvalidConfigError), ("none", InvalidConfigError)):
        with pytest.raises(error) as caught:
            settings.place_of(f"registry:{name}")
        assert caught.value.path == f"registries.{name}.index"
        assert caught.value.suggestions
    with pytest.raises(UnsupportedError, match="patch in settings"):
        settings.refuse_patches()


def test_the_packages_of_a_commit() -> None:
    def manifest(name: str, more: str = "") -> str:
        return f'[package]\nname = "{name}"\nversion = "1.0.0"\n{more}'

    manifests = {
        "Cargo.toml": manifest(
            "top", '[dependencies]\nhid = { path = ".hidden" }\n[workspace.package]\nversion = "2.0.0"'
        ),
        "a/Cargo.toml": manifest("twice"),
        "a/target/x/Cargo.toml": manifest("built"),
        "b/Cargo.toml": '[package]\nname = "over"\nversion.workspace = true\n[dependencies]\nx = { version = "1", registry = "acme" }\ny = { git = "https://files.test/y" }\nz = "1"\n[dev-dependencies]\nt = "1"',
        "c/Cargo.toml": manifest("twice", '[dependencies]\nz = "1"'),
        "d/Cargo.toml": "[package",
        ".hidden/Cargo.toml": manifest("hid"),
        ".other/Cargo.toml": manifest("other"),
    }
    packages = GitPackages(
        "git+https://files.test/a",
        Checkout("123", manifests, []),
        lambda said: ACME if said == "registry:acme" else said,
    )
    assert packages.place == "git+https://files.test/a#123"
    assert [packages.record(one).versions for one in ("top", "twice", "over", "hid")] == [["1.0.0"]] * 2 + [
        ["2.0.0"],
        ["1.0.0"],
    ]
    assert b'"z' not in packages.record("twice").releases[0]
    for name in ("built", "other"):
        with pytest.raises(UnsupportedError, match="a manifest is not read"):
            packages.record(name)
    with pytest.raises(UnsupportedError, match="submodules"):
        GitPackages("git+https://files.test/a", Checkout("123", {}, ["deep"]), str).record("deep")
    with pytest.raises(NotFoundError):
        GitPackages("git+https://files.test/a", Checkout("123", {}, []), str).record("top")


def test_what_names_alone_tell_of_a_revision() -> None:
    names = {
        "HEAD": "a" * 40,
        "refs/tags/v1": "b" * 40,
        "refs/heads/c": "abc" + "d" * 37,
        "refs/heads/d": "abc" + "e" * 37,
    }
    wanted = {"refs/heads/c": "abc" + "d" * 37, "v1": "b" * 40, "c" * 40: "c" * 40, "aaaa": "a" * 40}
    assert {one: revision(one, names) for one in wanted} == wanted
    assert [revision(one, names) for one in ("abc", "c", "refs/heads/e", "HEAD")] == [""] * 4


async def outcome(ask: CargoAsking, folder: Path, said: str, **options: Any) -> str:
    """Return what is found of a crate of a repository: its version, or what is wrong with it."""
    text = f'[dependencies]\ncore = {{ git = "file://{folder}/far", {said} }}'
    question = asked(read_workspace(project(folder / "project", text)), ask.question(**options), folder / "project")
    try:
        answer = await resolve(question)
    except OutriderError as error:
        return f"{type(error).__name__}{'' if error.suggestions else ' without a remedy'}"
    return answer.packages[1].version if isinstance(answer, Resolved) else "Impossible"


async def test_what_a_patch_has_is_not_patched_itself(tmp_path: Path) -> None:
    async with CargoRegistry() as registry, CargoRegistry() as acme:
        for one in (registry, acme):
            one.add("core@1.0.0")
        ask = CargoAsking(tmp_path, registry.url)
        ask.environment["CARGO_REGISTRIES_ACME_INDEX"] = f"sparse+{acme.url}/"
        add_package(tmp_path / "core", "core", "", 'version = "2.0.0"')
        first = '[patch.acme]\ncore = "=1.0.0"\n'
        second = '[patch.crates-io]\ncore = { path = "../core" }'
        text = '[dependencies]\ncore = { version = "1", registry = "acme" }\n'
        found = read_workspace(project(tmp_path / "project", f"{text}{first}"))
        answer = await resolve(asked(found, ask.question(), tmp_path / "project"))
        assert isinstance(answer, Resolved)
        assert [(one.name, one.registry) for one in answer.packages] == [("Cargo.toml", ""), ("core", "")]
        found = read_workspace(project(tmp_path / "project", f"{text}{first}{second}"))
        with pytest.raises(UnsupportedError, match="is patched itself: core"):
            await resolve(asked(found, ask.question(), tmp_path / "project"))


async def test_a_patch_is_a_remedy(tmp_path: Path) -> None:
    async with CargoRegistry() as registry:
        registry.add("core@1.0.0")
        ask = CargoAsking(tmp_path, registry.url)
        add_package(tmp_path / "core", "core", "", 'version = "2.0.0"')
        text = '[dependencies]\ncore = "=3.0.0"\n[patch.crates-io]\ncore = { path = "../core" }'
        found = read_workspace(project(tmp_path / "project", text))
        answer = await resolve(asked(found, ask.question(), tmp_path / "project"))
        assert isinstance(answer, Impossible)
        assert answer.remedies == ["allow core 2.0.0: you ask for core =3.0.0"]


@pytest.mark.real
@needs_git
async def test_what_is_in_a_repository(tmp_path: Path) -> None:
    add_package(tmp_path / "far" / "core", "core", "")
    first = committed(tmp_path / "far")
    own = f"file://{tmp_path}/far"
    git(tmp_path / "far", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", own, "deep")
    committed(tmp_path / "far")
    wanted = {
        'branch = "none"': "NotFoundError",
        'tag = "none"': "NotFoundError",
        'rev = "none"': "NotFoundError",
        f'rev = "{"0" * 40}"': "NotFoundError",
        'version = "9"': "Impossible",
        'package = "deep"': "UnsupportedError",
        f'rev = "{first[:7]}"': "0.3.0",
        f'rev = "{first}"': "0.3.0",
    }
    async with CargoRegistry() as registry:
        ask = CargoAsking(tmp_path, registry.url)
        assert {one: await outcome(ask, tmp_path, one) for one in wanted} == wanted
        for rev, found in ((first, "0.3.0"), ("1" * 40, "UnavailableError")):
            shutil.rmtree(tmp_path / "far", ignore_errors=True)
            assert await outcome(ask, tmp_path, f'rev = "{rev}"', offline=True) == found


def test_a_crate_of_another_registry_is_another_one() -> None:
    lock = read_lock("Cargo.lock", LOCK)
    assert [(one.source, one.address, one.called) for one in lock.packages] == [
        ("", "", "core"),
        ("git", "git+ssh://me@files.test/core@abc", "core git+ssh://me@files.test/core"),
        ("registry", ACME, f"core {ACME}"),
    ]


async def test_what_advisories_and_policies_say_of_it(tmp_path: Path) -> None:
    file = tmp_path / "Cargo.lock"
    file.write_text(LOCK)
    with variables({"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path / "config")}):
        await imported(tmp_path, bad("X-1", "core", ("introduced", "0")))
        told = await audit.run(AuditParams(path=str(file)), context(tmp_path))
        assert [one.source for one in told.findings] == ["", "git+ssh://me@files.test/core@abc"]
        assert f"core {ACME}: advisories are not about packages of this registry" in told.warnings
        policy = tmp_path / "policy.yaml"
        said = {"advisories: {least: none, maxAge: 3650d}": 2, 'deny: ["cargo:core"]': 3}
        for rule, count in said.items():
            policy.write_text(
                f"apiVersion: outrider.dev/v1alpha1\nkind: PackagePolicy\nmetadata: {{name: own}}\nspec: {{{rule}}}\n"
            )
            judged = await check.run(CheckParams(path=str(file), policy=str(policy)), context(tmp_path))
            assert len(judged.refused) == count


def test_what_is_unpacked_tells_no_licence_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "registry" / "src" / "files.test-123" / "core-1.0.0"
    folder.mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "core"\nversion = "1.0.0"\nlicense = "MIT"\n')
    sources = Sources(tmp_path, (), {"CARGO_HOME": str(tmp_path / "home")})
    told = [sources.told(one, tmp_path).licence.expression for one in read_lock("Cargo.lock", LOCK).packages]
    assert told == ["MIT", "", ""]
