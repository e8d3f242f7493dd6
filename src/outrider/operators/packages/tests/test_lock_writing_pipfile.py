"""Pipfile.lock as it is written, and what is refused of a Pipfile."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    UnsupportedError,
)
from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.manifests.pipfile_sources import expanded
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.pypi.pipenv.answering import target_of
from outrider.operators.packages.pypi.pipenv.markers import both, python_marker, translated
from outrider.operators.packages.pypi.targets import PypiTarget
from outrider.operators.packages.tests.pipenv_projects import index_of_everybody, project
from outrider.operators.packages.tests.python_index import PythonIndex, document
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.wheels import sha256
from outrider.operators.packages.tests.world import variables


async def locked(path: Path, **more: Any) -> lock.LockResult:
    return await lock.run(LockParams(ecosystem="pypi", file=str(path), **more), context(path.parent.parent))


def entries(path: Path, category: str = "default") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())[category]
    return found


def versions(path: Path, category: str = "default") -> dict[str, str]:
    return {name: one["version"] for name, one in entries(path, category).items()}


# As Pipenv has it.
DIGEST = "9e08acf00ca4b88f07d03f76d91e1d1432e149648996ff8aa183e5aeecf8c851"
WHOLE = """[packages]
Web_Site = {version = ">=1", extras = ["fast"], markers = "python_version < '4'"}
"dotted.name" = "*"

[dev-packages]
core = "*"

[docs]
late = {version = "*", index = "pypi"}

[requires]
python_version = "3.11"

