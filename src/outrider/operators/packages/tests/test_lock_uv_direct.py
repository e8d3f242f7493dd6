"""uv.lock of projects with packages from git repositories, addresses and files."""

import asyncio
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    PreconditionFailedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.uv import commits_of
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex, document
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.uv_direct import pkg_info, repository, source_distribution
from outrider.operators.packages.tests.uv_projects import project, uv
from outrider.operators.packages.tests.uv_workspaces import manifest, write
from outrider.operators.packages.tests.wheels import Wheel, sha256
from tests.servers.git_http import git

SOURCES = "[tool.uv.sources]\n"
WORKSPACE = "[tool.uv.workspace]\nmembers = ['libs/*']\n"


async def locked(path: Path, later: float = 0, **more: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="pypi", file=str(path), **more), context(path.parent, later=later))


def packages(path: Path) -> dict[str, list[str]]:
    """Return the lines of each package of a lock but the first two."""
    blocks = [one.strip().splitlines() for one in path.read_text().split("[[package]]")[1:]]
    return {block[0].split('"')[1]: block[2:] for block in blocks}


@pytest.fixture
def library(place: Path, index: PythonIndex) -> Path:
    """A repository with two tags, whose project needs one that lies in it and one of the index."""
    for version in ("1.0", "2.0"):
        index.add("base", version)
    more = f"{SOURCES}sub = {{ workspace = true }}\n{WORKSPACE}"
    for tag in ("v1", "v2"):
        text = manifest("lib", ["base"], extras={"fast": ["sub"]}, version=f"{tag[1]}.0", pythons="", more=more)
        repository(place / "lib", {".": text, "libs/sub": manifest("sub", version="0.1", pythons="")}, tag)
    return place / "lib"


async def test_a_commit_is_locked(library: Path, place: Path) -> None:
    address, commit = library.as_uri(), git(library, "rev-parse", "v1^{commit}")
    more = f"{SOURCES}lib = {{ git = '{address}', tag = 'v1' }}\n"
    path = project(place / "shop", ["Lib[fast]>=7 ; os_name == 'nt'"], more=more)
    await locked(path)
    assert packages(path)["lib"] == [
        f'source = {{ git = "{address}?tag=v1#{commit}" }}', "dependencies = [", '    { name = "base" },', "]", "",
        "[package.optional-dependencies]", "fast = [", '    { name = "sub" },', "]",
    ]  # fmt: skip
    assert packages(path)["sub"] == [f'source = {{ git = "{address}?subdirectory=libs%2Fsub&tag=v1#{commit}" }}']
    requires = f'requires-dist = [{{ name = "lib", extras = ["fast"], marker = "os_name == \'nt\'", git = "{address}?tag=v1" }}]'
    assert requires in path.read_text()
    assert [(one.name, one.version, one.source) for one in read_lock("uv.lock", path.read_text()).packages] == [
        ("base", "2.0", ""), ("lib", "1.0", "git"), ("sub", "0.1", "git"),
    ]  # fmt: skip


WANTED = [
    ("", "v2"), (", rev = 'v1'", "v1"), (", rev = 'refs/tags/v1'", "v1"), (", branch = 'main'", "v2"), (", rev = 'COMMIT'", "v1"),
    (", rev = 'SHORT'", "v1"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "tag"), WANTED)
async def test_what_is_wanted_of_a_repository(said: str, tag: str, library: Path, place: Path) -> None:
    commit = git(library, "rev-parse", "v1^{commit}")
    said = said.replace("COMMIT", commit).replace("SHORT", commit[:9])
    path = project(place / "shop", ["lib"], more=f"{SOURCES}lib = {{ git = '{library.as_uri()}'{said} }}\n")
    await locked(path)
    assert f'#{git(library, "rev-parse", f"{tag}^{{commit}}")}" }}' in packages(path)["lib"][0]


async def test_a_commit_that_is_locked_stays(index: PythonIndex, library: Path, place: Path) -> None:
    more = f"{SOURCES}lib = {{ git = '{library.as_uri()}', branch = 'main' }}\n"
    path = project(place / "shop", ["lib", "base<2"], more=more)
    await locked(path)
    before = packages(path)["lib"]
    repository(library, {".": manifest("lib", ["base"], version="3.0", pythons="")}, "v3")
    project(place / "shop", ["lib", "base"], more=more)
    assert (await locked(path, keep=True)).changes == []
    await imported(place, record("X-1", affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="base"), severity=[HIGH]))  # fmt: skip
    result = await fix.run(FixParams(path=str(path.parent)), context(place))
    assert ([(one.name, one.after) for one in result.files[0].changes], result.unfixed) == ([("base", "2.0")], 0)
    assert packages(path)["lib"] == before
    await locked(path)
    assert packages(path)["lib"][0] != before[0]


