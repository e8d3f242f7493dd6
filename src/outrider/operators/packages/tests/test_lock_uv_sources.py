"""uv.lock of projects that have packages from several indexes, each for some machines, an extra or a group."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.uv_projects import project
from outrider.operators.packages.tests.uv_sources import TWO, index_tables
from outrider.operators.packages.tests.uv_workspaces import manifest, write

WORKSPACE = "[tool.uv.workspace]\nmembers = ['packages/*']\n"
SOURCES = "[tool.uv.sources]\ntorch = "
LINUX, WINDOWS, MACOS = (f"cp312-cp312-{one}" for one in ("manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_arm64"))


@pytest.fixture
def indexes(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex) -> str:
    """Tables of two indexes besides the usual one, all of which have torch."""
    for version in ("1.0", "2.0", "3.0"):
        index.add("torch", version, "base")
        index.add("vision", version, "torch", "base<2")
        index.add("base", version)
    for version in ("1.0", "2.0"):
        cpu.add("torch", version, "base")
        cu.add("torch", version, "base<3", "cuda")
        index.add("cuda", version)
    cu.add("torch", "1.5", "base<3", "cuda")
    return index_tables({"cpu": cpu.url, "cu": cu.url})


async def locked(path: Path, later: float = 0, **more: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="pypi", file=str(path), **more), context(path.parent, later=later))


async def test_each_kind_of_machines_has_its_index(
    index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, indexes: str, place: Path
) -> None:
    path = project(place / "shop", ["torch<2", "vision"], more=TWO + indexes)
    await locked(path)
    text = path.read_text()
    both = "    \"sys_platform != 'linux'\",\n    \"sys_platform == 'linux'\",\n"
    assert f"resolution-markers = [\n{both}]\n" in text
    first, second = (f'{{ registry = "{one.url}" }}' for one in (cpu, cu))
    edges = f"""    {{ name = "torch", version = "1.0", source = {first}, marker = "sys_platform != 'linux'" }},
    {{ name = "torch", version = "1.5", source = {second}, marker = "sys_platform == 'linux'" }},
"""
    # What others need of it comes from there too.
    assert f'dependencies = [\n{edges}    {{ name = "vision" }},\n]\n' in text
    assert f'dependencies = [\n    {{ name = "base" }},\n{edges}]\n' in text
    assert f"""requires-dist = [
    {{ name = "torch", marker = "sys_platform != 'linux'", specifier = "<2", index = "{cpu.url}" }},
    {{ name = "torch", marker = "sys_platform == 'linux'", specifier = "<2", index = "{cu.url}" }},
    {{ name = "vision" }},
]
""" in text  # fmt: skip
    assert f'name = "torch"\nversion = "1.5"\nsource = {second}\nresolution-markers = [\n' in text
    assert {one.path for one in index.requests if "torch" in one.path} == set()
    # What is there stays, each from its index.
    cpu.add("torch", "1.5", "base")
    assert (await locked(path, later=1000, keep=True)).changes == []


async def test_one_version_of_two_indexes(cpu: PythonIndex, cu: PythonIndex, indexes: str, place: Path) -> None:
    path = project(place / "shop", ["torch"], more=TWO + indexes)
    await locked(path)
    files = {one: one.paths(".whl.metadata") for one in (cpu, cu)}
    assert all(any("torch-2.0" in path for path in paths) for paths in files.values())
    first, second = sorted((cpu.root, cu.root))
    parts = path.read_text().split("\n[[package]]\n")
    assert [one.split('"')[5].removesuffix("/simple") for one in parts if one.startswith('name = "torch"')] == [
        first, second,
    ]  # fmt: skip
    assert all(f'url = "{one}/files/torch-2.0' in path.read_text() for one in (first, second))


async def test_the_rest_comes_from_the_usual_indexes(
    index: PythonIndex, cpu: PythonIndex, indexes: str, place: Path
) -> None:
    more = f"{SOURCES}{{ index = 'cpu', marker = \"sys_platform == 'linux'\" }}\n{indexes}"
    path = project(place / "shop", ["torch", "vision"], more=more)
    await locked(path)
    assert f'source = {{ registry = "{cpu.url}" }}, marker = "sys_platform == \'linux\'" }}' in path.read_text()
    assert f'source = {{ registry = "{index.url}" }}, marker = "sys_platform != \'linux\'" }}' in path.read_text()
    # It counts on all machines where nothing tells them apart.
    path = project(place / "shop", ["torch; sys_platform == 'linux'", "vision"], more=more)
    await locked(path)
    assert f'name = "torch"\nversion = "2.0"\nsource = {{ registry = "{cpu.url}" }}\ndependencies' in path.read_text()
    assert "resolution-markers" not in path.read_text()


async def test_a_folder_for_some_machines(index: PythonIndex, indexes: str, place: Path) -> None:
    more = f"{SOURCES}{{ path = 'lib', marker = \"sys_platform == 'linux'\" }}\n{indexes}"
    write(place / "shop", {"lib": manifest("torch", ["cuda"], version="2.5")})
    path = project(place / "shop", ["torch<4", "vision"], more=more)
    await locked(path)
    text, usual = path.read_text(), f'{{ registry = "{index.url}" }}'
    edges = f"""    {{ name = "torch", version = "2.5", source = {{ directory = "lib" }}, marker = "sys_platform == 'linux'" }},
    {{ name = "torch", version = "3.0", source = {usual}, marker = "sys_platform != 'linux'" }},