[pipenv]
sort_pipfile = true
"""


async def test_the_whole_file(index: PythonIndex, place: Path) -> None:
    web = index.add("web-site", "1.0", "Core[x]>=1", "late; extra == 'fast'", extras=["fast"], python=">=3.6,!=3.7.*")
    core = index.add("core", "1.4", python=">3.8", extras=["x"])
    index.add_source("core", "1.4")
    dotted = index.add("dotted-name", "2")
    late = index.add("late", "1", python=">=3.10.1,<4")
    path = project(place / "shop", WHOLE)
    result = await locked(path, python="3.11")
    assert (result.form, result.packages, result.warnings) == ("Pipfile.lock", 4, [])
    hashes = {one.project: f'"sha256:{sha256(one.packed())}"' for one in (web, core, dotted, late)}
    both_of_core = sorted([hashes["core"], f'"sha256:{sha256(b"nothing")}"'])
    of_core = f"""{{
            "extras": [
                "x"
            ],
            "hashes": [
                {both_of_core[0]},
                {both_of_core[1]}
            ],
            "markers": "python_version >= '3.9'",
            "version": "==1.4"
        }}"""
    of_late = f"""{{
            "hashes": [
                {hashes["late"]}
            ],
            "markers": "python_full_version >= '3.10.1' and python_version < '4'",
            "version": "==1"
        }}"""
    assert (
        path.read_text()
        == f"""{{
    "_meta": {{
        "hash": {{
            "sha256": "{DIGEST}"
        }},
        "pipfile-spec": 6,
        "requires": {{
            "python_version": "3.11"
        }},
        "sources": [
            {{
                "name": "pypi",
                "url": "{index_of_everybody()}",
                "verify_ssl": true
            }}
        ]
    }},
    "default": {{
        "core": {of_core},
        "dotted.name": {{
            "hashes": [
                {hashes["dotted-name"]}
            ],
            "version": "==2"
        }},
        "late": {of_late},
        "web-site": {{
            "extras": [
                "fast"
            ],
            "hashes": [
                {hashes["web-site"]}
            ],
            "markers": "python_version < '4'",
            "version": "==1.0"
        }}
    }},
    "develop": {{
        "core": {of_core}
    }},
    "docs": {{
        "late": {of_late}
    }}
}}
"""
    )


async def test_other_categories_take_the_versions_of_the_default_one(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "2.0"):
        index.add("core", version)
    index.add("web", "1.0", "core<2")
    text = '[packages]\nweb = "*"\n[dev-packages]\ncore = "*"\n'
    path = project(place / "shop", text)
    await locked(path)
    assert versions(path, "develop") == {"core": "==1.0"}
    project(place / "shop", f"{text}[pipenv]\nuse_default_constraints = false\n")
    await locked(path)
    assert (versions(path)["core"], versions(path, "develop")) == ("==1.0", {"core": "==2.0"})


async def test_markers_of_the_pipfile_hold_for_what_is_needed_for_it(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core", python=">=3.8")
    index.add("core", "1.0", "late", python=">=3.8")
    index.add("late", "1.0", "web", python=">=3.8")
    path = project(place / "shop", '[packages]\nweb = {version = "*", markers = "python_version < \'4\'"}\n')
    await locked(path)
    assert {one["markers"] for one in entries(path).values()} == {"python_version < '4'"}


ELSEWHERE = """[packages]
one = {version = "*", markers = "sys_platform == 'win32'"}
other = {version = "==1.0", sys_platform = "== 'win32'"}
third = {markers = "sys_platform == 'win32'"}
"""


async def test_what_is_not_for_this_machine(index: PythonIndex, place: Path) -> None:
    for name in ("one", "other"):
        index.add(name, "1.0")
    path = project(place / "shop", ELSEWHERE)
    await locked(path)
    found = entries(path)
    assert found.pop("other").pop("hashes")
    assert found == {"one": {"markers": "sys_platform == 'win32'", "version": "*"}}
    # What a lock of the right machine says stays.
    changed = json.loads(path.read_text())
    changed["default"]["one"]["version"] = "==1.0"
    path.write_text(json.dumps(changed))
    await locked(path)
    assert versions(path) == {"one": "==1.0", "other": "==1.0"}
    assert len(entries(path)["one"]["hashes"]) == 1
    project(place / "shop", '[packages]\none = {version = ">=1", sys_platform = "== \'win32\'"}\n')
    with pytest.raises(UnsupportedError, match=r"packages\.one\.version is not for this machine"):
        await locked(path)


async def test_what_is_not_for_this_machine_and_needed_here(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core")
    index.add("core", "1.0")
    text = '[packages]\nweb = "*"\ncore = {version = "*", sys_platform = "== \'win32\'"}\n[dev-packages]\nweb = "*"\n'
    path = project(place / "shop", text)
    result = await locked(path)
    assert versions(path) == versions(path, "develop") == {"core": "*", "web": "==1.0"}
    # As with Pipenv, where both ask in the same words.
    assert len(entries(path)["core"]["hashes"]) == 1
    assert result.warnings == [
        "core is locked as what is not for this machine, as the Pipfile has it, though web needs it here"
    ]


async def test_the_python_of_the_pipfile(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core; python_version < '3.12'", "late; python_full_version >= '3.11.1'")
    index.add("core", "1.0")
    index.add("late", "1.0")
    text = '[packages]\nweb = "*"\n[requires]\n{} = "{}"\n'
    path = project(place / "shop", text.format("python_version", "3.12"))
    await locked(path)
    assert [*versions(path)] == ["late", "web"]
    await locked(path, python="3.11.0")
    assert [*versions(path)] == ["core", "web"]
    project(place / "shop", text.format("python_full_version", "3.10.9"))
    await locked(path)
    assert [*versions(path)] == ["core", "web"]
    # Of the version that runs this, the release counts too.
    assert target_of(".".join(map(str, sys.version_info[:2]))).full_version == PypiTarget.of("").full_version


async def test_prereleases_count_where_no_release_fits(index: PythonIndex, place: Path) -> None:
    for version in ("1.0rc1", "1.0", "2.0rc1"):
        index.add("core", version)
    index.add("core", "1.1", yanked="broken")
    index.add("web", "1.0", "core>=1.0rc1")
    path = project(place / "shop", '[packages]\nweb = "*"\n')
    await locked(path)
    assert versions(path)["core"] == "==1.0"
    project(place / "shop", '[packages]\ncore = ">=2.0"\n')
    await locked(path)
    assert versions(path)["core"] == "==2.0rc1"
    project(place / "shop", '[packages]\ncore = "==1.1"\n')
    await locked(path)
    assert versions(path)["core"] == "==1.1"
    project(place / "shop", '[packages]\ncore = "!=1.0"\n')
    with pytest.raises(ConflictError, match="pip, which Pipenv asks, would not find them"):
        await locked(path)


async def test_going_back(index: PythonIndex, place: Path) -> None:
    for number in range(8):
        index.add("web", f"{number}.0", f"core=={number}.0", "late")
        index.add("core", f"{number}.0")
        index.add("late", f"{number}.0", "core<3" if number > 4 else "core")
    path = project(place / "shop", '[packages]\nweb = "*"\nlate = ">=5"\n')
    await locked(path)
    assert versions(path) == {"core": "==2.0", "late": "==7.0", "web": "==2.0"}


async def test_what_is_there(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    path = project(place / "shop", '[packages]\nweb = "*"\n')
    await locked(path)
    index.add("web", "2.0")
    before = {**json.loads(path.read_text()), "gone": {"old": {"version": "==1"}}}
    path.write_bytes(json.dumps(before, indent=1).replace("\n", "\r\n").encode())
    clock = context(place, later=1000)
    kept = await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), clock)
    assert kept.changes == []
    changed = await lock.run(LockParams(ecosystem="pypi", file=str(path)), clock)
    assert [(one.before, one.after) for one in changed.changes] == [("1.0", "2.0")]
    # As Pipenv leaves them: line ends, and a category that the Pipfile has no more.
    content = path.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") > 0
    assert versions(path, "gone") == {"old": "==1"}


async def test_what_cannot_be_had(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core<2")
    index.add("core", "1.0")
    index.add("core", "2.0")
    path = project(place / "shop", '[packages]\nweb = "*"\ncore = ">=2"\n')
    with pytest.raises(ConflictError) as caught:
        await locked(path)
    assert caught.value.suggestions == ["allow core 1.0: you ask for core>=2"]
    project(place / "shop", '[packages]\nnothing = "*"\n')
    with pytest.raises(NotFoundError, match="nothing"):
        await locked(path)
    with pytest.raises(NotFoundError, match="Pipfile: there is none"):
        await locked(place / "other" / "Pipfile.lock")
    index.answers["/simple/bare/"] = document(
        json.dumps(
            {"files": [{"filename": "bare-1.0-py3-none-any.whl", "url": "/files/web-1.0-py3-none-any.whl"}]}
        ).encode()
    )
    project(place / "shop", '[packages]\nbare = "*"\n')
    with pytest.raises(PreconditionFailedError, match="names no sha256"):
        await locked(path)
    assert not path.exists()


async def test_a_lock_that_cannot_be_read(index: PythonIndex, place: Path) -> None:
    path = project(place / "shop", '[packages]\nweb = "*"\n')
    index.add("web", "1.0")
    for text in ("{", "[]", '{"default": 1}'):
        path.write_text(text)
        with pytest.raises(InvalidConfigError, match=r"Pipfile\.lock"):
            await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
        result = await locked(path)
        assert (len(result.changes), len(result.warnings)) == (1, 1)
        assert "it cannot be read" in result.warnings[0]


async def test_a_lock_with_an_entry_that_is_none(index: PythonIndex, place: Path) -> None:
    path = project(place / "shop", '[packages]\nweb = "*"\n')
    for text in ('{"default": {"web": 1}}', '{"default": {"": {}}}'):
        path.write_text(text)
        with pytest.raises(InvalidConfigError, match=r"Pipfile\.lock"):
            await locked(path)
    assert index.requests == []


REFUSED = [
    ('[packages]\nweb = {git = "https://files.test/web", ref = "x"}', "packages.web.git"),
    ('[packages]\nweb = {path = "."}', "packages.web.path"),
    ('[dev-packages]\nweb = {version = "*", editable = true}', "dev-packages.web.editable"),
    ('[docs]\nweb = {file = "https://files.test/web.whl"}', "docs.web.file"),
    ('[packages]\nweb = {version = "*", os_name = "== \'nt\'"}', "packages.web.os_name"),
    ("[pipenv]\nallow_prereleases = true", "pipenv.allow_prereleases"),
    ('[pipenv]\nresolver = "pure-python"', "pipenv.resolver"),
    ("[pipenv]\nuse_pylock = true", "pipenv.use_pylock"),
    ('[develop]\nweb = "*"', "develop"),
    ('[packages]\nweb = {version = "*", index = "own"}\n[docs]\nweb = "*"', "docs.web.index"),
]
SOURCES = '[[source]]\nname = "pypi"\nurl = "https://a.test/simple"\n[[source]]\nname = "own"\nurl = "https://b.test/simple"\n'


@pytest.mark.parametrize(("text", "path"), REFUSED)
async def test_what_is_not_read(text: str, path: str, index: PythonIndex, place: Path) -> None:
    file = project(place / "shop", f"{text}\n", SOURCES)
    with pytest.raises(UnsupportedError) as caught:
        await locked(file)
    assert caught.value.path == path
    assert "Pipfile" in caught.value.message
    assert (index.requests, file.exists()) == ([], False)


@pytest.mark.parametrize(
    ("sources", "path"),
    [
        ("", "source"),
        ('[[source]]\nname = "a"\nurl = "https://a.test"\nverify_ssl = false', "source.0.verify_ssl"),
    ],
)
def test_sources_that_are_not_asked(sources: str, path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        Pipfile.read(sources)
    assert caught.value.path == path


MALFORMED = [
    "packages = 1",
    "[packages]\nweb = 1",
    '[packages]\nweb = "=>1"',
    "[packages]\nweb = \"*; python_version < '3'\"",
    "[packages]\nweb = {version = 1}",
    '[packages]\nweb = {version = "*", extras = "fast"}',
    '[packages]\nweb = {version = "*", markers = "x"}',
    '[packages]\nweb = {version = "*", sys_platform = "linux"}',
    '[packages]\nweb = {version = "*", index = "other"}',
    '[packages]\nweb = "*"\nWeb = "*"',
    '[packages]\n"web[fast]" = "*"',
    "[requires]\npython_version = 3",
    "requires = 1",
    "pipenv = []",
    "[packages",
]


@pytest.mark.parametrize("text", MALFORMED)
async def test_what_is_no_project(text: str, index: PythonIndex, place: Path) -> None:
    file = project(place / "shop", f"{text}\n")
    (file.parent / "Pipfile").write_text(f'{text}\n[[source]]\nname = "own"\nurl = "{index.url}"\n')
    with pytest.raises(InvalidConfigError, match="Pipfile"):
        await locked(file)
    assert index.requests == []


@pytest.mark.parametrize(
    "text", ["source = 1", "source = [1]", "[[source]]\nname = 1", "[[source]]\nname = 'a'", "[source]\nname = 'a'",
             "[[source]]\nname = 'a'\nurl = 'b'\nverify_ssl = 'no'", "[[source]]\nname = 'a'\nurl = 'b'\n" * 2]
)  # fmt: skip
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="Pipfile: source"):
        Pipfile.read(text)


async def test_an_index_of_the_project_alone(index: PythonIndex, place: Path) -> None:
    async with PythonIndex(login="ana:p@ss") as own:
        own.add("web", "1.0", "core", "late")
        own.add("core", "2.0")
        index.add("core", "1.0")
        index.add("late", "1.0")
        with variables({"OWN_LOGIN": "ana:p@ss"}):
            address = own.url.replace("://", "://${OWN_LOGIN}@")
            sources = f'[[source]]\nname = "pypi"\nurl = "{index.url}"\n[[source]]\nname = "own"\nurl = "{address}"\n'
            path = project(place / "shop", '[packages]\nweb = {version = "*", index = "own"}\n', sources)
            await locked(path)
    assert versions(path) == {"core": "==1.0", "late": "==1.0", "web": "==1.0"}
    assert (entries(path)["web"]["index"], entries(path)["core"].get("index")) == ("own", None)
    assert "${OWN_LOGIN}" in path.read_text()
    assert "p@ss" not in path.read_text()


async def test_a_mirror_of_the_index_of_everybody(index: PythonIndex, place: Path) -> None:
    async with PythonIndex() as mirror:
        mirror.add("web", "2.0")
        index.add("web", "1.0")
        path = project(place / "shop", '[packages]\nweb = "*"\n')
        with variables({"PIPENV_PYPI_MIRROR": mirror.url}):
            await locked(path)
        assert versions(path) == {"web": "==2.0"}
        await locked(path)
    assert versions(path) == {"web": "==1.0"}
    assert mirror.url not in path.read_text()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.test/${X}", "https://a.test/x:/@"),
        ("$X", "x:/@"),
        ("https://$X@a.test/$NONE", "https://x:%2F%40@a.test/$NONE"),
        ("https://'${X}':p@a.test", "https://x:%2F%40%3Ap@a.test"),
        ("https://u:p@a.test/s", "https://u:p@a.test/s"),
    ],
)
def test_variables_in_addresses(url: str, wanted: str) -> None:
    assert expanded(url, {"X": "x:/@"}) == wanted


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        (">=2.7, !=3.0.*, !=3.1.*", "python_version >= '2.7' and python_version != '3.0' and python_version != '3.1'"),
        (">3.6,<=3.9", "python_version >= '3.7' and python_version < '3.10'"),
        ("<=3.11", "python_version <= '3.11'"),
        (">=3.6.1,>=3.7", "python_full_version >= '3.6.1' and python_version >= '3.7'"),
        ("==3.8.*,==3.9.*", "python_version == '3.8' or python_version == '3.9'"),
        ("===3.12,<=3.11", "python_version <= '3.11' and python_version == '3.12'"),
        ("3", "python_version == '3'"),
        ("*", ""), ("", ""), (">=x", ""), ("~=3", ""),
    ],
)  # fmt: skip
def test_what_a_file_says_of_python(text: str, marker: str) -> None:
    found = python_marker(text)
    assert (translated(found, {}) if found else "") == marker


def test_markers_together() -> None:
    assert both("a", "b") == "(a) and (b)"
    assert both("(a) and (b)", "b") == "(a) and (b)"
    assert translated("extra == 'fast'", {}) == ""
    # As Pipenv has it, though it says another thing than both do.
    told = translated("os_name == 'nt' or os_name == 'posix'", {"sys_platform": "== 'linux'"})
    assert told == "os_name == 'nt' or os_name == 'posix' and sys_platform == 'linux'"


VALUES = st.recursive(
    st.booleans() | st.integers(0, 3) | st.text("web>=1 ;@[$", max_size=6) | st.sampled_from(["*", ">=1", "== 'x'"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["version", "git", "extras", "index", "web", "name", "url"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(VALUES, st.sampled_from(["packages", "docs", "source", "requires", "pipenv"]))
@hypothesis_settings(max_examples=60)
def test_whatever_is_read_is_read_or_refused_in_words(value: Any, key: str) -> None:
    document = {"source": [{"name": "pypi", "url": "https://a.test"}], "packages": {"web": ">=1"}} | {key: value}
    with suppress(InvalidConfigError, UnsupportedError):
        read = Pipfile(document)
        assert len(read.digest) == 64
        assert read.python == ""
        again = read.with_texts([">=9" if one.text else "" for one in read.asked])
        assert {one.range for one in again.asked} <= {">=9", ""}
