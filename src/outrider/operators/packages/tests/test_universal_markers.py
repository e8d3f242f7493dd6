"""Markers for all machines: what they mean, and how uv writes them."""

import asyncio
import json
import tomllib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.targets import UniversalTarget
from outrider.operators.packages.pypi.universal.trees import conjunction, disjoint, negation, possible, restricted
from outrider.operators.packages.pypi.universal.wheel_tags import may_be_reached, may_serve
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import project, uv

TEXTS = [
    ("", ""),
    ("python_version < '3.9'", "python_full_version < '3.9'"),
    ("python_version <= '3.9'", "python_full_version < '3.10'"),
    ("python_version > '3.9'", "python_full_version >= '3.10'"),
    ("python_version == '3.10'", "python_full_version == '3.10.*'"),
    ("python_version != '3.10'", "python_full_version != '3.10.*'"),
    ("python_version == '3.10.1'", "python_version < '0'"),
    ("python_version >= '3.10.1'", "python_full_version >= '3.11'"),
    ("python_version ~= '3.10.0'", "python_full_version == '3.10.*'"),
    ("python_version in '3.10 3.11'", "python_full_version >= '3.10' and python_full_version < '3.12'"),
    ("python_full_version == '3.10.1'", "python_full_version == '3.10.1'"),
    ("'3.10' <= python_version", "python_full_version >= '3.10'"),
    ("platform_system == 'Windows'", "sys_platform == 'win32'"),
    ("platform_system == 'FreeBSD'", "platform_system == 'FreeBSD'"),
    ("platform_system == 'Linux' and sys_platform == 'win32'", "python_version < '0'"),
    ("os_name == 'nt' and sys_platform == 'linux'", "python_version < '0'"),
    ("'linux' in sys_platform", "'linux' in sys_platform"),
    ("sys_platform not in 'linux darwin'", "sys_platform not in 'linux darwin'"),
    ("sys_platform == 'a' or sys_platform != 'a'", ""),
    ("os_name == 'a' and os_name == 'b'", "python_version < '0'"),
    ("extra == 'Web_All' and os_name == 'a'", "os_name == 'a' and extra == 'web-all'"),
    ("python_version == 'x' and os_name == 'a'", "os_name == 'a'"),
    ("(os_name == 'a' or platform_machine == 'b') and extra == 'c'", "(os_name == 'a' or platform_machine == 'b') and extra == 'c'"),
    ("os_name == 'a' and (platform_machine == 'b' or sys_platform == 'c')", "os_name == 'a' and (platform_machine == 'b' or sys_platform == 'c')"),
    ("implementation_name == 'a' or platform_machine != 'b' and implementation_name != 'a'", "implementation_name == 'a' or platform_machine != 'b'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written"), TEXTS)
def test_how_markers_are_written(text: str, written: str) -> None:
    assert marker_text(marker_tree(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "os_name ==",
        "os_name",
        "os_name == 'a' and",
        "os_name == 'a')",
        "?",
        "(" * 80 + "os_name == 'a'" + ")" * 80,
    ],
)
def test_what_is_no_marker(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="no environment marker"):
        marker_tree(text)


COMPARISONS = st.one_of(
    st.builds("python_version {} '3.{}'".format, st.sampled_from(("<", "<=", "==", "!=", ">=", ">")), st.integers(8, 13)),
    st.builds("python_full_version {} '3.{}.1'".format, st.sampled_from(("<", "<=", "==", "!=", ">=", ">")), st.integers(8, 13)),
    st.builds("platform_machine {} '{}'".format, st.sampled_from(("==", "!=")), st.sampled_from(("x86_64", "arm64", "s390x"))),
    st.builds("sys_platform {} '{}'".format, st.sampled_from(("==", "!=")), st.sampled_from(("linux", "win32"))),
    st.builds("implementation_name {} 'cpython'".format, st.sampled_from(("==", "!="))),
    st.builds("'x' {} platform_release".format, st.sampled_from(("in", "not in"))),
)  # fmt: skip
MARKERS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds("({}) {} ({})".format, inner, st.sampled_from(("and", "or")), inner),
    max_leaves=6,
)
MACHINES = st.fixed_dictionaries(
    {
        "python_full_version": st.builds("3.{}.{}".format, st.integers(7, 14), st.integers(0, 2)),
        "platform_machine": st.sampled_from(("x86_64", "arm64", "riscv64")),
        "sys_platform": st.sampled_from(("linux", "win32", "darwin")),
        "implementation_name": st.sampled_from(("cpython", "pypy")),
        "platform_release": st.sampled_from(("6.x", "10")),
    }
)  # fmt: skip


def holds(text: str, machine: dict[str, str]) -> bool:
    version = ".".join(machine["python_full_version"].split(".")[:2])
    return not text or Marker(text).evaluate({**machine, "python_version": version})


@given(MARKERS, MACHINES)
def test_what_is_written_means_the_same(text: str, machine: dict[str, str]) -> None:
    tree = marker_tree(text)
    written = marker_text(tree)
    assert holds(written, machine) == holds(text, machine)
    assert marker_tree(written) == tree or written == "python_version < '0'"
    assert possible(tree) or not holds(text, machine)


