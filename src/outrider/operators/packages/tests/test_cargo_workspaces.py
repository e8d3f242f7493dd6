"""Workspaces of Cargo: their locks are to the byte those of Cargo, whatever their members share and need of each other."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.manifests.cargo_workspace import CargoWorkspace, read_workspace
from outrider.operators.packages.tests.cargo_projects import add_crate, cargo, project
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.tests.cargo_workspaces import add_package, draw_workspace
from outrider.operators.packages.tests.test_lock_writing_cargo import home_of, locked, native
from outrider.operators.packages.tests.world import variables

needs_cargo = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[CargoRegistry]:
    async with CargoRegistry() as made:
        with variables(home_of(tmp_path, made)):
            yield made


def workspace(folder: Path, text: str, **members: str) -> Path:
    """Have a workspace without a package at its root, and return its Cargo.toml."""
    for name, tables in members.items():
        add_package(folder / name, name, tables)
    folder.mkdir(exist_ok=True)
    (folder / "Cargo.toml").write_text(text)
    return folder / "Cargo.toml"


def names(found: CargoWorkspace) -> list[str]:
    return [one.name for one in found.packages if one.is_member]


def test_members_are_found_as_cargo_finds_them(tmp_path: Path) -> None:
    root = workspace(tmp_path, '[workspace]\nmembers = ["z", "a*"]\nexclude = ["a2", "tools"]')
    add_package(
        tmp_path / "z", "z", '[dependencies]\ninner = { path = "deep/inner" }\ntool = { path = "tools/../../tools" }'
    )
    add_package(tmp_path / "z" / "deep" / "inner", "inner", '[dev-dependencies]\na1 = { path = "../../../a1" }')
    add_package(tmp_path / "tools", "tool", '[dev-dependencies]\ngone = { path = "../gone" }')
    for name in ("a3", "a1", "a2"):
        add_package(tmp_path / name, name, "")
    found = read_workspace(root)
    assert names(found) == ["z/Cargo.toml", "z/deep/inner/Cargo.toml", "a1/Cargo.toml", "a3/Cargo.toml"]
    assert [one.name for one in found.packages if not one.is_member] == ["tools/Cargo.toml"]
    assert {path.relative_to(tmp_path).as_posix() for path in found.texts} == {"Cargo.toml", *found.names}


def test_what_members_take_over(tmp_path: Path) -> None:
    text = """[workspace]
