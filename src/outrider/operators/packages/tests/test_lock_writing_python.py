"""Lock files of Python as they are written, and as pip takes them with the network cut."""

import asyncio
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from outrider.core.errors import ConflictError, InvalidConfigError, PreconditionFailedError, UnsupportedError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.wheels import sha256


def params(place: Path, *packages: str, name: str = "requirements.txt", **more: Any) -> LockParams:
    return LockParams(ecosystem="pypi", packages=list(packages), file=str(place / name), **{"python": "3.12", **more})


async def test_all_files_have_their_hash(index: PythonIndex, place: Path) -> None:
    wheel = index.add("web", "1.0", "core[fast]>=1")
    other = index.add("web", "1.0", tag="cp39-cp39-win_amd64")
    index.add_source("web", "1.0")
    core = index.add("core", "1.4", extras=["fast"])
    result = await lock.run(params(place, "web"), context(place))
    assert (result.packages, [one.after for one in result.changes]) == (2, ["1.4", "1.0"])
    hashes = sorted([sha256(wheel.packed()), sha256(other.packed()), sha256(b"nothing")])
    assert (place / "requirements.txt").read_text() == "\n".join(
        [
            "# Locked for python 3.12 on machines like this one.",
            "core[fast]==1.4 \\",
            f"    --hash=sha256:{sha256(core.packed())}",
            "    # needed by web",
            "web==1.0 \\",
            *(f"    --hash=sha256:{one} \\" for one in hashes[:-1]),
            f"    --hash=sha256:{hashes[-1]}",
            "",
        ]
    )


