"""Projects of Poetry that name indexes: for all packages, for what others do not have, or for single ones."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    UnauthenticatedError,
    UnsupportedError,
)
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.tests.poetry_projects import poetry, project
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_poetry import fixed
from outrider.operators.packages.tests.test_fix_uv import bad
from outrider.operators.packages.tests.test_lock_writing_poetry import HEAD, OWN, locked


@pytest.fixture
async def other(index: PythonIndex) -> AsyncIterator[PythonIndex]:
    """Have another index, which has the same packages in other versions, and one of its own."""
    for name, needs in (("core", ()), ("web", ("core>=1",)), ("lib", ("core",)), ("source", ()), ("same", ())):
        index.add(name, "1.0", *needs)
    async with PythonIndex() as made:
        made.add("same", "1.0", "own")
        for name, needs in (("core", ()), ("web", ("core>=1",)), ("own", ("web; extra == 'more'",))):
            made.add(name, "1.5", *needs, extras=["more"] if name == "own" else [])
        yield made


def source(name: str, url: str, priority: str = "") -> str:
    more = f'priority = "{priority}"\n' if priority else ""
    return f'\n[[tool.poetry.source]]\nname = "{name}"\n' + (f'url = "{url}"\n' if url else "") + more


def entries(path: Path) -> list[tuple[str, str, str]]:
    """Return all packages with their versions, and the names of the indexes that these come from."""
    found = read_toml("poetry.lock", path.read_text())["package"]
    return [(one["name"], one["version"], one.get("source", {}).get("reference", "")) for one in found]


def versions(path: Path) -> dict[str, tuple[str, str]]:
    """Return the version of each package, and the name of the index that it comes from."""
    return {name: (version, reference) for name, version, reference in entries(path)}


# By what they are about: the text of a project, and where its packages come from.
PROJECTS = {
    "one index for all": (
        f'{HEAD}dependencies = ["web", "own[more]"]\n{source("Corp", "URL/")}', {"core": ("1.5", "Corp"), "own": ("1.5", "Corp"), "web": ("1.5", "Corp")},
    ),
    "that of everybody by its name": (f'{HEAD}dependencies = ["web"]\n{source("PyPI", "")}', {"core": ("1.0", ""), "web": ("1.0", "")}),
    "an index for one package": (
        f'{OWN}web = "*"\nown = {{ version = "*", source = "corp" }}\n{source("corp", "URL", "explicit")}', {"core": ("1.0", ""), "own": ("1.5", "corp"), "web": ("1.0", "")},
    ),
    "an index for what others need too": (
        f'{OWN}web = "*"\ncore = {{ version = ">=1", source = "corp" }}\n{source("corp", "URL", "explicit")}', {"core": ("1.5", "corp"), "web": ("1.0", "")},
    ),
    "a package that is called source, and a group": (
        f'{OWN}source = "*"\n[tool.poetry.group.dev.dependencies]\nown = {{ version = "*", source = "corp" }}\n{source("corp", "URL", "explicit")}',
        {"own": ("1.5", "corp"), "source": ("1.0", "")},
    ),
    "beside a group of the project": (
        f'{HEAD}[dependency-groups]\ndev = ["web"]\n[tool.poetry.group.dev.dependencies]\nweb = {{ source = "corp" }}\n{source("corp", "URL", "explicit")}',
        {"core": ("1.0", ""), "web": ("1.5", "corp")},
    ),
    "in a list": (
        f'{OWN}web = [{{ version = "*", source = "corp", python = "<3.13" }}, {{ version = ">=1", source = "corp", python = ">=3.13" }}]\n{source("corp", "URL", "explicit")}',
        {"core": ("1.0", ""), "web": ("1.5", "corp")},
    ),
    "beside what the project says": (
        f'{HEAD}dependencies = ["lib", "core>=1"]\n[tool.poetry.dependencies]\ncore = {{ source = "corp" }}\n{source("corp", "URL", "explicit")}',
        {"core": ("1.5", "corp"), "lib": ("1.0", "")},
    ),
    "that of everybody for one package": (
        f'{OWN}own = "*"\nlib = {{ version = "*", source = "PyPI" }}\n{source("corp", "URL")}{source("pypi", "", "explicit")}',
        {"core": ("1.5", "corp"), "lib": ("1.0", ""), "own": ("1.5", "corp")},
    ),
    "several for all": (
        f'{HEAD}dependencies = ["web", "lib", "same"]\n{source("corp", "URL")}{source("PyPI", "")}',
        {"core": ("1.5", "corp"), "lib": ("1.0", ""), "own": ("1.5", "corp"), "same": ("1.0", "corp"), "web": ("1.5", "corp")},
    ),
    "several for all, in another order": (
        f'{HEAD}dependencies = ["web", "same"]\n{source("PyPI", "", "primary")}{source("corp", "URL", "primary")}',
        {"core": ("1.5", "corp"), "same": ("1.0", ""), "web": ("1.5", "corp")},
    ),
    "one for what others do not have": (
        f'{HEAD}dependencies = ["web", "own"]\n{source("corp", "URL", "supplemental")}', {"core": ("1.0", ""), "own": ("1.5", "corp"), "web": ("1.0", "")},
    ),
    "one for versions that others do not have": (
        f'{HEAD}dependencies = ["web>=1.2"]\n{source("corp", "URL", "supplemental")}', {"core": ("1.0", ""), "web": ("1.5", "corp")},
    ),
    "that of everybody for what others do not have": (
        f'{HEAD}dependencies = ["web", "lib"]\n{source("PyPI", "", "supplemental")}{source("corp", "URL")}',
        {"core": ("1.5", "corp"), "lib": ("1.0", ""), "web": ("1.5", "corp")},
    ),
    "none for all but one for what others do not have": (
        f'{OWN}own = "*"\nlib = {{ version = "*", source = "pypi" }}\n{source("PyPI", "", "explicit")}{source("corp", "URL", "supplemental")}',
        {"core": ("1.5", "corp"), "lib": ("1.0", ""), "own": ("1.5", "corp")},
    ),
    "one that does not have what no Python of the project needs": (
        f'{HEAD}dependencies = ["web"]\n[tool.poetry.group.a.dependencies]\nlib = {{ version = "*", source = "corp", python = "<3.9" }}\n{source("corp", "URL", "explicit")}',
        {"core": ("1.0", ""), "web": ("1.0", "")},
    ),
    "a supplemental one that is named": (
        f'{OWN}lib = "*"\nweb = {{ version = "*", source = "CORP" }}\n{source("corp", "URL", "supplemental")}',
        {"core": ("1.0", ""), "lib": ("1.0", ""), "web": ("1.5", "corp")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", PROJECTS)
async def test_where_packages_come_from(about: str, index: PythonIndex, other: PythonIndex, place: Path) -> None:
    text, expected = PROJECTS[about]
    path = project(place / "shop", text.replace("URL", other.url.rstrip("/")))
    await locked(path)
    assert versions(path) == expected
    lock = read_lock("poetry.lock", path.read_text())
    assert lock.unreadable == ()
    assert (await locked(path, keep=True)).changes == []


_WINDOWS = "sys_platform == 'win32'"
_REST = "sys_platform != 'win32'"
_BOTH = (
    f"""[{{ VERSION source = "corp", markers = "{_WINDOWS}" }}, {{ VERSION source = "pypi", markers = "{_REST}" }}]"""
)
# A package of which there are several, for some machines each.
SEVERAL = {
    "of Poetry's own": f'{OWN}web = {_BOTH.replace("VERSION", """version = "*",""")}\n{source("corp", "URL", "explicit")}',
    "beside the project": (
        f'{HEAD}dependencies = ["web>=1"]\n[tool.poetry.dependencies]\nweb = {_BOTH.replace("VERSION", "")}\n{source("corp", "URL", "explicit")}'
    ),
    "one of them named": (
        f'{OWN}web = [{{ version = "*", source = "corp", markers = "{_WINDOWS}" }}, {{ version = "*", markers = "{_REST}" }}]\n'
        f'{source("corp", "URL", "explicit")}'
    ),
    "the same version of both": (
        f'{OWN}same = [{{ version = "1.0", source = "corp", markers = "{_WINDOWS}" }}, {{ version = "1.0", markers = "{_REST}" }}]\n'
        f'{source("corp", "URL", "supplemental")}'
    ),
    "in groups": (
        f'{OWN}lib = "*"\n[tool.poetry.group.a.dependencies]\nweb = {{ version = "*", source = "corp", markers = "{_WINDOWS}" }}\n'
        f'[tool.poetry.group.b.dependencies]\nweb = {{ version = "<1.2", markers = "{_REST}" }}\n{source("corp", "URL", "explicit")}'
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", SEVERAL)
async def test_of_one_package_there_may_be_several(
    about: str, index: PythonIndex, other: PythonIndex, place: Path
) -> None:
    path = project(place / "shop", SEVERAL[about].replace("URL", other.url.rstrip("/")))
    await locked(path)
    name, highest = ("same", "1.0") if "same" in about else ("web", "1.5")
    assert [one for one in entries(path) if one[0] == name] == [(name, "1.0", ""), (name, highest, "corp")]
    found = read_toml("poetry.lock", path.read_text())["package"]
    markers = [one["markers"] for one in found if one["name"] == name]
    assert markers == [_REST.replace("'", '"'), _WINDOWS.replace("'", '"')]
    index.add(name, "1.1")
    other.add(name, "1.6")
    shutil.rmtree(place / "cache")
    assert (await locked(path, keep=True)).changes == []


@pytest.mark.real
@pytest.mark.timeout(200)
@pytest.mark.parametrize("about", [*PROJECTS, *SEVERAL])
async def test_poetry_writes_the_same(about: str, index: PythonIndex, other: PythonIndex, place: Path) -> None:
    text = SEVERAL[about] if about in SEVERAL else PROJECTS[about][0]
    path = project(place / "shop", text.replace("URL", other.url.rstrip("/")))
    await locked(path)
    ours = path.read_text()
    path.unlink()
    done = await asyncio.to_thread(poetry, path.parent, index.root, "lock")
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == ours


async def test_who_is_asked_for_what(index: PythonIndex, other: PythonIndex, place: Path) -> None:
    """What an index has that is asked first is not told to others, which may have something else of that name."""
    text, _ = PROJECTS["one for what others do not have"]
    await locked(project(place / "shop", text.replace("URL", other.url.rstrip("/"))))
    assert other.paths("/simple/") == ["/simple/own/"]
    text, _ = PROJECTS["an index for one package"]
    await locked(project(place / "else" / "shop", text.replace("URL", other.url.rstrip("/"))))
    assert {*other.paths("/simple/")} == {"/simple/own/"}
    assert index.paths("/simple/own/") == ["/simple/own/"]


async def test_one_that_does_not_let_in_is_not_passed_over(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    async with PythonIndex(login="a:b") as closed:
        with pytest.raises(UnauthenticatedError):
            await locked(
                project(place / "shop", f'{HEAD}dependencies = ["web"]\n{source("a", closed.url)}{source("PyPI", "")}')
            )


async def test_they_are_fixed_from_there(index: PythonIndex, other: PythonIndex, place: Path) -> None:
    text, _ = PROJECTS["an index for one package"]
    path = project(place / "shop", text.replace("URL", other.url.rstrip("/")))
    await locked(path)
    other.add("own", "1.6")
    index.add("own", "1.7")
    shutil.rmtree(place / "cache")
    await imported(place, bad("X-1", "own", ("introduced", "0"), ("fixed", "1.6")))
    assert (await fixed(place)).fixed == 1
    assert versions(path)["own"] == ("1.6", "corp")
    path.write_text(path.read_text().replace('reference = "corp"', 'reference = "else"'))
    await imported(place, bad("X-1", "own", ("introduced", "0"), ("fixed", "1.9")))
    with pytest.raises(UnsupportedError, match="own comes from elsewhere than"):
        await fixed(place)


async def test_of_several_that_is_fixed_which_is_vulnerable(
    index: PythonIndex, other: PythonIndex, place: Path
) -> None:
    path = project(place / "shop", SEVERAL["of Poetry's own"].replace("URL", other.url.rstrip("/")))
    await locked(path)
    index.add("web", "1.1")
    other.add("web", "1.2")
    other.add("web", "1.6")
    shutil.rmtree(place / "cache")
    await imported(place, bad("X-1", "web", ("introduced", "1.5"), ("fixed", "1.6")))
    assert (await fixed(place)).fixed == 1
    assert [one for one in entries(path) if one[0] == "web"] == [("web", "1.0", ""), ("web", "1.6", "corp")]


async def test_what_a_lock_has_of_an_index_that_is_gone_is_chosen_anew(
    index: PythonIndex, other: PythonIndex, place: Path
) -> None:
    url = other.url.rstrip("/")
    path = project(place / "shop", f'{HEAD}dependencies = ["web"]\n{source("corp", url)}{source("PyPI", "")}')
    await locked(path)
    project(place / "shop", f'{HEAD}dependencies = ["web"]\n')
    await locked(path, keep=True)
    assert versions(path) == {"core": ("1.0", ""), "web": ("1.0", "")}


async def test_what_is_refused(index: PythonIndex, other: PythonIndex, place: Path) -> None:
    url = other.url.rstrip("/")
    of_two = f'{OWN}web = [{{ version = "*", source = "corp" }}, {{ version = "*", source = "pypi", markers = "os_name != \'nt\'" }}]\n'
    for text, error, words in (
        (f"{of_two}{source('corp', url, 'explicit')}", ConflictError, "web from corp and web .* from pypi on one"),
        (f"{HEAD}{source('a', url)}{source('a', url)}", InvalidConfigError, "a name for each source"),
        (f"{HEAD}{source('PyPI', '', 'explicit')}", InvalidConfigError, "primary or supplemental"),
        (f'{OWN}web = {{ version = "*", source = "nowhere" }}\n', InvalidConfigError, "source cannot be read"),
        (f'{OWN}web = {{ version = "*", source = 1 }}\n', InvalidConfigError, "web.source cannot be read"),
        (
            f'{HEAD}[tool.poetry.group.a.dependencies]\nweb = [{{ source = "x" }}]\n',
            InvalidConfigError,
            "group.a.depend",
        ),
        (f'{OWN}web = {{ version = ">1.5", source = "corp" }}\n{source("corp", url)}', ConflictError, ">1.5 in corp"),
        (f"{HEAD}{source('a', '/')}", InvalidConfigError, r"source\.0\.url"),
        (f"{HEAD}{source('a', url)}{source('A', url, 'explicit')}", InvalidConfigError, "a name for each source"),
        (f"{HEAD}{source('a', url)}x = 2020-01-01\n", InvalidConfigError, r"source\.0"),
        (
            f'{OWN}web = {{ version = "*", source = "pypi" }}\n{source("a", url)}',
            InvalidConfigError,
            "source cannot be read",
        ),
        (
            f'{OWN}web = {{ version = "*", source = "" }}\n{source("a", url)}',
            InvalidConfigError,
            "source cannot be read",
        ),
        (f"{HEAD}{source('a', '')}", InvalidConfigError, r"source\.0\.url"),
        (f"{HEAD}{source('pypi', url)}", InvalidConfigError, r"source\.0\.url"),
        (f"{HEAD}{source('a', url + '.html')}", InvalidConfigError, r"source\.0\.url"),
        (f"{HEAD}{source('a', url, 'first')}", InvalidConfigError, r"source\.0\.priority"),
        (f"{HEAD}[tool.poetry]\nsource = 1\n", InvalidConfigError, "tool.poetry.source"),
        (f"{HEAD}[tool.poetry]\nsource = [1]\n", InvalidConfigError, r"tool\.poetry\.source\.0"),
        (
            f'{OWN}lib = {{ version = "*", source = "corp" }}\n{source("corp", url, "explicit")}',
            NotFoundError,
            "lib: there is none in corp",
        ),
    ):
        with pytest.raises(error) as caught:
            await locked(project(place / "shop", text))
        assert re.search(words, f"{caught.value.message} {caught.value.expected}"), caught.value.message
    with pytest.raises(InvalidConfigError) as told:
        await locked(project(place / "shop", f"{HEAD}{source('a', 'https://u:secret@files.test/x.html')}"))
    assert "secret" not in f"{told.value.message} {told.value.found}"
