"""Of the lock files of a folder one that cannot be fixed keeps no other from it, and is told."""

from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import OPERATION
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.test_fix_requirements import CORE, added, bad, place

__all__ = ["place"]
CARGO = 'version = 4\n\n[[package]]\nname = "core"\nversion = "1.0.0"\nsource = "registry+https://crates.example/crates.io-index"\n'


async def advised(place: Path) -> None:
    crate = record(
        "R-1", affected(ecosystem_range(("introduced", "0")), name="core", ecosystem="crates.io"), severity=[HIGH]
    )
    await imported(place, bad("X-1", "core", *CORE))
    await imported(place, crate, add=True)


def written(place: Path, **files: bytes | str) -> None:
    for name, content in files.items():
        path = place / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


async def test_what_cannot_be_read_keeps_no_other_from_being_fixed(index: PythonIndex, place: Path) -> None:
    added(index)
    await advised(place)
    files: dict[str, bytes | str] = {
        "a/package-lock.json": '{"lockfileVersion": 3, broken', "b/requirements.txt": b"core==1.4\ncaf\xe9==1.0\n",
        "c/Cargo.lock": CARGO, "d/requirements.txt": "core==1.4\n-r more.txt\n",
    }  # fmt: skip
    written(place, **files)
    asked = FixParams(path=str(place / "project"), python="3.12")
    change = await fix.plan(asked, context(place))
    result = await fix.run(asked, context(place))
    assert (place / "project" / "d" / "requirements.txt").read_text() == "core==1.4.1\n-r more.txt\n"
    unread = [one.removeprefix(f"{place / 'project'}/") for one in result.unread]
    assert [one.partition(": ")[0] for one in unread] == ["a/package-lock.json", "b/requirements.txt"]
    assert unread[1] == "b/requirements.txt: it is no UTF-8"
    # A lock without its manifest is not changed, and what is vulnerable in it is told.
    [crate] = [one for file in result.files for one in file.unfixed]
    assert (crate.name, crate.version, "Cargo.toml" in crate.reasons[0]) == ("core", "1.0.0", True)
    assert [one.startswith("not looked at: ") for one in change.warnings] == [True, True, False, False]
    assert change.warnings[2].endswith("d/requirements.txt: line 2: -r more.txt is not followed")
    assert OPERATION.findings is not None
    assert OPERATION.findings(result)
    assert OPERATION.malformed(result)


async def test_what_nobody_could_look_at_is_a_finding(index: PythonIndex, place: Path) -> None:
    await advised(place)
    written(place, **{"a/package-lock.json": "{", "requirements.txt": "core==1.5\n"})
    result = await fix.run(FixParams(path=str(place / "project"), python="3.12"), context(place))
    assert (result.unfixed, len(result.unread)) == (0, 1)
    assert OPERATION.findings is not None
    assert OPERATION.findings(result)
    assert OPERATION.text is not None
    assert "warning: not looked at: " in "\n".join(OPERATION.text(result))


async def test_the_only_file_is_an_error(place: Path) -> None:
    await advised(place)
    written(place, **{"a/package-lock.json": "{"})
    with pytest.raises(InvalidConfigError, match=r"a/package-lock\.json: it cannot be read") as caught:
        await fix.run(FixParams(path=str(place / "project")), context(place))
    assert str(caught.value).count("package-lock.json") == 1
    written(place, **{"a/package-lock.json": b'{"\xe9": 1}'})
    with pytest.raises(InvalidConfigError, match="no UTF-8") as caught:
        await fix.run(FixParams(path=str(place / "project")), context(place))
    assert caught.value.found == "byte 0xe9 in line 1"