"""
    assert text.count(edges) == 2
    assert """
[[package]]
name = "torch"
version = "2.5"
source = { directory = "lib" }
resolution-markers = [
    "sys_platform == 'linux'",
]
dependencies = [
    { name = "cuda" },
]
""" in text  # fmt: skip
    assert """requires-dist = [
    { name = "torch", marker = "sys_platform != 'linux'", specifier = "<4" },
    { name = "torch", marker = "sys_platform == 'linux'", directory = "lib" },
""" in text  # fmt: skip
    assert (await locked(path, keep=True)).changes == []


async def test_sources_of_extras_and_groups(index: PythonIndex, cpu: PythonIndex, indexes: str, place: Path) -> None:
    more = f"{SOURCES}[{{ index = 'cpu', extra = 'Fast' }}, {{ index = 'cpu', group = 'dev' }}]\n{indexes}"
    path = project(place / "shop", ["base"], extras={"fast": ["torch"]}, groups={"dev": ["torch<2"]}, more=more)
    await locked(path)
    text = path.read_text()
    assert (
        f'marker = "extra == \'fast\'", index = "{cpu.url}", conflict = {{ package = "shop", extra = "fast" }} }}'
        in text
    )
    assert f'specifier = "<2", index = "{cpu.url}", conflict = {{ package = "shop", group = "dev" }} }}' in text
    assert f'version = "1.0"\nsource = {{ registry = "{cpu.url}" }}' in text
    # A group that includes another one is a group of its own.
    groups = "[dependency-groups]\ndev = ['torch']\nall = [{ include-group = 'dev' }]\n"
    (path.parent / "pyproject.toml").write_text(
        manifest("shop", more=f"{groups}{SOURCES}{{ index = 'cpu', group = 'all' }}\n{indexes}")
    )
    await locked(path)
    assert (
        f'all = [{{ name = "torch", index = "{cpu.url}", conflict = {{ package = "shop", group = "all" }} }}]'
        in path.read_text()
    )
    assert 'dev = [{ name = "torch" }]' in path.read_text()
    assert f'name = "torch"\nversion = "2.0"\nsource = {{ registry = "{cpu.url}" }}' in path.read_text()


async def test_what_overrides_and_constrains(cpu: PythonIndex, indexes: str, place: Path) -> None:
    for key in ("constraint", "override"):
        more = f"[tool.uv]\n{key}-dependencies = ['torch<2']\n{TWO}{indexes}"
        path = project(place / "shop", ["vision"], more=more)
        await locked(path)
        assert (
            f'[manifest]\n{key}s = [\n    {{ name = "torch", marker = "sys_platform != \'linux\'", ' in path.read_text()
        )
        assert f'name = "torch"\nversion = "1.0"\nsource = {{ registry = "{cpu.url}" }}' in path.read_text()
        assert 'name = "torch"\nversion = "1.5"\n' in path.read_text()


async def test_a_local_version_is_for_its_own_machines(cpu: PythonIndex, place: Path) -> None:
    for tag in (LINUX, WINDOWS):
        cpu.add("torch", "2.1+cpu", tag=tag)
    cpu.add("torch", "2.1", tag=MACOS)
    cpu.add("vision", "2.1", "torch==2.1")
    more = f"[tool.uv.sources]\ntorch = {{ index = 'cpu' }}\nvision = {{ index = 'cpu' }}\n{index_tables({'cpu': cpu.url})}"
    path = project(place / "shop", ["vision", "torch>=2"], more=more)
    await locked(path)
    text = path.read_text()
    both = "    \"sys_platform != 'darwin'\",\n    \"sys_platform == 'darwin'\",\n"
    assert f"resolution-markers = [\n{both}]\n" in text
    found = [(one.name, one.version) for one in read_lock("uv.lock", text).packages]
    assert found == [("torch", "2.1"), ("torch", "2.1+cpu"), ("vision", "2.1")]
    assert (await locked(path, keep=True)).changes == []
    # Who asks for it by name has it everywhere, and so has who has no wheels elsewhere.
    project(place / "shop", ["vision", "torch==2.1+cpu"], more=more)
    await locked(path)
    assert "resolution-markers" not in path.read_text()
    cpu.add("torch", "2.2+cpu", tag=LINUX)
    project(place / "shop", ["torch"], more=more)
    await locked(path, later=1000)
    assert [one.version for one in read_lock("uv.lock", path.read_text()).packages] == ["2.2+cpu"]


async def test_wheels_for_later_pythons_alone(index: PythonIndex, place: Path) -> None:
    for tag in ("cp312-cp312-win_amd64", "cp312-abi3-win_amd64", "py312-none-any"):
        name = tag[:8].replace("-", "")
        index.add(name, "2.0", tag=tag)
        index.add(name, "1.0")
        split = ["base<2; python_version < '3.12'", "base; python_version >= '3.12'"]
        index.add("base", "1.0")
        index.add("base", "2.0")
        path = project(place / "shop", [name, *split])
        await locked(path, later=1000)
        assert f'name = "{name}", version = "1.0"' in path.read_text()
        assert f'name = "{name}", version = "2.0"' in path.read_text()


def member(name: str, source: str) -> dict[str, str]:
    return {f"packages/{name}": manifest(name, ["torch"], more=f"{SOURCES}{source}\n" if source else "")}


CPU, CU = "{ index = 'cpu' }", "{ index = 'cu' }"
LIST = "[{ index = 'cpu', marker = \"os_name == 'nt'\" }, { index = 'cu', marker = \"os_name != 'nt'\" }]"
WRONG: list[tuple[dict[str, str], str, str]] = [
    ({".": manifest("root", ["torch"], more=f"{SOURCES}[{CPU}, {CU}]\n")}, "tool.uv.sources.torch.1", "same machines"),
    ({".": manifest("root", ["torch"], more=f"{SOURCES}[]\n")}, "tool.uv.sources.torch", "cannot be read"),
    ({".": manifest("root", ["torch"], more=f"{SOURCES}{{ index = 'cpu', marker = 'x' }}\n")}, "tool.uv.sources.torch.marker", "cannot be read"),
    ({".": manifest("root", ["torch"], more=f"{SOURCES}{{ index = 'cpu', extra = 'x', group = 'x' }}\n")}, "tool.uv.sources.torch", "cannot be read"),
    ({".": manifest("root", ["torch"], more=f"{SOURCES}{{ index = 'cpu', extra = 'x' }}\n")}, "tool.uv.sources.torch", "is for x"),
    ({".": manifest("root", ["torch"], groups={"x": ["base"]}, more=f"{SOURCES}{{ index = 'cpu', group = 'x' }}\n")}, "tool.uv.sources.torch", "is for x"),
    ({".": manifest("root", extras={"x": ["torch"], "y": ["torch"]}, more=f"{SOURCES}[{{ index = 'cpu', extra = 'x' }}, {{ index = 'cu', extra = 'y' }}]\n")}, "tool.uv.sources.torch", "several indexes at once, on all machines"),
    ({".": manifest("root", more=WORKSPACE), **member("a", CPU), **member("b", CU)}, "tool.uv.sources.torch", "several indexes at once"),
    # What comes first is read on all machines.
    ({".": manifest("root", more=WORKSPACE), **member("a", ""), **member("b", LIST)}, "tool.uv.sources.torch", "several indexes at once"),
    ({".": manifest("root", ["a"], more=f"{WORKSPACE}[tool.uv.sources]\na = [{{ workspace = true, marker = \"os_name == 'nt'\" }}, {{ index = 'cpu', marker = \"os_name != 'nt'\" }}]\n"), **member("a", "")}, "tool.uv.sources.a", "does not say so"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "key", "message"), WRONG)
async def test_what_cannot_be_locked(files: dict[str, str], key: str, message: str, indexes: str, place: Path) -> None:
    path = write(place / "shop", {one: text + (indexes if one == "." else "") for one, text in files.items()})
    with pytest.raises(OutriderError, match=message) as caught:
        await locked(path)
    assert caught.value.path == key
    assert caught.value.suggestions
    assert not path.exists()


async def test_members_that_have_their_own_sources(indexes: str, place: Path) -> None:
    files = {".": manifest("root", ["torch"], more=WORKSPACE + indexes), **member("a", LIST)}
    path = write(place / "shop", files)
    await locked(path)
    text = path.read_text()
    assert text.count('name = "torch"\nversion = "2.0"\n') == 2
    # The root does not say where it comes from, and has it from there too.
    assert 'requires-dist = [{ name = "torch" }]' in text
    # A member is one on all machines.
    sources = "[tool.uv.sources]\na = { workspace = true, marker = \"os_name == 'nt'\" }\n"
    files["."] = manifest("root", ["a>=1"], more=sources + WORKSPACE + indexes)
    await locked(write(place / "shop", files))
    assert """requires-dist = [
    { name = "a", marker = "os_name != 'nt'", specifier = ">=1" },
    { name = "a", marker = "os_name == 'nt'", virtual = "packages/a" },
]
""".replace("virtual", "editable") in path.read_text()  # fmt: skip
