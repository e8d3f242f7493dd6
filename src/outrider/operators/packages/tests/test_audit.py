import json
import re
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    PreconditionFailedError,
    UnsupportedError,
)
from outrider.core.identity import Principal
from outrider.core.quantities import Duration
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.operations import audit, import_advisories
from outrider.operators.packages.operations.audit import AuditParams, AuditResult
from outrider.operators.packages.operations.import_advisories import ImportAdvisoriesParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record, zipped
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Context, Environment

HIGH = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}
FIXED_RANGE = ecosystem_range(("introduced", "0"), ("fixed", "2.0"))
FIXED = affected(FIXED_RANGE)
DAY = 86_400.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    return tmp_path


def context(folder: Path, *, later: float = 0.0, preconditions: dict[str, Any] | None = None) -> Context:
    clock = ManualClock(SystemClock().now() + later)
    environment = Environment(clock=clock, state=folder / "state", secrets=Resolver({}))
    return Context(
        principal=Principal("default", "user", "ana"), mode="apply", deadline=clock.monotonic() + 60, trace_id="0" * 31 + "1",
        idempotency_key="one", environment=environment, preconditions=preconditions or {},
    )  # fmt: skip


async def imported(folder: Path, *records: dict[str, Any], add: bool = False) -> None:
    source = str(zipped(folder / "all.zip", *records))
    await import_advisories.run(ImportAdvisoriesParams(source=source, add=add), context(folder))


async def audited(
    folder: Path, lock: str, name: str = "requirements.txt", later: float = 0.0, **params: Any
) -> AuditResult:
    (folder / "project" / name).write_text(lock)
    return await audit.run(AuditParams(path=str(folder / "project"), **params), context(folder, later=later))


async def test_vulnerable_packages_are_told_with_their_fix(folder: Path) -> None:
    await imported(folder, record("X-1", FIXED, severity=[HIGH]))
    found = await audited(folder, "web==1.0\nsafe==1.0\n")
    assert (found.packages, found.vulnerable, found.warnings) == (2, 1, [])
    [finding] = found.findings
    assert (finding.name, finding.version, finding.vulnerabilities[0].fixed) == ("web", "1.0", ["2.0"])
    assert (await audited(folder, "web==2.0\n")).findings == []


async def test_who_needs_it_is_told(folder: Path) -> None:
    await imported(folder, record("X-1", affected(ecosystem_range(("introduced", "0")), name="deep", ecosystem="npm")))
    lock = {
        "name": "shop", "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"top": "^1"}}, "node_modules/top": {"version": "1.0.0", "dependencies": {"deep": "^1"}},
            "node_modules/deep": {"version": "1.0.0"},
        },
    }  # fmt: skip
    [finding] = (await audited(folder, json.dumps(lock), "package-lock.json")).findings
    assert (finding.name, finding.needed_by) == ("deep", ["top"])


async def test_less_severe_ones_are_counted_and_unknown_ones_listed(folder: Path) -> None:
    low = {"database_specific": {"severity": "LOW"}}
    await imported(folder, record("L", FIXED, **low), record("U", FIXED), record("H", FIXED, severity=[HIGH]))
    found = await audited(folder, "web==1.0\n", least="high")
    assert [one.id for one in found.findings[0].vulnerabilities] == ["H", "U"]
    assert found.below == 1


async def test_nothing_imported_is_never_safe(folder: Path) -> None:
    with pytest.raises(MissingRequirementError):
        await audited(folder, "web==1.0\n")
    await imported(folder, record("X", affected(versions=["1.0.0"], ecosystem="npm")))
    found = await audited(folder, "web==1.0\n")
    assert found.warnings == ["no advisories of pypi are imported: nothing is known of its packages"]
    assert audit.OPERATION.text is not None
    assert [*audit.OPERATION.text(found)][-1] == "0 of 1 packages have known vulnerabilities; of 1 nothing is known"
    assert audit.OPERATION.findings(found)
    with pytest.raises(PreconditionFailedError, match="no advisories of pypi"):
        await audited(folder, "web==1.0\n", stale="fail")


async def test_old_advisories_are_told_or_fail(folder: Path) -> None:
    await imported(folder, record("X", FIXED))
    found = await audited(folder, "web==2.0\n", later=8 * DAY)
    assert found.warnings == ["the advisories of pypi were imported 8d ago, and the newest of them was changed 8d ago"]
    assert (await audited(folder, "web==2.0\n", later=8 * DAY, max_age=Duration(9 * DAY))).warnings == []
    with pytest.raises(PreconditionFailedError, match="8d ago"):
        await audited(folder, "web==2.0\n", later=8 * DAY, stale="fail")


async def test_what_was_imported_just_now_may_be_old(folder: Path) -> None:
    await imported(
        folder, record("X", FIXED, modified="2019-06-01T00:00:00Z"), record("Y", FIXED, modified="2019-01-01T00:00:00Z")
    )
    [warning] = (await audited(folder, "web==2.0\n", later=300.0)).warnings
    assert re.fullmatch(
        r"the advisories of pypi were imported 5m ago, and the newest of them was changed \d+d ago", warning
    )
    with pytest.raises(PreconditionFailedError, match="imported 5m ago"):
        await audited(folder, "web==2.0\n", later=300.0, stale="fail", max_age=Duration(DAY))
    # With the same import came newer ones, about something else: these are as it is today.
    newer = record("Z", affected(versions=["1"], ecosystem="npm"))
    await imported(folder, record("X", FIXED, modified="2019-06-01T00:00:00Z"), newer)
    assert (await audited(folder, "web==2.0\n", stale="fail")).warnings == []