def test_commits_of_a_lock() -> None:
    def commits(source: str) -> dict[tuple[str, tuple[str, str]], str]:
        return commits_of({"package": [{"source": {"git": source}}, {"source": {}}, {"source": {"git": 1}}]})

    commit = "0123456789abcdef" * 2 + "01234567"
    assert commits(f"https://files.test/x?subdirectory=a%2Fb&tag=v%2F1#{commit}") == {
        ("https://files.test/x", ("tag", "v/1")): commit
    }
    assert commits(f"ssh://git@files.test/x#{commit}") == {("ssh://git@files.test/x", ("", "")): commit}
    # It goes to git, and must be nothing else for it.
    assert commits("https://files.test/x#--upload-pack=touch x") == {}


async def test_archives(index: PythonIndex, place: Path) -> None:
    wheel = Wheel(project="built", version="1.0+x", needs=["base; extra == 'fast'"], extras=["fast"])
    index.answers[f"/a/{wheel.name}"] = document(wheel.packed())
    content = source_distribution("sources", "2", {"PKG-INFO": pkg_info("sources", "2", ["base>=1"])})
    index.add("base", "1.0")
    write(place / "shop", {"files": ""})
    (place / "shop" / "files" / "sources-2.tar.gz").write_bytes(content)
    more = f"{SOURCES}sources = {{ path = 'files/sources-2.tar.gz' }}\n"
    url, digest = f"{index.root}/a/{wheel.name.replace('+', '%2B')}", sha256(wheel.packed())
    path = project(place / "shop", [f"built[fast] @ {url}#sha256={digest}", "sources"], more=more)
    await locked(path)
    assert packages(path)["built"] == [
        f'source = {{ url = "{url}" }}', "wheels = [", f'    {{ url = "{url}", hash = "sha256:{digest}" }},', "]", "",
        "[package.optional-dependencies]", "fast = [", '    { name = "base" },', "]", "",
        "[package.metadata]", "requires-dist = [{ name = \"base\", marker = \"extra == 'fast'\" }]", 'provides-extras = ["fast"]',
    ]  # fmt: skip
    assert packages(path)["sources"][:5] == [
        'source = { path = "files/sources-2.tar.gz" }', "dependencies = [", '    { name = "base" },', "]",
        f'sdist = {{ hash = "sha256:{sha256(content)}" }}',
    ]  # fmt: skip
    found = {one.name: (one.source, one.hashes) for one in read_lock("uv.lock", path.read_text()).packages}
    assert found["built"] == ("url", {"sha256": (digest,)})
    assert found["sources"] == ("path", {"sha256": (sha256(content),)})
    project(place / "shop", [f"built @ {url}#sha256={'0' * 64}"])
    with pytest.raises(PreconditionFailedError, match="another file"):
        await locked(path)


async def test_a_policy_counts(library: Path, place: Path) -> None:
    text = (
        "apiVersion: outrider.dev/v1alpha1\nkind: PackagePolicy\nmetadata: {name: x}\nspec: {deny: ['pypi:lib@<2']}\n"
    )
    (place / "policy.yaml").write_text(text)
    for tag, kind in (("v1", ConflictError), ("v2", None)):
        path = project(
            place / "shop", ["lib"], more=f"{SOURCES}lib = {{ git = '{library.as_uri()}', tag = '{tag}' }}\n"
        )
        with nullcontext() if kind is None else pytest.raises(kind, match="denied"):
            await locked(path, policy=str(place / "policy.yaml"))


async def test_what_an_index_has_needs_an_address(index: PythonIndex, place: Path) -> None:
    wheel = index.add("base", "1.0")
    url = f"{index.root}/files/{wheel.name}"
    index.add("web", "1.0")
    index.add("web", "2.0", f"base @ {url} ; os_name == 'posix'")
    path = project(place / "shop", ["web"])
    with pytest.raises(UnsupportedError, match=r"web 2\.0 needs base by an address"):
        await locked(path)
    # What the project itself names is trusted.
    project(place / "shop", ["web", f"base @ {url}"])
    await locked(path)
    assert '    { name = "base", marker = "os_name == \'posix\'" },' in packages(path)["web"]
    project(place / "shop", ["web<2"])
    await locked(path)


def built(text: str) -> dict[str, str]:
    return {"pyproject.toml": text}


REFUSED: list[tuple[dict[str, str], type[OutriderError], str]] = [
    ({"setup.py": "setup()"}, UnsupportedError, "only a build can tell"),
    ({"PKG-INFO": pkg_info("x", "1", [], "2.1")}, UnsupportedError, "only a build can tell"),
    ({"PKG-INFO": "Dynamic: Requires-Dist\n" + pkg_info("x", "1", [])}, UnsupportedError, "only a build can tell"),
    (built("[project]\nname = 'x'\nversion = '1'\ndynamic = ['dependencies']\n"), UnsupportedError, "project.dynamic"),
    (built("[project]\nname = 'x'\ndynamic = ['version']\n"), UnsupportedError, "only a build can tell"),
    (built("[project]\nname = 'x'\nversion = '1'\n[tool.poetry]\n"), UnsupportedError, "only a build can tell"),
    (built(manifest("y")), InvalidConfigError, "leads to it as x"),
]