@given(MARKERS, MARKERS)
def test_laws(one: str, other: str) -> None:
    left, right = marker_tree(one), marker_tree(other)
    assert negation(negation(left)) == left
    assert conjunction(left, right) == conjunction(right, left) == marker_tree(f"({one}) and ({other})")
    assert disjoint(left, negation(left))
    assert conjunction(restricted(left, right), right) == conjunction(left, right)


PYTHONS = [
    (">=3.11,<4", ">=3.11, <4"), ("~=3.11", ">=3.11, <4"), ("==3.12.*", "==3.12.*"), (">=3.11.0", ">=3.11.0"), ("<4,>=3.8.1", ">=3.8.1, <4"),
    (">=3.9,!=3.10.*", ">=3.9, !=3.10.*"), (">=3.9,!=3.10.1", ">=3.9, !=3.10.1"), ("==3.12.4", "==3.12.4"), (">3.10", ">3.10"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written"), PYTHONS)
def test_ranges_of_pythons(text: str, written: str) -> None:
    assert PythonRange.of(text).text == written


def test_what_runs_on_a_range_of_pythons() -> None:
    pythons = PythonRange.of(">=3.10,<3.13")
    target = UniversalTarget(pythons)
    assert [target.allows(one) for one in (">=3.8", ">=3.10,<3.11", ">=3.11", ">3.10", "", "?", "<4")] == [
        True, True, False, False, True, True, True,
    ]  # fmt: skip
    for text in ("3.x", ">=3.13,<3.12"):
        with pytest.raises(InvalidConfigError):
            PythonRange.of(text)


WHEELS = [
    ("cp39-cp39-win32", False), ("cp310-cp310-win32", True), ("cp313-cp313-win32", False), ("cp38-abi3-win32", True), ("py2-none-any", False),
    ("py2.py3-none-any", True), ("py312-none-any", True), ("py313-none-any", False), ("cp39-none-any", False), ("pp310-pypy310_pp73-win32", True),
    ("pp39-pypy39_pp73-win32", False), ("pp3-pypy_41-win32", False), ("graalpy311-graalpy242_311_native-any", True), ("what-ever-any", True),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "serves"), WHEELS)
def test_wheels_that_may_serve(tags: str, serves: bool) -> None:
    assert may_serve(tags, PythonRange.of(">=3.10,<3.13")) is serves


REACHED = [
    ("win_amd64", "sys_platform == 'linux'", False), ("win_amd64", "sys_platform == 'win32'", True), ("any", "sys_platform == 'x'", True),
    ("manylinux1_x86_64", "platform_machine == 'aarch64'", False), ("musllinux_1_2_i686", "sys_platform != 'linux'", False),
    ("macosx_11_0_universal2", "sys_platform == 'darwin'", True), ("macosx_11_0_arm64", "platform_machine == 'x86_64'", False),
    ("linux_armv7l.linux_armv6l", "sys_platform == 'linux'", True), ("freebsd_13_x86_64", "platform_machine == 's390x'", False),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "marker", "reached"), REACHED)
def test_wheels_where_they_are_needed(platform: str, marker: str, reached: bool) -> None:
    wheel = f"web-1.0-py3-none-{platform}.whl"
    assert may_be_reached(wheel, PythonRange.of(">=3.10"), marker_tree(marker)) is reached


def drawn(random: Random) -> str:
    def comparison() -> str:
        match random.randrange(6):
            case 0 | 1 | 2:
                return (
                    f"python_version {random.choice(('<', '>=', '==', '!=', '<=', '>'))} '3.{random.randint(10, 14)}'"
                )
            case 3:
                return f"sys_platform {random.choice(('==', '!='))} '{random.choice(('win32', 'linux', 'darwin'))}'"
            case 4:
                return f"platform_machine {random.choice(('==', '!='))} '{random.choice(('x86_64', 'arm64'))}'"
        return random.choice(
            ("implementation_name == 'cpython'", "platform_system == 'Windows'", "'linux' in sys_platform")
        )

    return " or ".join(
        "(" + " and ".join(comparison() for _ in range(random.randint(1, 2))) + ")" for _ in range(random.randint(1, 3))
    )


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_uv_writes_the_same(index: PythonIndex, tmp_path: Path) -> None:
    index.add("six", "1.0")
    random = Random(7)
    markers = [drawn(random) for _ in range(400)]
    groups = {f"g{number:03}": [f"six; {marker}"] for number, marker in enumerate(markers)}
    path = project(tmp_path / "shop", [], groups=groups)
    done = await asyncio.to_thread(uv, path.parent, index.url, "lock")
    assert done.returncode == 0, done.stderr
    [own] = [one for one in tomllib.loads(path.read_text())["package"] if one["name"] == "shop"]
    entries = [own["metadata"]["requires-dev"][name][0] for name in groups]
    other = [
        (marker, ours, theirs)
        for marker, entry in zip(markers, entries, strict=True)
        if (ours := marker_text(marker_tree(marker))) != (theirs := entry.get("marker", ""))
    ]
    # uv joins several ranges of one variable that stand before the same in one more case.
    assert len(other) <= 4, json.dumps(other, indent=1)
    assert all(marker_tree(ours) == marker_tree(theirs) for _, ours, theirs in other)