async def test_an_old_record_that_is_added_makes_the_others_no_older(folder: Path) -> None:
    await imported(folder, record("X", FIXED))
    await imported(folder, record("Y", FIXED, modified="2019-01-01T00:00:00Z"), add=True)
    assert (await audited(folder, "web==2.0\n", stale="fail")).warnings == []


async def test_records_without_a_time_are_as_old_as_their_import(folder: Path) -> None:
    await imported(folder, record("X", FIXED, modified=""))
    assert (await audited(folder, "web==2.0\n", stale="fail")).warnings == []


async def test_entries_that_cannot_be_read_are_told(folder: Path) -> None:
    await imported(folder, record("X", FIXED))
    found = await audited(folder, "web>=1.0\nsafe==1.0\n")
    assert found.packages == 1
    assert len(found.warnings) == 1


async def test_a_range_that_cannot_be_read_is_told_of_a_package(folder: Path) -> None:
    await imported(folder, record("X", affected(ecosystem_range(("introduced", "0"), ("fixed", "what?")))))
    assert (await audited(folder, "web==1.0\n")).warnings == [
        "X: a range of it cannot be read; it may affect more than is told"
    ]


async def test_there_is_nothing_to_look_at(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no lock file"):
        await audit.run(AuditParams(path=str(folder / "project")), context(folder))
    with pytest.raises(NotFoundError, match="cannot be read"):
        await audit.run(AuditParams(path=str(folder / "project" / "uv.lock")), context(folder))
    (folder / "project" / "uv.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfigError, match="UTF-8"):
        await audit.run(AuditParams(path=str(folder / "project" / "uv.lock")), context(folder))
    (folder / "project" / "letter.txt").write_text("Dear Ana,\n")
    with pytest.raises(UnsupportedError):
        await audit.run(AuditParams(path=str(folder / "project" / "letter.txt")), context(folder))


async def test_an_import_is_planned_and_refused_where_others_were_quicker(folder: Path) -> None:
    source = str(zipped(folder / "all.zip", record("A", FIXED), record("B", FIXED)))
    params = ImportAdvisoriesParams(source=source)
    change = await import_advisories.plan(params, context(folder))
    assert [(one.path, one.before, one.after) for one in change.difference] == [("pypi records", None, 2)]
    await imported(folder, record("C", FIXED))
    with pytest.raises(PreconditionFailedError, match="other ones than when the plan was made"):
        await import_advisories.run(params, context(folder, preconditions=change.preconditions))


async def test_an_import_tells_what_goes(folder: Path) -> None:
    await imported(
        folder, record("A", FIXED), record("B", FIXED), record("C", affected(versions=["1"], ecosystem="npm"))
    )
    source = str(zipped(folder / "own.zip", record("B", FIXED), record("D", FIXED)))
    change = await import_advisories.plan(ImportAdvisoriesParams(source=source), context(folder))
    assert change.warnings == ["1 record of pypi from before would go; with --add all of them stay"]
    assert [(one.path, one.before, one.after) for one in change.difference] == [("pypi records", 2, 2)]
    change = await import_advisories.plan(ImportAdvisoriesParams(source=source, add=True), context(folder))
    assert (change.warnings, change.difference[0].after) == ([], 3)
    result = await import_advisories.run(ImportAdvisoriesParams(source=source), context(folder))
    assert (result.gone, result.damaged) == ({"pypi": 1}, "")
    assert import_advisories.OPERATION.text is not None
    [line] = import_advisories.OPERATION.text(result)
    assert line.endswith(", 1 record from before gone (with --add all of them stay)")
    added = await import_advisories.run(ImportAdvisoriesParams(source=source, add=True), context(folder))
    assert added.gone == {}


@pytest.mark.parametrize("place", [0, 5000])
async def test_a_damaged_store_is_made_anew_and_kept(folder: Path, place: int) -> None:
    records = [record(f"X-{number}", affected(versions=["1"], name=f"n{number}")) for number in range(200)]
    await imported(folder, *records)
    path = store_path()
    content = path.read_bytes()
    damaged = content[:place] + b"\xff" * 20_000 + content[place + 20_000 :]
    path.write_bytes(damaged)
    source = str(zipped(folder / "all.zip", record("X", affected(FIXED_RANGE, ecosystem="npm"))))
    change = await import_advisories.plan(ImportAdvisoriesParams(source=source), context(folder))
    result = await import_advisories.run(
        ImportAdvisoriesParams(source=source), context(folder, preconditions=change.preconditions)
    )
    assert result.damaged == f"{path}.damaged"
    assert Path(result.damaged).read_bytes() == damaged
    assert import_advisories.OPERATION.text is not None
    assert "is damaged: it is kept as" in next(iter(import_advisories.OPERATION.text(result)))
    found = await audited(folder, "web==1.0\n")
    assert found.unknown == 1


async def test_people_read_it_line_by_line(folder: Path) -> None:
    await imported(folder, record("X-1", FIXED, severity=[HIGH]))
    assert audit.OPERATION.text is not None
    assert list(audit.OPERATION.text(await audited(folder, "web==1.0\nsafe==1\n"))) == [
        "1 of 2 packages have known vulnerabilities",
        "  HIGH      web 1.0  X-1  fixed in 2.0  X-1 is bad",
    ]


async def test_of_several_files_each_finding_names_its_own(folder: Path) -> None:
    await imported(folder, record("X-1", FIXED, severity=[HIGH]))
    (folder / "project" / "site").mkdir()
    (folder / "project" / "site" / "requirements.txt").write_text("web==1.1\n")
    assert audit.OPERATION.text is not None
    shown = list(audit.OPERATION.text(await audited(folder, "web==1.0\n")))
    project = folder / "project"
    assert [line.rpartition("  in ")[2] for line in shown[1:]] == [
        f"{project}/requirements.txt",
        f"{project}/site/requirements.txt",
    ]