members = ["web", "api"]
[workspace.package]
version = "1.2.0"
rust-version = "1.70"
[workspace.dependencies]
core = { version = "1", features = ["a"], default-features = false }
renamed = { package = "other", version = "2" }
unused = { git = "https://files.test/unused" }
api = { path = "api" }
"""
    root = workspace(tmp_path, text)
    add_package(
        tmp_path / "web", "web",
        "[dependencies]\ncore = { workspace = true, features = ['b'], default-features = true }\nrenamed.workspace = true\napi.workspace = true",
        "version.workspace = true\nrust-version.workspace = true",
    )  # fmt: skip
    add_package(tmp_path / "api", "api", "[dependencies]\ncore = { workspace = true, optional = true }")
    found = read_workspace(root)
    assert [one.text() for one in found.wishes] == ["core[-default,a]@1", "other@2"]
    assert {(one.file, one.where[:2]) for one in found.wishes} == {(root, ("workspace", "dependencies"))}
    web, api = found.packages
    assert (web.version, api.version, found.form) == ("1.2.0", "0.3.0", 3)
    assert [(one.key, one.asked, one.local, one.features) for one in web.needs] == [
        ("api", -1, "api/Cargo.toml", ("default",)),
        ("core", 0, "", ("a", "b", "default")),
        ("renamed", 1, "", ("default",)),
    ]
    assert [(one.asked, one.features, one.optional) for one in api.needs] == [(0, ("a",), True)]


def test_the_lock_of_a_member_is_that_of_its_workspace(tmp_path: Path) -> None:
    root = workspace(tmp_path, '[workspace]\nmembers = ["web"]', web="")
    with pytest.raises(UnsupportedError, match="workspace") as caught:
        read_workspace(tmp_path / "web" / "Cargo.toml")
    assert str(root.parent / "Cargo.lock") in str(caught.value.expected)
    # What the workspace excludes has a lock of its own.
    root.write_text('[workspace]\nexclude = ["web"]')
    assert names(read_workspace(tmp_path / "web" / "Cargo.toml")) == ["Cargo.toml"]


REFUSED = [
    ({"web": "[dependencies]\ncore.workspace = true"}, InvalidConfigError, "workspace.dependencies.core"),
    ({"web": "[dependencies]\nfar.workspace = true"}, InvalidConfigError, "workspace.dependencies.far"),
    ({"web": "[dependencies]\nfar = { path = '../far', registry = 'own' }"}, NotFoundError, "file"),
    ({"web": "[dependencies]\nhttp = { path = '../api', base = 'own' }"}, UnsupportedError, "dependencies.http"),
    ({"web": "[dependencies]\nfar = { path = '../far' }"}, NotFoundError, "file"),
    ({"web": "[dependencies]\nhttp = { path = '../api' }", "api": ""}, InvalidConfigError, "dependencies.http"),
    ({"web": "[dependencies]\napi = { path = '../api' }", "api": "[dependencies]\nweb = { path = '../web' }"}, InvalidConfigError, "dependencies"),
    ({"web": "[workspace]"}, InvalidConfigError, "workspace"),
    ({"web": "", "api": "[package.metadata]\n[lib]\nname = 'a'"}, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("members", "error", "path"), REFUSED)
def test_what_cannot_be_put_together(
    members: dict[str, str], error: type[OutriderError] | None, path: str, tmp_path: Path
) -> None:
    text = f'[workspace]\nmembers = {list(members)}\n[workspace.dependencies]\nfar = {{ git = "https://files.test/far", tag = "1", branch = "a" }}'
    root = workspace(tmp_path, text, **members)
    if error is None:
        assert len(read_workspace(root).packages) == len(members)
        return
    with pytest.raises(error) as caught:
        read_workspace(root)
    assert caught.value.path == path
    assert caught.value.suggestions


def test_two_members_of_one_name(tmp_path: Path) -> None:
    root = workspace(tmp_path, '[workspace]\nmembers = ["web", "api"]', web="")
    add_package(tmp_path / "api", "web", "")
    with pytest.raises(InvalidConfigError, match="another package is called web"):
        read_workspace(root)


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.sampled_from(["", "1", "web", "../api", "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["workspace", "path", "version", "features", "package", "members", "web"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


_TABLES = st.sampled_from(["workspace", "package", "dependencies", "features", "target"])


@settings(max_examples=25, deadline=None)
@given(written=st.dictionaries(_TABLES, _VALUES, max_size=4))
def test_whatever_is_written_is_read_or_refused(
    written: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    root = workspace(folder, "".join(f"{key} = {_toml(value)}\n" for key, value in written.items()), web="")
    with suppress(OutriderError):
        assert read_workspace(root).packages or "workspace" in written


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _versions(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("name", "version", "checksum"))]


async def compared(folder: Path, seeds: range) -> tuple[int, int, int]:
    """Return how many locks are the same to the byte, of how many workspaces both find no solution, and of how many Cargo alone finds none."""
    same = neither = ours = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with CargoRegistry() as registry:
            with variables(home_of(place, registry)):
                draw_workspace(Random(seed), registry, place / "shop")
                file = place / "shop" / "Cargo.lock"
                # What Cargo chooses may hang on which document comes first, until it has them all.
                for more in ((), ("--offline",)):
                    file.unlink(missing_ok=True)
                    ended = await asyncio.to_thread(cargo, place / "shop", place / "home", "generate-lockfile", *more)
                theirs = file.read_text() if ended.returncode == 0 else None
                file.unlink(missing_ok=True)
                try:
                    await locked(place)
                except ConflictError:
                    assert theirs is None, seed
                    neither += 1
                    continue
                text = file.read_text()
                if theirs is None:
                    # Cargo blames a crate for what only a feature of it needs, and gives up; with the lock it finds its way.
                    taken = await asyncio.to_thread(cargo, place / "shop", place / "home", "update", "--workspace")
                    assert (taken.returncode, _versions(file.read_text())) == (0, _versions(text)), taken.stderr
                    ours += 1
                    continue
                assert text == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither, ours


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_cargo
async def test_the_lock_of_a_workspace_is_to_the_byte_what_cargo_writes(tmp_path: Path) -> None:
    same, _, _ = await compared(tmp_path, range(15))
    assert same > 8


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_cargo
async def test_the_lock_of_a_workspace_is_to_the_byte_what_cargo_writes_at_length(tmp_path: Path) -> None:
    same, neither, ours = await compared(tmp_path, range(100, 400))
    assert same > 200
    assert neither > 20
    assert ours < 5


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_cargo
async def test_what_goes_with_a_version_of_rust_is_tried_first(tmp_path: Path, registry: CargoRegistry) -> None:
    for version, rust in (("1.0.0", "1.60"), ("1.1.0", None), ("1.2.0", "1.72"), ("1.3.0", "1.9999")):
        registry.add(f"core@{version}", rust_version=rust)
    shop, chosen = tmp_path / "shop", []
    for head in (
        "",
        'edition = "2024"',
        'rust-version = "1.70"\nresolver = "3"',
        'rust-version = "1.75.1"\nresolver = "3"',
    ):
        # That of the compiler counts where the package says none.
        project(shop, '[dependencies]\ncore = "1"', head)
        text = (shop / "Cargo.toml").read_text()
        if "2024" in head:
            (shop / "Cargo.toml").write_text(text.replace('edition = "2021"\n', ""))
        result = await locked(tmp_path)
        assert (shop / "Cargo.lock").read_text() == await native(tmp_path)
        chosen += [one.after for one in result.changes]
    assert chosen == ["1.3.0", "1.2.0", "1.1.0", "1.2.0"]
    project(shop, '[dependencies]\ncore = "1"', 'resolver = "3"')
    with variables({**home_of(tmp_path, registry), "RUSTC": str(tmp_path / "nowhere")}):
        found = await locked(tmp_path)
        assert [one.after for one in found.changes] == ["1.3.0"]
        assert any("write rust-version" in one for one in found.warnings)
    with variables({**home_of(tmp_path, registry), "CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS": "allow"}):
        found = await locked(tmp_path)
        assert (found.changes, found.warnings) == ([], [])


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_cargo
async def test_cargo_builds_a_workspace_without_a_network(tmp_path: Path, registry: CargoRegistry) -> None:
    add_crate(registry, "core@1.0.0", features={"fast": []})
    add_crate(registry, "core@2.0.0")
    # A member has the name and the version of a crate.
    shop = tmp_path / "shop"
    workspace(
        shop,
        '[workspace]\nmembers = ["crates/*"]\nresolver = "2"\n[workspace.dependencies]\ncore = "1"\nhelper = { path = "../helper" }',
    )
    add_package(tmp_path / "helper", "helper", '[dependencies]\ncore = "2"\n[dev-dependencies]\nnowhere = "1"')
    add_package(
        shop / "crates" / "web", "web",
        '[dependencies]\ncore = { workspace = true, features = ["fast"] }\nhelper.workspace = true\nown = { package = "core", path = "../core" }\n'
        '[dev-dependencies]\nweb = { path = "." }',
    )  # fmt: skip
    add_package(shop / "crates" / "core", "core", "", 'version = "1.0.0"')
    result = await locked(tmp_path)
    assert result.packages == 2
    before = (shop / "Cargo.lock").read_bytes()
    home = tmp_path / "home"
    fetched = await asyncio.to_thread(cargo, shop, home, "fetch", "--locked")
    assert fetched.returncode == 0, fetched.stderr
    asked = len(registry.requests)
    for command in (["build", "--offline", "--locked"], ["metadata", "--offline", "--locked", "--format-version", "1"]):
        ended = await asyncio.to_thread(cargo, shop, home, *command)
        assert ended.returncode == 0, ended.stderr
    assert ((shop / "Cargo.lock").read_bytes(), len(registry.requests)) == (before, asked)
    (shop / "Cargo.lock").unlink()
    made = await asyncio.to_thread(cargo, shop, home, "generate-lockfile", "--offline")
    assert (made.returncode, (shop / "Cargo.lock").read_bytes()) == (0, before), made.stderr


async def test_why_members_do_not_go_together(tmp_path: Path, registry: CargoRegistry) -> None:
    for version in ("1.0.0", "1.1.0"):
        registry.add(f"core@{version}")
    workspace(
        tmp_path / "shop",
        '[workspace]\nmembers = ["web", "api"]',
        web='[dependencies]\ncore = "=1.0.0"',
        api='[dependencies]\ncore = "=1.1.0"',
    )
    with pytest.raises(ConflictError) as caught:
        await locked(tmp_path)
    assert "web 0.3.0 needs core =1.0.0" in caught.value.message
    assert "you ask for api" in caught.value.message
    assert "allow core 1.1.0: you ask for core =1.0.0" in caught.value.suggestions


async def test_a_folder_with_another_version_than_is_asked_for(tmp_path: Path, registry: CargoRegistry) -> None:
    web = '[dependencies]\napi = { path = "../api", version = "2" }'
    workspace(tmp_path / "shop", '[workspace]\nmembers = ["web"]', web=web, api="")
    with pytest.raises(ConflictError, match=r"web 0\.3\.0 needs api 2, of which there is no version"):
        await locked(tmp_path)
    assert registry.requests == []
