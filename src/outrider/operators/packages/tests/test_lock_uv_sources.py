"""uv.lock of projects that have packages from several indexes, each for some machines, an extra or a group."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.test_lock_writing_uv import compared
from outrider.operators.packages.tests.uv_projects import fill, project, uv
from outrider.operators.packages.tests.uv_sources import DrawnSources, fill_with_local_versions
from outrider.operators.packages.tests.uv_workspaces import manifest, write
from outrider.operators.packages.tests.world import settings, variables

WORKSPACE = "[tool.uv.workspace]\nmembers = ['packages/*']\n"
SOURCES = "[tool.uv.sources]\ntorch = "
# As PyTorch's documentation has them.
TWO = f"{SOURCES}[\n  {{ index = 'cpu', marker = \"sys_platform != 'linux'\" }},\n  {{ index = 'cu', marker = \"sys_platform == 'linux'\" }},\n]\n"
LINUX, WINDOWS, MACOS = (f"cp312-cp312-{one}" for one in ("manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_arm64"))


@pytest.fixture
async def cpu() -> AsyncIterator[PythonIndex]:
    async with PythonIndex() as made:
        yield made


@pytest.fixture
async def cu() -> AsyncIterator[PythonIndex]:
    async with PythonIndex() as made:
        yield made


@pytest.fixture
def three(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex) -> dict[str, PythonIndex]:
    """The usual index and two more, by what their local versions are called."""
    return {"": index, "cpu": cpu, "cu": cu}


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
    return tables({"cpu": cpu.url, "cu": cu.url})


def tables(urls: dict[str, str]) -> str:
    return "".join(
        f"[[tool.uv.index]]\nname = '{name}'\nurl = '{url}'\nexplicit = true\n" for name, url in urls.items()
    )


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
    more = f"[tool.uv.sources]\ntorch = {{ index = 'cpu' }}\nvision = {{ index = 'cpu' }}\n{tables({'cpu': cpu.url})}"
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


async def test_fixes(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path) -> None:
    path = await vulnerable(place, index, cpu, cu)
    [left] = (await fix.run(FixParams(path=str(path.parent)), context(place))).files[0].unfixed
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("torch", "<2", ">=2.2")]
    cpu.add("torch", "1.7", "base")
    result = await fix.run(FixParams(path=str(path.parent)), context(place, later=1000))
    assert result.unfixed == 0
    assert f'version = "1.7"\nsource = {{ registry = "{cpu.url}" }}' in path.read_text()
    assert f'version = "1.5"\nsource = {{ registry = "{cu.url}" }}' in path.read_text()
    assert 'name = "base"\nversion = "1.0"' in path.read_text()


async def test_a_range_of_several_sources_is_widened_once(
    index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path
) -> None:
    path = await vulnerable(place, index, cpu, cu)
    result = await fix.run(FixParams(path=str(path.parent), manifest=True), context(place))
    assert result.unfixed == 0
    assert '"torch>=2.2"' in (path.parent / "pyproject.toml").read_text()
    assert path.read_text().count('specifier = ">=2.2", index = ') == 2
    assert [f'name = "torch"\nversion = "{one}"' in path.read_text() for one in ("2.2", "2.5")] == [True, True]


@pytest.mark.real
async def test_uv_would_do_the_same(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path) -> None:
    path = await vulnerable(place, index, cpu, cu)
    cpu.add("torch", "1.7", "base")
    before = path.read_text()
    await fix.run(FixParams(path=str(path.parent)), context(place, later=1000))
    ours = path.read_text()
    assert ours != before
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check")
    assert (checked.returncode, path.read_text()) == (0, ours), checked.stderr
    path.write_text(before)
    again = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--upgrade-package", "torch")
    assert (again.returncode, path.read_text()) == (0, ours), again.stderr


async def vulnerable(place: Path, index: PythonIndex, cpu: PythonIndex, cu: PythonIndex) -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    for one, versions in ((cpu, ("1.0", "2.2")), (cu, ("1.0", "1.5", "2.5"))):
        for version in versions:
            one.add("torch", version, "base")
    for version in ("1.0", "2.0"):
        index.add("base", version)
    more = TWO + tables({"cpu": cpu.url, "cu": cu.url})
    path = project(place / "shop", ["torch==1.0", "base==1.0"], more=more)
    await locked(path)
    project(place / "shop", ["torch<2", "base"], more=more)
    await locked(path, keep=True)
    events = ("introduced", "0"), ("fixed", "1.5")
    await imported(place, record("X-1", affected(ecosystem_range(*events), name="torch"), severity=[HIGH]))
    return path


async def many(place: Path, indexes: dict[str, PythonIndex], seeds: range, kind: str) -> Counter[str]:
    names = fill(Random(seeds[0]), indexes[""])
    fill_with_local_versions(Random(seeds[0]), indexes, names)
    urls = {name: one.url for name, one in indexes.items() if name}
    found: Counter[str] = Counter()
    for seed in seeds:
        drawn = DrawnSources(Random(seed), names, urls)
        path = (drawn.project if kind == "projects" else drawn.workspace)(place / f"p{seed}" / "shop")
        found[await compared(path, indexes[""].url)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["projects", "workspaces"])
async def test_uv_writes_the_same(kind: str, three: dict[str, PythonIndex], place: Path) -> None:
    found = await many(place, three, range(40), kind)
    assert found["different"] == 0, found
    assert found["accepted"] <= 10, found
    assert found["equal"] >= 20, found


def fill_as_pytorch(cpu: PythonIndex, cu: PythonIndex) -> None:
    """Have what PyTorch's own indexes have of two versions, with what that needs."""
    needs = [
        "filelock",
        "typing-extensions>=4.10.0",
        "sympy>=1.13.3",
        "networkx",
        "jinja2",
        "fsspec",
        "setuptools; python_version >= '3.12'",
    ]
    cuda = ["triton==3.3.0; platform_system == 'Linux' and platform_machine == 'x86_64'"]
    for name, version, some in (
        ("torch", "2.6.0", needs), ("torch", "2.7.0", needs),
        ("torchvision", "0.22.0", ["numpy", "torch==2.7.0", "pillow!=8.3.*,>=5.3.0"]),
    ):  # fmt: skip
        for python in ("cp310-cp310", "cp311-cp311", "cp312-cp312", "cp313-cp313"):
            for built in ("manylinux_2_28_x86_64", "win_amd64"):
                cpu.add(name, f"{version}+cpu", *some, tag=f"{python}-{built}")
                cu.add(name, f"{version}+cu128", *some, *(cuda if name == "torch" else []), tag=f"{python}-{built}")
            cpu.add(name, version, *some, tag=f"{python}-macosx_11_0_arm64")
            cpu.add(name, version, *some, tag=f"{python}-manylinux_2_28_aarch64")


