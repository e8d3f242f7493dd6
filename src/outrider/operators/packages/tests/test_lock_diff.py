from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.packages.operations import diff
from outrider.operators.packages.operations.diff import DiffParams, DiffResult
from outrider.operators.packages.tests.test_audit import context


async def compared(folder: Path, before: str, after: str) -> DiffResult:
    for name, content in (("before", before), ("after", after)):
        (folder / name).mkdir()
        (folder / name / "requirements.txt").write_text(content)
    return await diff.run(DiffParams(before=str(folder / "before"), after=str(folder / "after")), context(folder))


async def test_what_came_went_and_changed(tmp_path: Path) -> None:
    found = await compared(tmp_path, "same==1.0\nold==1.0\nweb==1.9\n", "same==1.0\nnew==2.0\nweb==1.10\n")
    assert [(one.name, one.before, one.after) for one in found.changed] == [
        ("new", [], ["2.0"]), ("old", ["1.0"], []), ("web", ["1.9"], ["1.10"]),
    ]  # fmt: skip
    assert found.same == 1
    assert diff.OPERATION.text is not None
    assert list(diff.OPERATION.text(found)) == [
        "+ new  2.0",
        "- old  1.0",
        "~ web  1.9 -> 1.10",
        "3 changed, 1 the same",
    ]


async def test_several_versions_of_a_name_are_sorted(tmp_path: Path) -> None:
    (tmp_path / "one.purls").write_text("pkg:npm/a@1.10.0\npkg:npm/a@1.9.0\npkg:npm/a@odd\n")
    (tmp_path / "two.purls").write_text("pkg:npm/a@1.10.0\n")
    found = await diff.run(
        DiffParams(before=str(tmp_path / "one.purls"), after=str(tmp_path / "two.purls")), context(tmp_path)
    )
    assert found.changed[0].before == ["odd", "1.9.0", "1.10.0"]
    # Of a name with several versions each one counts.
    assert found.same == 1


async def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await diff.run(DiffParams(before=str(tmp_path), after=str(tmp_path)), context(tmp_path))
