"""uv.lock of projects that have packages from several indexes: to the byte as uv writes it, or as uv takes it."""

from collections import Counter
from itertools import product
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_lock_writing_uv import compared
from outrider.operators.packages.tests.uv_projects import fill, project
from outrider.operators.packages.tests.uv_sources import DrawnSources, fill_with_local_versions, index_tables
from outrider.operators.packages.tests.world import settings, variables


@pytest.fixture
def three(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex) -> dict[str, PythonIndex]:
    """The usual index and two more, by what their local versions are called."""
    return {"": index, "cpu": cpu, "cu": cu}


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
    "{ index = 'cpu' }",
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
            more = f"[tool.uv.sources]\ntorch = {source}\ntorchvision = {source}\n{index_tables({'cpu': cpu.url, 'cu': cu.url})}"
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