def choice(*pairs: tuple[str, str]) -> str:
    return "[" + ", ".join(f"{{ index = '{name}', marker = \"{marker}\" }}" for name, marker in pairs) + "]"


# https://docs.astral.sh/uv/guides/integration/pytorch/
OF_PYTORCH = [
    CPU,
    choice(("cpu", "sys_platform != 'linux'"), ("cu", "sys_platform == 'linux'")),
    choice(("cu", "sys_platform == 'linux' or sys_platform == 'win32'")),
    choice(
        ("cpu", "sys_platform != 'linux'"),
        ("cu", "sys_platform == 'linux' and platform_machine == 'x86_64'"),
        ("cpu", "sys_platform == 'linux' and platform_machine != 'x86_64'"),
    ),
]


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_writes_the_same_with_the_index_of_everybody(
    cpu: PythonIndex, cu: PythonIndex, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    fill_as_pytorch(cpu, cu)
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    found: Counter[str] = Counter()
    with variables(own):
        for number, (source, pythons) in enumerate(product(OF_PYTORCH, (">=3.11,<3.14", ">=3.10"))):
            more = (
                f"[tool.uv.sources]\ntorch = {source}\ntorchvision = {source}\n{tables({'cpu': cpu.url, 'cu': cu.url})}"
            )
            needs = ["torch>=2.7.0", "torchvision>=0.22.0"]
            path = project(tmp_path / str(number) / "shop", needs, more=more, pythons=pythons)
            found[await compared(path, "")] += 1
    assert found["equal"] + found["accepted"] == 2 * len(OF_PYTORCH), found
    assert found["equal"] >= 6, found


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["projects", "workspaces"])
@pytest.mark.parametrize("seed", range(1000, 1200, 50))
async def test_uv_writes_the_same_at_length(seed: int, kind: str, three: dict[str, PythonIndex], place: Path) -> None:
    found = await many(place, three, range(seed, seed + 50), kind)
    assert found["different"] == 0, found
    assert found["equal"] >= 25, found
