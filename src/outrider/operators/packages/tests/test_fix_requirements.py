"""Vulnerable pins of requirements.txt are replaced, and nothing else of the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import MissingRequirementError, NotFoundError, PreconditionFailedError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import OPERATION, FixResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.wheels import sha256
from outrider.operators.packages.tests.world import settings, variables


@pytest.fixture
def place(index: PythonIndex, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    with variables(settings(index.url, tmp_path)):
        yield tmp_path


def bad(identity: str, name: str, *events: tuple[str, str], **more: Any) -> dict[str, Any]:
    return record(identity, affected(ecosystem_range(*events), name=name), **{"severity": [HIGH], **more})


async def fixed(place: Path, text: str, **params: Any) -> tuple[FixResult, str]:
    path = place / "project" / "requirements.txt"
    path.write_bytes(text.encode())
    asked = FixParams(path=str(place / "project"), **{"python": "3.12", **params})
    result = await fix.run(asked, context(place))
    return result, path.read_bytes().decode()


def added(index: PythonIndex) -> None:
    """Have a project that needs another one, of which older versions are vulnerable."""
    for version, needs in (("1.0", "core<2"), ("1.1", "core"), ("2.0", "core>=2")):
        index.add("web", version, needs)
    for version in ("1.0", "1.4", "1.4.1", "1.5", "2.0"):
        index.add("core", version)


CORE = ("introduced", "0"), ("fixed", "1.4.1")


async def test_only_lines_that_change_are_written(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(place, bad("X-1", "core", *CORE))
    text = "# what we run\nWeb == 1.0  # the site\n\n\tCore[fast]==1.4 ; python_version > '3'  # below it\r\nother>=0\n"
    index.add("other", "1.0")
    result, after = await fixed(place, text)
    assert after == text.replace("==1.4 ;", "==1.4.1 ;")
    [file] = result.files
    [change] = file.changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.4", "1.4.1", "X-1")
    assert not change.direct
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 1)
    assert [one.vulnerabilities for one in file.fixed] == [["X-1"]]


async def test_a_byte_order_mark_hides_no_line(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(place, bad("X-1", "core", *CORE))
    result, after = await fixed(place, "\ufeffcore==1.4\r\n")
    assert (result.fixed, after) == (1, "\ufeffcore==1.4.1\r\n")


async def test_a_clean_lock_stays_as_it_is(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(
        place,
        bad("X-1", "core", *CORE),
        bad("L", "web", ("introduced", "0"), severity=[], database_specific={"severity": "LOW"}),
    )
    result, after = await fixed(place, "web==1.0\ncore==1.5\n")
    assert (result.fixed, result.unfixed, result.written, after) == (0, 0, [], "web==1.0\ncore==1.5\n")
    # Nobody had to be asked.
    assert index.requests == []


async def test_hashes_are_those_of_the_new_files(index: PythonIndex, place: Path) -> None:
    added(index)
    wheels = [index.add("core", "1.4.1"), index.add("core", "1.4.1", tag="py2-none-any")]
    hashes = sorted(f"sha256:{sha256(one.packed())}" for one in wheels)
    await imported(place, bad("X-1", "core", *CORE))
    text = "core==1.4 \\\n    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \\\n    --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n    # via web\nweb==1.0 --hash=sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc  # site\n"
    _, after = await fixed(place, text)
    assert after == text.replace("1.4", "1.4.1").replace(
        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", hashes[0]
    ).replace("sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", hashes[1])
    _, after = await fixed(
        place,
        "core==1.4 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  # below\nweb==1.0 --hash sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n",
    )
    assert (
        after
        == f"core==1.4.1 --hash={hashes[0]} \\\n    --hash={hashes[1]}  # below\nweb==1.0 --hash sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n"
    )


async def test_what_needs_it_changes_with_it(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    result, after = await fixed(place, "web==1.0\ncore==1.4\n")
    assert after == "web==2.0\ncore==2.0\n"
    assert [one.why for one in result.files[0].changes] == [
        "X-1",
        "follows from the other changes, or may not be chosen any more",
    ]


async def test_what_comes_in_is_added_where_the_file_has_all(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    index.add("web", "1.1", "core")
    wheel = index.add("core", "1.0")
    await imported(place, bad("X-1", "web", ("introduced", "0"), ("fixed", "1.1")))
    result, after = await fixed(place, "web==1.0")
    assert after == "web==1.1\ncore==1.0  # needed by web\n"
    assert [(one.name, one.why, one.direct) for one in result.files[0].changes] == [
        ("core", "needed by web", False),
        ("web", "X-1", True),
    ]
    _, after = await fixed(
        place, "web==1.0 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
    )
    assert after.splitlines()[-2:] == ["core==1.0 \\", f"    --hash=sha256:{sha256(wheel.packed())}"]
    # Where what is needed is not in the file anyway, nothing of that is added.
    index.add("site", "1.0", "tools")
    index.add("tools", "1.0")
    _, after = await fixed(place, "web==1.0\nsite==1.0\n")
    assert after == "web==1.1\nsite==1.0\n"


async def test_no_other_vulnerability_comes_in(index: PythonIndex, place: Path) -> None:
    added(index)
    index.add("core", "1.6")
    await imported(
        place,
        bad("X-1", "core", *CORE),
        bad("X-2", "core", ("introduced", "1.4.1"), ("fixed", "1.5")),
        bad("X-3", "core", ("introduced", "1.5"), ("fixed", "1.6")),
    )
    result, after = await fixed(place, "web==1.0\ncore==1.4\n")
    assert after == "web==1.0\ncore==1.6\n"
    # The only way out would bring in a vulnerability of another project.
    await imported(
        place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")), bad("Y", "web", ("introduced", "1.1"))
    )
    result, after = await fixed(place, "web==1.0\ncore==1.4\n")
    assert after == "web==1.0\ncore==1.4\n"
    [left] = result.files[0].unfixed
    assert (left.name, left.vulnerabilities, result.fixed) == ("core", ["X-1"], 0)
    assert any("web" in reason for reason in left.reasons)
    assert "have no" not in " ".join(left.reasons)
    assert any("Y" in reason for reason in left.reasons)


async def test_what_can_be_fixed_is_fixed_beside_what_cannot(index: PythonIndex, place: Path) -> None:
    added(index)
    index.add("lost", "1.0")
    await imported(place, bad("X-1", "core", *CORE), bad("X-2", "lost", ("introduced", "0")))
    result, after = await fixed(place, "lost==1.0\nweb==1.0\ncore==1.4\n")
    assert after == "lost==1.0\nweb==1.0\ncore==1.4.1\n"
    assert (result.fixed, result.unfixed) == (1, 1)
    assert OPERATION.findings(result)
    text = list(OPERATION.text(result)) if OPERATION.text is not None else []
    assert text[0] == "1 fixed, 1 not fixed"
    assert any("lost 1.0 stays (X-2)" in line for line in text)


async def test_a_range_that_blocks_is_told_and_changed_where_that_is_wanted(index: PythonIndex, place: Path) -> None:
    added(index)
    index.add("web", "2.1", "core>=2")
    index.add("web", "3.0", "core>=2")
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    text = "web>=1,<1.1  # not yet\ncore==1.4\n"
    result, after = await fixed(place, text)
    assert (after, result.unfixed) == (text, 1)
    [left] = result.files[0].unfixed
    assert any("you ask for web<1.1,>=1" in reason for reason in left.reasons)
    [remedy] = left.remedies
    assert (remedy.name, remedy.before, remedy.after) == ("web", "<1.1,>=1", ">=1.1")
    result, after = await fixed(place, text, manifest=True)
    assert after == "web>=1.1  # not yet\ncore==2.0\n"
    assert [(one.name, one.after) for one in result.files[0].manifest] == [("web", ">=1.1")]
    assert result.unfixed == 0


async def test_a_plan_is_kept_to(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(place, bad("X-1", "core", *CORE))
    path = place / "project" / "requirements.txt"
    path.write_text("web==1.0\ncore==1.4\n")
    asked = FixParams(path=str(path), python="3.12")
    change = await fix.plan(asked, context(place))
    assert [(one.path, one.before, one.after) for one in change.difference] == [(f"{path} core", "1.4", "1.4.1")]
    path.write_text("web==1.0\ncore==1.0\n")
    with pytest.raises(PreconditionFailedError, match="another one than when the plan was made"):
        await fix.run(asked, context(place, preconditions=change.preconditions))
    assert path.read_text() == "web==1.0\ncore==1.0\n"
    assert (await fix.run(asked, context(place))).written == [str(path)]


async def test_a_plan_tells_what_stays_and_why(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(
        place, bad("X-1", "core", ("introduced", "0")), bad("X-2", "web", ("introduced", "0"), ("fixed", "1.1"))
    )
    path = place / "project" / "requirements.txt"
    path.write_text("web==1.0\ncore==1.4\n")
    change = await fix.plan(FixParams(path=str(path), python="3.12"), context(place))
    assert [(one.path, one.after) for one in change.difference] == [(f"{path} web", "1.1")]
    [stays] = change.warnings
    assert stays.startswith(f"{path}: core 1.4 stays (X-1): Because you ask for core")


async def test_lines_for_other_machines_are_left_and_told(index: PythonIndex, place: Path) -> None:
    added(index)
    await imported(place, bad("X-1", "core", *CORE))
    text = "core==1.4; python_version < '3'\ncore==1.5; python_version >= '3'\n"
    result, after = await fixed(place, text)
    assert after == text
    assert "another machine or Python" in result.files[0].unfixed[0].reasons[0]
    result, after = await fixed(place, "core==1.4; python_version < '3'\ncore==1.4; python_version >= '3'\n")
    assert after == "core==1.4; python_version < '3'\ncore==1.4.1; python_version >= '3'\n"
    assert (result.fixed, result.unfixed) == (0, 1)


async def test_versions_taken_back_stay_where_they_are_no_part_of_it(index: PythonIndex, place: Path) -> None:
    added(index)
    index.add("old", "1.0", yanked="broken")
    index.add("old", "2.0")
    await imported(place, bad("X-1", "core", *CORE))
    _, after = await fixed(place, "old==1.0\ncore==1.4\n")
    assert after == "old==1.0\ncore==1.4.1\n"


async def test_of_fixes_that_cannot_be_had_the_next_one_is_taken(index: PythonIndex, place: Path) -> None:
    added(index)
    index.add("core", "1.4.2", yanked="broken")
    # The first one was never published, the second one was taken back; and what is written otherwise is the same version.
    for number, (told, after) in enumerate((("1.4.0.1", "1.4.1"), ("1.4.2", "1.5"), ("1.5.0", "1.5"))):
        await imported(place, bad(f"X-{number}", "core", ("introduced", "0"), ("fixed", told)))
        assert (await fixed(place, "web==1.0\ncore==1.4\n"))[1] == f"web==1.0\ncore=={after}\n"


async def test_what_is_not_changed(index: PythonIndex, place: Path) -> None:
    added(index)
    with pytest.raises(MissingRequirementError):
        await fixed(place, "core==1.4\n")
    await imported(place, bad("X-1", "core", *CORE))
    with pytest.raises(UnsupportedError, match="names an index"):
        await fixed(place, "--index-url https://files.test/simple\ncore==1.4\n")
    locked = place / "project" / "tools" / "pdm.lock"
    locked.parent.mkdir()
    locked.write_text('[metadata]\nlock_version = "4.5"\n[[package]]\nname = "core"\nversion = "1.4"\n')
    (place / "project" / "requirements.txt").write_text("core==1.5\n")
    result = await fix.run(FixParams(path=str(place / "project")), context(place))
    [left] = [one for file in result.files for one in file.unfixed]
    assert (result.unfixed, left.name) == (1, "core")
    assert "a pdm.lock is not changed" in left.reasons[0]
    (place / "project" / "requirements.txt").unlink()
    with pytest.raises(UnsupportedError, match="not changed"):
        await fix.run(FixParams(path=str(place / "project")), context(place))
    locked.unlink()
    with pytest.raises(NotFoundError):
        await fix.run(FixParams(path=str(place / "project")), context(place))
    (place / "project" / "requirements.txt").write_text("core==1.5\n")
    with pytest.raises(PreconditionFailedError, match="too old for this fix"):
        await fix.run(FixParams(path=str(place / "project")), context(place, later=8 * 86_400.0))