@pytest.mark.parametrize(("files", "kind", "why"), REFUSED)
async def test_archives_that_are_not_read(
    files: dict[str, str], kind: type[OutriderError], why: str, index: PythonIndex, place: Path
) -> None:
    path = project(place / "shop", ["x"], more=f"{SOURCES}x = {{ path = 'x-1.tar.gz' }}\n")
    (path.parent / "x-1.tar.gz").write_bytes(source_distribution("x", "1", files))
    with pytest.raises(kind, match=why):
        await locked(path)
    assert (index.requests, path.exists()) == ([], False)


ADDRESSES = [
    "https://files.test:443/x.whl", "https://ana@files.test/x.whl", "HTTPS://files.test/x.whl", "https://files.test/a/../x.whl",
    "https://files.test/x.exe", "https://files.test/x.whl?a=b", "https://files.test/x.whl#egg=x", "file:///x.whl", "git+http://files.test/x",
    "git+https://files.test/x#egg=x", "git+ssh://ana@files.test/x", "git+https://ana:secret@files.test/x", "hg+https://files.test/x",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
async def test_addresses_that_are_not_read(address: str, index: PythonIndex, place: Path) -> None:
    path = project(place / "shop", [f"x @ {address}"])
    with pytest.raises(UnsupportedError, match="an address that is not read here") as caught:
        await locked(path)
    assert "secret" not in str(caught.value.found)
    assert index.requests == []


async def test_repositories_that_are_not_read(library: Path, index: PythonIndex, place: Path) -> None:
    async def refused(kind: type[OutriderError], why: str, said: str, needs: str = "lib", **more: Any) -> None:
        path = project(place / "shop", [needs], more=f"{SOURCES}lib = {{ git = '{library.as_uri()}'{said} }}\n")
        with pytest.raises(kind) as caught:
            await locked(path, **more)
        assert re.search(why, caught.value.message)

    await refused(NotFoundError, "has no refs/tags/v9", ", tag = 'v9'")
    await refused(NotFoundError, "there is no revision abcdef1", ", rev = 'abcdef1'")
    await refused(UnsupportedError, "at [0-9a-f]{12}: there is no pyproject.toml", ", subdirectory = 'libs'")
    await refused(UnsupportedError, "there is no pyproject.toml", ", subdirectory = '../..'")
    await refused(InvalidConfigError, "leads to it as lib", ", subdirectory = 'libs/sub'")
    await refused(InvalidConfigError, "cannot be read", ", tag = 'v1', branch = 'main'")
    await refused(UnsupportedError, "has an address, and", "", f"lib @ git+{library.as_uri()}@v1")
    await refused(UnavailableError, "nobody is to be asked", "", offline=True)
    outside = manifest("lib", ["sub"], more=f"{SOURCES}sub = {{ path = '../sub' }}\n")
    repository(library, {".": outside}, "v3")
    await refused(UnsupportedError, "no path to a folder of the repository", "")
    repository(library, {".": f"{WORKSPACE}[build-system]\n"}, "v4")
    await refused(UnsupportedError, r"there is no \[project\]", "")
    unmanaged = manifest("sub", version="0.2", pythons="", more="[tool.uv]\nmanaged = false\n")
    repository(library, {".": f"{outside}{WORKSPACE}", "libs/sub": unmanaged}, "v5")
    path = project(place / "shop", [f"sub @ git+{library.as_uri()}@v5#subdirectory=libs/sub"])
    await locked(path)
    (library / "pyproject.toml").unlink()
    (library / "pyproject.toml").symlink_to("/etc/hostname")
    git(library, "commit", "--quiet", "--all", "--message", "a link")
    await refused(UnsupportedError, "there is no pyproject.toml", "")
    assert index.requests == []


async def test_two_ways_to_a_package(library: Path, place: Path) -> None:
    address = library.as_uri()
    more = f"{SOURCES}lib = {{ git = '{address}', tag = 'v1' }}\nsub = {{ git = '{address}', tag = 'v2', subdirectory = 'libs/sub' }}\n"
    path = project(place / "shop", ["lib", "sub"], more=more)
    await locked(path)
    # An extra that nobody asks for leads nowhere.
    project(path.parent, ["lib[fast]", "sub"], more=more)
    with pytest.raises(InvalidConfigError, match="lead to sub in two ways"):
        await locked(path)


@pytest.mark.real
async def test_uv_keeps_it(index: PythonIndex, library: Path, place: Path) -> None:
    more = f"{SOURCES}lib = {{ git = '{library.as_uri()}', branch = 'main' }}\n"
    path = project(place / "shop", ["lib[fast]", "base<2"], more=more)
    await locked(path)
    project(place / "shop", ["lib[fast]", "base"], more=more)
    await locked(path, keep=True)
    repository(library, {".": manifest("lib", ["base"], version="3.0", pythons="")}, "v3")
    await imported(place, record("X-1", affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="base"), severity=[HIGH]))  # fmt: skip
    before = path.read_text()
    await fix.run(FixParams(path=str(path.parent)), context(place))
    ours = path.read_text()
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check")
    assert (checked.returncode, path.read_text()) == (0, ours), checked.stderr
    path.write_text(before)
    again = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--upgrade-package", "base")
    assert (again.returncode, path.read_text()) == (0, ours), again.stderr