async def test_a_plan_shows_what_changes_and_is_kept_to(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    index.add("core", "1.0")
    await lock.run(params(place, "web"), context(place))
    index.add("web", "2.0")
    index.add("web", "2.1")
    asked = params(place, "web>=2", "core")
    # What was learned counts as fresh for a while.
    other = context(place, later=1000)
    change = await lock.plan(asked, other)
    assert [(one.path, one.before, one.after) for one in change.difference] == [
        ("core", None, "1.0"),
        ("web", "1.0", "2.1"),
    ]
    (place / "requirements.txt").write_text("web==0.1\n")
    with pytest.raises(PreconditionFailedError, match="another one than when the plan was made"):
        await lock.run(asked, context(place, later=1000, preconditions=change.preconditions))
    assert (place / "requirements.txt").read_text() == "web==0.1\n"


async def test_what_is_there_may_be_kept(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0")
    (place / "requirements.txt").write_text("web==1.0\n")
    assert (await lock.run(params(place, "web", keep=True), context(place))).changes == []
    assert [one.after for one in (await lock.run(params(place, "web"), context(place))).changes] == ["2.0"]


@pytest.mark.parametrize("name", ["requirements.txt", "pylock.toml"])
async def test_what_is_kept_keeps_its_hashes(index: PythonIndex, place: Path, name: str) -> None:
    index.add("web", "1.0")
    await lock.run(params(place, "web", name=name), context(place))
    text = (place / name).read_text()
    digits = read_lock(name, text).packages[0].hashes["sha256"][0]
    other = text.replace(digits, "0" * 64)
    (place / name).write_text(other)
    said = f"web 1.0 was locked with sha256 000000000000..., and now has sha256 {digits[:12]}..."
    with pytest.raises(ConflictError, match=re.escape(said)) as raised:
        await lock.plan(params(place, "web", name=name, keep=True), context(place))
    assert "without --keep" in raised.value.suggestions[1]
    assert (await lock.plan(params(place, "web", name=name), context(place))).warnings == [said]
    # Files are added to versions.
    (place / name).write_text(text)
    index.add_source("web", "1.0")
    assert (await lock.run(params(place, "web", name=name, keep=True), context(place, later=1000))).warnings == []


@pytest.mark.parametrize("keep", [False, True])
async def test_what_people_have_written_is_not_lost(index: PythonIndex, place: Path, keep: bool) -> None:
    index.add("web", "1.0")
    text = "# keep\nweb==1.0\nrequests\n-e ./local\n--extra-index-url https://me:secret@own.test/\nprivate @ git+https://own.test/x\n"
    (place / "requirements.txt").write_text(text)
    with pytest.raises(InvalidConfigError) as caught:
        await lock.plan(params(place, "web", keep=keep), context(place))
    assert caught.value.found == "requests in line 3, -e in line 4, --extra-index-url in line 5, private in line 6"
    assert "secret" not in caught.value.message
    assert caught.value.suggestions == [f"name another file: --file {place}/locked-requirements.txt"]
    (place / "requirements.txt").write_text(
        "# This file was autogenerated by uv via the following command:\n-e ./local\n"
    )
    assert (await lock.run(params(place, "web", keep=keep), context(place))).packages == 1
    await lock.run(params(place, "web", keep=keep), context(place))
    (place / "requirements.txt").write_text(
        f"# by hand\n{(place / 'requirements.txt').read_text()}old==1 ; os_name == 'nt'  # why\n"
    )
    assert (await lock.run(params(place, "web", keep=keep), context(place))).packages == 1


async def test_pylock_is_what_the_specification_wants(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core")
    wheel = index.add("core", "1.4")
    index.add_source("core", "1.4")
    await lock.run(params(place, "web", name="pylock.toml"), context(place))
    text = (place / "pylock.toml").read_text()
    found = Pylock.from_dict(tomllib.loads(text))
    assert [(one.name, str(one.version)) for one in found.packages] == [("core", "1.4"), ("web", "1.0")]
    core = found.packages[0]
    assert core.wheels is not None
    assert core.sdist is not None
    assert core.wheels[0].hashes == {"sha256": sha256(wheel.packed())}
    assert core.wheels[0].url == f"{index.root}/files/{wheel.name}"
    assert [one.needs for one in read_lock("pylock.toml", text).packages] == [(), ("core",)]


async def test_what_cannot_be_locked(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "core>=2")
    index.add("core", "1.0")
    with pytest.raises(ConflictError, match="core"):
        await lock.run(params(place, "web"), context(place))
    with pytest.raises(UnsupportedError, match="such a name"):
        await lock.plan(params(place, "web", name="pdm.lock"), context(place))
    with pytest.raises(InvalidConfigError, match="nothing is asked for"):
        await lock.plan(params(place), context(place))
    assert not (place / "requirements.txt").exists()


def installed(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_pip_takes_it_without_a_network(index: PythonIndex, place: Path) -> None:
    wheels = [
        index.add("web", "1.0", "core[fast]>=1"),
        index.add("core", "1.4", "extra; extra == 'fast'", extras=["fast"]),
    ]
    wheels += [index.add("core", "2.0", python=">=3.99"), index.add("extra", "3")]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    await lock.run(params(place, "web", python=version), context(place))
    kept = place / "kept"
    kept.mkdir()
    for one in wheels:
        (kept / one.name).write_bytes(one.packed())
    file = place / "requirements.txt"
    before = file.read_bytes()
    command = [
        sys.executable, "-m", "pip", "install", "--require-hashes", "--no-index", "--find-links", str(kept), "-r", str(file),
        "--target", str(place / "installed"), "--disable-pip-version-check",
    ]  # fmt: skip
    ended = await asyncio.to_thread(installed, command)
    assert ended.returncode == 0, ended.stderr
    found = sorted(one.name for one in (place / "installed").glob("*.dist-info"))
    assert found == ["core-1.4.dist-info", "extra-3.dist-info", "web-1.0.dist-info"]
    assert file.read_bytes() == before
    # A file that is another one than was locked is refused.
    (kept / wheels[0].name).write_bytes(wheels[0].packed() + b"\0")
    assert (await asyncio.to_thread(installed, [*command, "--upgrade"])).returncode != 0
