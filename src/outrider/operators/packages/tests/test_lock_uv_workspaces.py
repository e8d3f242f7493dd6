"""uv.lock of workspaces, with what they need in folders and of other indexes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.uv_projects import uv
from outrider.operators.packages.tests.uv_workspaces import manifest, write

WORKSPACE = "[tool.uv.workspace]\nmembers = ['packages/*']\n[tool.uv.sources]\n"
BUILD = "[build-system]\nrequires = []\nbuild-backend = 'backend'\n"


async def locked(path: Path, **more: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="pypi", file=str(path), **more), context(path.parent.parent))


def blocks(path: Path) -> dict[str, str]:
    """Return what a lock has of each package, and before all of them."""
    head, *others = path.read_text().split("\n[[package]]\n")
    return {"": head, **{one.split('"')[1]: one for one in others}}


async def test_members_and_folders(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "2.0"):
        index.add("web", version, "tool; extra == 'fast'", extras=["fast"])
        index.add("tool", version)
    files = {
        ".": manifest(
            "Root", ["api[x]>=9 ; sys_platform == 'linux'"], groups={"dev": ["lib"]}, more=f"{WORKSPACE}api = {{ workspace = true }}\nlib = {{ path = '../lib', editable = true }}\n",
        ),
        "packages/api": manifest("api", ["web[fast]"], extras={"x": ["tool<2"]}, pythons=">=3.12,<4", version="0.2"),
        "packages/none": manifest("none", more="[tool.uv]\nmanaged = false\n"),
        "packages/other": manifest("other", more=BUILD),
        "../lib": manifest("lib", ["web<2"], pythons="", groups={"dev": ["absent"]}),
    }  # fmt: skip
    path = write(place / "shop", files)
    result = await locked(path)
    assert result.packages == 3
    found = blocks(path)
    assert found[""] == (
        'version = 1\nrevision = 5\nrequires-python = ">=3.12, <4"\n\n'
        '[manifest]\nmembers = [\n    "api",\n    "other",\n    "root",\n]\n'
    )
    assert found["api"] == (
        'name = "api"\nversion = "0.2"\nsource = { editable = "packages/api" }\ndependencies = [\n    { name = "web", extra = ["fast"] },\n]\n'
        '\n[package.optional-dependencies]\nx = [\n    { name = "tool" },\n]\n\n[package.metadata]\nrequires-dist = [\n'
        '    { name = "tool", marker = "extra == \'x\'", specifier = "<2" },\n    { name = "web", extras = ["fast"] },\n]\nprovides-extras = ["x"]\n'
    )
    assert 'source = { editable = "packages/other" }' in found["other"]
    assert 'source = { editable = "../lib" }' in found["lib"]
    assert 'requires-dist = [{ name = "api", extras = ["x"], marker = "sys_platform == \'linux\'", editable = "packages/api" }]' in found["root"]  # fmt: skip
    packages = read_lock("uv.lock", path.read_text()).packages
    assert {one.name: one.version for one in packages} == {"lib": "1.0", "tool": "1.0", "web": "1.0"}


async def test_a_root_that_is_no_project(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    index.add("tool", "1.0")
    files = {
        ".": manifest(
            "", groups={"dev": ["tool>=1"]}, more="[tool.uv]\ndev-dependencies = ['web']\n[tool.uv.workspace]\nmembers = ['a']\n"
        ),
        "a": manifest("a", ["web"]),
    }  # fmt: skip
    path = write(place / "shop", files)
    await locked(path)
    assert blocks(path)[""].endswith(
        '[manifest]\nmembers = [\n    "a",\n]\n\n[manifest.dependency-groups]\ndev = [\n    { name = "tool", specifier = ">=1" },\n    { name = "web" },\n]\n'
    )
    development = {one.name: one.development for one in read_lock("uv.lock", path.read_text()).packages}
    assert development == {"tool": True, "web": False}


async def test_constraints_overrides_and_environments(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "2.0", "3.0"):
        index.add("web", version, "core>=3; sys_platform == 'linux'", "never; sys_platform == 'win32'")
        index.add("core", version)
    more = (
        "[tool.uv]\nconstraint-dependencies = ['web<3']\noverride-dependencies = ['core<2', 'unused']\n"
        "environments = [\"sys_platform == 'linux'\", \"sys_platform == 'darwin'\"]\nrequired-environments = [\"platform_machine == 'x86_64'\"]\n"
    )
    path = write(place / "shop", {".": manifest("shop", ["web"], more=more)})
    await locked(path)
    found = blocks(path)
    assert set(found) == {"", "core", "shop", "web"}
    assert 'version = "1.0"' in found["core"]
    assert 'version = "2.0"' in found["web"]
    # It is needed wherever the override says so.
    assert 'dependencies = [\n    { name = "core" },\n]' in found["web"]
    markers = "    \"sys_platform == 'linux'\",\n    \"sys_platform == 'darwin'\",\n"
    assert found[""].endswith(
        f"resolution-markers = [\n{markers}]\nsupported-markers = [\n{markers}]\nrequired-markers = [\n    \"platform_machine == 'x86_64'\",\n]\n\n"
        '[manifest]\nconstraints = [{ name = "web", specifier = "<3" }]\noverrides = [\n    { name = "core", specifier = "<2" },\n    { name = "unused" },\n]\n'
    )
    kept = await locked(path, keep=True)
    assert kept.changes == []


async def test_an_index_for_some_alone(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core")
    index.add("core", "1.0")
    index.add("own", "9.0")
    async with PythonIndex(login="me:secret") as other:
        other.add("own", "1.0", "core")
        other.add("core", "9.0")
        address = other.url.replace("http://", "http://me:secret@")
        more = f"[tool.uv.sources]\nown = {{ index = 'theirs' }}\n[[tool.uv.index]]\nname = 'theirs'\nurl = '{address}/'\nexplicit = true\n"
        path = write(place / "shop", {".": manifest("shop", ["web", "own>=1"], more=more)})
        await locked(path)
        found = blocks(path)
        assert 'version = "1.0"' in found["core"]
        assert f'version = "1.0"\nsource = {{ registry = "{other.url}/" }}' in found["own"]
        assert f'{{ name = "own", specifier = ">=1", index = "{other.url}/" }}' in found["shop"]
        assert "secret" not in path.read_text()
        # What one index has is not kept as what another one has.
        write(place / "shop", {".": manifest("shop", ["web", "own>=1"])})
        await locked(path)
        assert 'version = "9.0"' in blocks(path)["own"]


async def test_a_package_of_an_index_may_need_a_member(index: PythonIndex, place: Path) -> None:
    index.add("plug", "1.0", "root[x]>=1", "lib<2")
    index.add("lib", "1.5")
    index.add("root", "9.0")
    files = {".": manifest("root", ["plug"], extras={"x": ["lib"]}, version="1.2")}
    path = write(place / "shop", files)
    await locked(path)
    assert [one.name for one in read_lock("uv.lock", path.read_text()).packages] == ["lib", "plug"]
    write(place / "shop", {".": manifest("root", ["plug"], version="0.1")})
    with pytest.raises(OutriderError, match="root"):
        await locked(path)


ROOT = manifest("root", ["a"], more=WORKSPACE)
SOURCES = "[tool.uv.sources]\na = "
WRONG: list[tuple[dict[str, str], str]] = [
    ({".": ROOT, "packages/a": manifest("a")}, "tool.uv.sources.a"),
    ({".": manifest("root", ["a"], more=f"{WORKSPACE}a = {{ workspace = true }}")}, "tool.uv.sources.a"),
    ({".": manifest("root", ["a"], more=f"{WORKSPACE}a = 1")}, "tool.uv.sources.a"),
    ({".": ROOT, "packages/a": manifest("root")}, "project.name"),
    ({".": ROOT, "packages/a": manifest("a", more="[tool.uv.workspace]\n")}, "tool.uv.workspace"),
    ({".": ROOT, "packages/a": manifest("a", more="[tool.uv]\nconflicts = [1]\n")}, "conflicts"),
    ({".": ROOT, "packages/a": "[project]\nname = 1\n"}, "project.name"),
    ({".": manifest("root", more="[tool.uv]\nworkspace = 1\n")}, "tool.uv.workspace.exclude"),
    ({".": manifest("root", more="[tool.uv.workspace]\nmembers = 1\n")}, "tool.uv.workspace.members"),
    ({".": manifest("root", more="[tool.uv.workspace]\nexclude = ['/x']\n")}, "tool.uv.workspace.exclude"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ path = 'a' }}")}, "tool.uv.sources.a.path"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ path = 1 }}")}, "tool.uv.sources.a.path"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ path = 'b' }}"), "b": manifest("b")}, "tool.uv.sources.a"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ path = 'b', editable = 1 }}"), "b": manifest("a")}, "tool.uv.sources.a.editable"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ index = 'x' }}")}, "tool.uv.sources.a.index"),
    ({".": manifest("root", ["a"], more="[tool.uv]\nsources = 1\n")}, "tool.uv.sources"),
    ({".": manifest("root", more="[tool.uv]\nindex = [1]\n")}, "index"),
    ({".": manifest("root", more="[tool.uv]\nenvironments = [1]\n")}, "tool.uv.environments"),
    ({".": manifest("root", more="[tool.uv]\nenvironments = ['?']\n")}, "tool.uv.environments.0"),
    ({".": manifest("root", more="[tool.uv]\nenvironments = \"python_version < '3'\"\n")}, "tool.uv.environments.0"),
    ({".": manifest("root", more="[tool.uv]\nenvironments = [\"os_name == 'nt'\", \"python_version > '3'\"]\n")}, "tool.uv.environments"),
    ({".": manifest("root", more="[tool.uv]\nconstraint-dependencies = 1\n")}, "tool.uv.constraint-dependencies"),
    ({".": manifest("root", more=f"[tool.uv]\noverride-dependencies = ['a']\n{SOURCES}{{ path = 'b' }}")}, "tool.uv.override-dependencies.0"),
    ({".": manifest("", more=WORKSPACE)}, "project.requires-python"),
    ({".": manifest("root", ["a"], more=f"{SOURCES}{{ path = '../x/b' }}"), "../x": WORKSPACE.replace("packages/*", "b"), "../x/b": manifest("a")}, "tool.uv.sources.a"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "path"), WRONG)
async def test_what_cannot_be_locked(files: dict[str, str], path: str, index: PythonIndex, place: Path) -> None:
    file = write(place / "shop", files)
    with pytest.raises(OutriderError) as caught:
        await locked(file)
    assert caught.value.path == path
    assert caught.value.suggestions
    assert (index.requests, file.exists()) == ([], False)


async def test_a_folder_without_a_manifest(index: PythonIndex, place: Path) -> None:
    file = write(place / "shop", {".": manifest("root", more=WORKSPACE), "packages/a": manifest("a")})
    (place / "shop" / "packages" / ".hidden").mkdir()
    await locked(file)
    (place / "shop" / "packages" / "empty").mkdir()
    with pytest.raises(OutriderError, match=r"empty: it has no pyproject\.toml"):
        await locked(file)


async def test_wheels_for_machines_that_must_have_some(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", tag="cp312-cp312-win_amd64")
    more = "[tool.uv]\nrequired-environments = [\"sys_platform == 'linux'\"]\n"
    path = write(place / "shop", {".": manifest("shop", ["web"], more=more)})
    with pytest.raises(OutriderError, match=r"web 1\.0 has no wheel"):
        await locked(path)
    index.add_source("web", "1.0")
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place, later=1000))
    assert "required-markers" in path.read_text()


BACKEND = """import os, tomllib
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    project = tomllib.load(open("pyproject.toml", "rb"))["project"]
    name = f"{project['name']}-4.5.dist-info"
    os.makedirs(os.path.join(directory, name))
    needs = "".join(f"Requires-Dist: {one}\\n" for one in project.get("dependencies", []))
    with open(os.path.join(directory, name, "METADATA"), "w") as file:
        file.write(f"Metadata-Version: 2.3\\nName: {project['name']}\\nVersion: 4.5\\nRequires-Python: >=3.11\\n{needs}")
    return name
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
"""
BUILT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]'


def without_versions(folder: Path) -> Path:
    """Have a workspace of projects whose versions a build alone can tell, with what that takes, and return where its lock is to be."""
    member = '[tool.uv.sources]\nmember = { workspace = true }\n[tool.uv.workspace]\nmembers = ["member"]\n'
    texts = {
        ".": manifest("top", ["member", "core"], more=member + BUILT),
        "member": manifest("member", ["near>=3"], more='[tool.uv.sources]\nnear = { path = "../near" }\n' + BUILT),
        "near": manifest("near", more=BUILT),
    }
    dynamic = {place: text.replace('version = "1.0"', 'dynamic = ["version"]') for place, text in texts.items()}
    for place in texts:
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "backend.py").write_text(BACKEND)
    return write(folder, dynamic)


async def test_versions_that_only_a_build_can_tell_are_not_noted(index: PythonIndex, place: Path) -> None:
    index.add("core", "1.4")
    path = without_versions(place / "shop")
    assert (await locked(path)).packages == 1
    text = path.read_text()
    assert '[[package]]\nname = "member"\nsource = { editable = "member" }\n' in text
    assert '[[package]]\nname = "near"\nsource = { directory = "near" }\n' in text
    lock = read_lock("uv.lock", text)
    assert ([one.name for one in lock.packages], lock.unreadable) == (["core"], ())


@pytest.mark.real
async def test_uv_notes_no_versions_that_only_a_build_can_tell(index: PythonIndex, place: Path) -> None:
    index.add("core", "1.4")
    path = without_versions(place / "shop")
    await locked(path)
    ours = path.read_text()
    path.unlink()
    done = await asyncio.to_thread(uv, path.parent, index.url, "lock")
    assert done.returncode == 0, done.stderr
    assert path.read_text() == ours
