"""Python packages resolved against an index that we serve."""

import pytest

from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex, document, status


async def test_the_newest_versions_that_go_together(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", "core<2")
    index.add("web", "2.0", "core<2", "tools")
    index.add("core", "1.9")
    index.add("core", "2.0")
    index.add("tools", "1.0", "core")
    answer = await ask.resolved("web")
    assert [(one.name, one.version, one.needed_by) for one in answer.packages] == [
        ("core", "1.9", ["tools", "web"]),
        ("tools", "1.0", ["web"]),
        ("web", "2.0", []),
    ]
    assert answer.packages[0].url == f"{index.root}/files/core-1.9-py3-none-any.whl"
    assert answer.packages[0].hashes.keys() == {"sha256"}


async def test_names_are_compared_in_one_form(index: PythonIndex, ask: Asking) -> None:
    index.add("My.Web_Site", "1.0", "Core__Parts")
    index.add("core-parts", "1")
    assert await ask.pins("my_web-SITE") == ["core-parts==1", "my-web-site==1.0"]


async def test_extras_of_themselves(index: PythonIndex, ask: Asking) -> None:
    index.add(
        "web",
        "1.0",
        "web[a,B_c] ; extra == 'all'",
        'one; extra == "a"',
        "two>1; extra == 'b-c'",
        extras=["all", "a", "B.c"],
    )
    index.add("one", "1")
    index.add("two", "1")
    index.add("two", "2")
    answer = await ask.resolved("web[ALL]")
    assert [(one.name, one.version, one.extras) for one in answer.packages] == [
        ("one", "1", []), ("two", "2", []), ("web", "1.0", ["a", "all", "b-c"]),
    ]  # fmt: skip
    assert await ask.pins("web") == ["web==1.0"]


async def test_an_extra_that_is_asked_for_late_counts_for_what_was_explored_before(
    index: PythonIndex, ask: Asking
) -> None:
    index.add("web", "1.0", "one; extra == 'a'", extras=["a"])
    index.add("one", "1")
    index.add("later", "1", "web[a]")
    assert await ask.pins("web", "later") == ["later==1", "one==1", "web==1.0"]


async def test_an_extra_that_there_is_not_adds_nothing(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    assert await ask.pins("web[nonsense]") == ["web==1.0"]


@pytest.mark.parametrize(
    ("marker", "counts"),
    [
        ("python_version >= '3.12'", True),
        ('python_version < "3.12"', False),
        ("python_full_version == '3.12.0'", True),
        ("extra == 'x' and python_version >= '3'", True),
        ("extra == 'x' and python_version < '3'", False),
        ("python_version >= '3' or extra == 'y'", True),
        ("extra == 'y'", False),
        ("'x' == extra", True),
        ("extra != 'x'", True),
        ("sys_platform == 'linux' and implementation_name == 'cpython'", True),
        ("sys_platform == 'win32'", False),
        ("os_name ~= 'posix'", False),
        ("platform_release >= '3'", None),
        ("python_version in '3.11 3.12'", True),
        ("platform_release >= 'abc'", None),
        ("'x' in extras", None),
        ("'x' in dependency_groups", None),
    ],
)
async def test_markers(index: PythonIndex, ask: Asking, marker: str, counts: bool | None) -> None:
    index.add("web", "1.0", f"other ; {marker}", extras=["x", "y"])
    index.add("other", "1")
    pins = await ask.pins("web[x]")
    assert counts is None or ("other==1" in pins) == counts


async def test_python_that_files_ask_for(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", python=">=3.6")
    index.add("web", "2.0", python=">=3.9,!=3.12.*")
    index.add("web", "3.0", python=">=3.13")
    index.add("web", "4.0", python="nonsense")
    assert await ask.pins("web<4") == ["web==1.0"]
    assert await ask.pins("web<4", python="3.9") == ["web==2.0"]
    assert await ask.pins("web<4", python="3.13.2") == ["web==3.0"]
    assert await ask.pins("web") == ["web==4.0"]
    assert (await ask.impossible("web<4", python="3.5")).notes == ["web: 3 versions have no wheel for Python 3.5"]


async def test_prereleases(index: PythonIndex, ask: Asking) -> None:
    for version in ("1.0", "2.0rc1", "2.0rc2", "2.1.dev1"):
        index.add("web", version)
    index.add("early", "1.0a1")
    index.add("early", "1.0b1")
    index.add("user", "1.0", "web")
    index.add("denier", "1.0", "web!=2.0rc1")
    assert await ask.pins("web") == ["web==1.0"]
    assert await ask.pins("web>=2.0rc1") == ["web==2.1.dev1"]
    assert await ask.pins("web>1") == ["web==2.1.dev1"]
    assert await ask.pins("early") == ["early==1.0b1"]
    assert await ask.pins("denier") == ["denier==1.0", "web==1.0"]
    assert await ask.pins("web==2.0rc2", "user") == ["user==1.0", "web==2.0rc2"]


async def test_versions_that_were_taken_back(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0", yanked="broken")
    index.add("web", "3.0", yanked="")
    assert await ask.pins("web") == ["web==1.0"]
    assert await ask.pins("web==2.0") == ["web==2.0"]
    assert await ask.pins("web===3.0") == ["web==3.0"]
    await ask.impossible("web==3.*")
    assert (await ask.impossible("web>1")).notes == ["web: 2 versions have been taken back"]


async def test_wheels_for_this_machine(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64")
    index.add("web", "1.0", tag="cp312-cp312-manylinux_2_17_aarch64")
    index.add("web", "2.0", tag="cp312-cp312-win_amd64")
    index.add("web", "3.0", tag="py2.py3-none-any")
    index.add("web", "4.0", tag="cp311-cp311-linux_x86_64")
    index.add("web", "5.0", tag="cp38-abi3-manylinux1_x86_64.manylinux1_aarch64")
    index.add("web", "6.0", tag="py2-none-any")
    index.add_source("web", "7.0")
    assert await ask.pins("web") == ["web==5.0"]
    assert await ask.pins("web<5") == ["web==3.0"]
    assert await ask.pins("web<3") == ["web==1.0"]
    assert (await ask.impossible("web>5")).notes == [
        "web: 1 version has no wheel at all", "web: 3 versions have no wheel for this machine",
    ]  # fmt: skip


async def test_the_wheel_that_fits_best(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", "core")
    index.add("web", "1.0", tag="cp312-abi3-manylinux_2_17_x86_64")
    index.add("web", "1.0", "old", tag="2old-cp312-cp312-manylinux_2_17_x86_64")
    index.add("web", "1.0", "fast", tag="10-cp312-cp312-manylinux_2_17_x86_64")
    index.add("web", "1.0", "other", tag="cp311-cp311-manylinux_2_17_x86_64")
    for name in ("core", "fast", "other"):
        index.add(name, "1")
    files = [
        (await ask.resolved("web", python=python)).packages[-1].file
        for python in ("3.9", "3.11", "3.12", "3.9", "3.13")
    ]
    tags = [file.removeprefix("web-1.0-").removesuffix(".whl") for file in files]
    assert tags == [
        "py3-none-any", "cp311-cp311-manylinux_2_17_x86_64", "10-cp312-cp312-manylinux_2_17_x86_64", "py3-none-any",
        "cp312-abi3-manylinux_2_17_x86_64",
    ]  # fmt: skip


async def test_python_that_only_metadata_asks_for(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    new = index.add("web", "2.0", python=">=3.13")
    page = f'<a href="/files/{new.name}">x</a><a href="/files/web-1.0-py3-none-any.whl">y</a>'
    index.answers["/simple/web/"] = document(page.encode(), "text/html")
    assert await ask.pins("web") == ["web==1.0"]
    assert await ask.pins("web", python="3.13") == ["web==2.0"]
    assert (await ask.impossible("web>1")).notes == ["web: 1 version has no wheel for Python 3.12"]
    assert len(index.paths(new.name)) == 1


async def test_a_wheel_that_cannot_be_read_is_passed_over(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    index.answers[f"/files/{index.add('web', '2.0').name}.metadata"] = status(404)
    index.answers[f"/files/{index.add('web', '2.0').name}"] = document(b"PK is not enough", "application/zip")
    lost = index.add("web", "3.0")
    index.answers[f"/files/{lost.name}.metadata"] = index.answers[f"/files/{lost.name}"] = status(404)
    assert await ask.pins("web") == ["web==1.0"]
    assert (await ask.impossible("web>1")).notes == ["web: 2 versions have metadata that cannot be read"]


async def test_metadata_that_is_none_is_not_taken_for_a_project_that_needs_nothing(
    index: PythonIndex, ask: Asking
) -> None:
    index.add("web", "1.0", "core")
    index.add("core", "1")
    wheel = index.add("web", "2.0", "core")
    index.answers[f"/files/{wheel.name}.metadata"] = document(b"<html>Please log in</html>", "text/html")
    assert await ask.pins("web") == ["core==1", "web==2.0"]


async def test_cycles(index: PythonIndex, ask: Asking) -> None:
    index.add("egg", "1", "hen")
    index.add("egg", "2", "hen>=2")
    index.add("hen", "1", "egg")
    index.add("hen", "2", "egg<2", "hen")
    assert await ask.pins("egg") == ["egg==1", "hen==2"]


async def test_a_tarpit_is_waded_through(index: PythonIndex, ask: Asking) -> None:
    for minor in range(60):
        index.add("pit", f"1.{minor}", f"deep=={minor}")
        index.add("deep", str(minor), "base<2" if minor == 3 else "base>=2")
    index.add("base", "1")
    index.add("base", "2")
    assert await ask.pins("pit", "base<2") == ["base==1", "deep==3", "pit==1.3"]
    assert len(index.paths("/simple/")) == 3
    assert len(index.paths()) <= 3 + 60 + 60 + 2
    before = len(index.requests)
    assert await ask.pins("pit", "base<2") == ["base==1", "deep==3", "pit==1.3"]
    assert len(index.requests) == before


@pytest.mark.parametrize("versions", [("1.0+a", "1.0+b"), ("1.0", "1.0+a"), ("1.0", "1.0.0"), ("1.0", "1")])
async def test_versions_that_one_range_cannot_tell_apart_are_all_looked_at(
    index: PythonIndex, ask: Asking, versions: tuple[str, str]
) -> None:
    for version in versions:
        index.add("web", version, "core<2" if version == versions[0] else "core>=2")
    index.add("core", "1")
    index.add("core", "2")
    assert await ask.pins("web", "core<2", seconds=5.0) == ["core==1", f"web=={versions[0]}"]
