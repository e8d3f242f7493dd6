"""Updates are proposed on branches of real git repositories."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import MissingRequirementError, NotFoundError, PreconditionFailedError
from outrider.operators.packages.operations import update
from outrider.operators.packages.operations.update import GroupUpdate, UpdateParams
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import DAY, context, imported
from outrider.operators.packages.tests.test_fix_requirements import bad
from outrider.operators.packages.tests.world import settings, variables
from tests.servers.git_http import git, served

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

LOCK = "# what we run\nweb==1.0  # the site\ncore==1.4\nlint==1.0\n"
HEAD = "apiVersion: outrider.dev/v1alpha1\nkind: PackageUpdates\nmetadata: {name: shop}\n"


class Place:
    """A repository with a lock file, and an index behind it."""

    def __init__(self, folder: Path, index: PythonIndex) -> None:
        self.folder, self.index, self.repository = folder, index, folder / "shop"
        self.repository.mkdir()
        git(self.repository, "init", "--quiet", "--initial-branch=main")
        self.commit(**{"requirements.txt": LOCK})

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repository / name).write_text(text)
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message", "as it is")

    def groups(self, *groups: str, more: str = "") -> None:
        listed = "".join(f"  - {{{group}}}\n" for group in groups)
        self.commit(**{"packages-updates.yaml": f"{HEAD}spec:\n{more}  groups:\n{listed}"})

    async def update(self, *, later: float = 0.0, **params: Any) -> list[GroupUpdate]:
        asked = UpdateParams(**{"repository": str(self.repository), "python": "3.12", **params})
        return (await update.run(asked, context(self.folder, later=later))).groups

    def read(self, branch: str, path: str = "requirements.txt") -> str:
        return f"{git(self.repository, 'show', f'{branch}:{path}')}\n"


@pytest.fixture
def place(index: PythonIndex, tmp_path: Path) -> Iterator[Place]:
    for version in ("1.0", "1.1", "2.0"):
        index.add("web", version, "core<2" if version < "2" else "core>=2")
        index.add("lint", version)
    for version in ("1.4", "1.4.1", "1.5", "2.0"):
        index.add("core", version)
    (tmp_path / "home").mkdir()
    with variables(settings(index.url, tmp_path)):
        yield Place(tmp_path, index)


async def test_each_group_has_its_branch_with_notes_in_its_commit(place: Place) -> None:
    place.groups("name: lint, packages: ['pypi:lint*'], upTo: major", "name: rest")
    lint, rest = await place.update()
    assert (lint.action, lint.branch, lint.title) == ("made", "outrider/lint", "Update lint from 1.0 to 2.0")
    assert place.read("outrider/lint") == LOCK.replace("lint==1.0", "lint==2.0")
    # The newest within the second number, and no other line is touched.
    assert place.read("outrider/rest") == LOCK.replace("web==1.0", "web==1.1").replace("core==1.4", "core==1.5")
    assert (rest.action, rest.title) == ("made", "Update web from 1.0 to 1.1")
    notes = git(place.repository, "show", "--no-patch", "--format=%an%n%B", "outrider/rest")
    assert notes.startswith(
        "Outrider\nUpdate web from 1.0 to 1.1\n\nrequirements.txt:\n- core 1.4 -> 1.5: a newer version\n"
    )
    assert git(place.repository, "rev-parse", "outrider/rest~1") == git(place.repository, "rev-parse", "main")
    # Nothing is checked out, and nothing else is written.
    assert git(place.repository, "status", "--porcelain") == ""


async def test_what_is_vulnerable_gets_the_lowest_version_that_is_not(place: Place) -> None:
    await imported(place.folder, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.4.1")))
    security, rest = await place.update()
    assert (security.title, security.commit) == (
        "Fix core from 1.4 to 1.4.1",
        git(place.repository, "rev-parse", "outrider/security"),
    )
    assert place.read("outrider/security") == LOCK.replace("core==1.4", "core==1.4.1")
    assert "- core 1.4 -> 1.4.1: X-1" in security.notes
    assert (rest.branch, rest.action) == ("outrider/all", "made")


async def test_without_advisories_nothing_is_called_safe(place: Place) -> None:
    with pytest.raises(MissingRequirementError):
        await place.update()
    [rest] = await place.update(groups=["all"])
    assert rest.action == "made"


async def test_a_branch_follows_what_is_new_until_somebody_else_commits_to_it(place: Place) -> None:
    place.groups("name: all")
    assert [one.action for one in await place.update()] == ["made"]
    assert [one.action for one in await place.update()] == ["unchanged"]
    place.index.add("web", "1.2", "core<2")
    [again] = await place.update(later=DAY)
    assert (again.action, "web==1.2" in place.read("outrider/all")) == ("replaced", True)
    git(place.repository, "checkout", "--quiet", "outrider/all")
    place.commit(NOTES="kept")
    git(place.repository, "checkout", "--quiet", "main")
    place.index.add("web", "1.3", "core<2")
    [left] = await place.update(later=2 * DAY)
    assert (left.action, left.commit) == ("left", git(place.repository, "rev-parse", "outrider/all"))
    assert place.read("outrider/all", "NOTES") == "kept\n"


async def test_a_group_is_updated_on_its_days(place: Place) -> None:
    place.groups("name: daily, packages: ['pypi:lint']", "name: weekly, days: [monday, thursday]")
    found = [[one.group for one in await place.update(later=day * DAY)] for day in range(7)]
    assert sorted(map(len, found)) == [1, 1, 1, 1, 1, 2, 2]
    assert [one.group for one in await place.update(groups=["weekly"])] == ["weekly"]
    with pytest.raises(NotFoundError, match="no group 'week'"):
        await place.update(groups=["week"])


async def test_a_policy_of_the_repository_counts(place: Place) -> None:
    place.groups("name: all, upTo: major")
    policy = f"{HEAD.replace('PackageUpdates', 'PackagePolicy')}spec: {{deny: ['pypi:web@>=2', 'pypi:lint@>=1.1']}}\n"
    place.commit(**{"packages-policy.yaml": policy})
    await place.update()
    assert place.read("outrider/all") == LOCK.replace("web==1.0", "web==1.1").replace("core==1.4", "core==1.5")


async def test_a_policy_that_is_named_is_that_of_the_caller(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.groups("name: all, upTo: major")
    monkeypatch.chdir(place.folder)
    policy = f"{HEAD.replace('PackageUpdates', 'PackagePolicy')}spec: {{deny: ['pypi:web@>=1.1', 'pypi:lint@>=1.1']}}\n"
    (place.folder / "strict.yaml").write_text(policy)
    await place.update(policy="strict.yaml")
    assert place.read("outrider/all") == LOCK.replace("core==1.4", "core==1.5")
    with pytest.raises(NotFoundError, match=r"other\.yaml: no such file"):
        await place.update(policy="other.yaml")


async def test_what_cannot_be_updated_does_not_keep_the_others_from_it(place: Place) -> None:
    place.groups("name: all")
    place.commit(
        **{
            "tools/requirements.txt": "gone==1.0\n", "docs/pdm.lock": "[metadata]\nlock_version = '4.5.0'\n",
            "site/node_modules/x/package-lock.json": "{}", "old/package-lock.json": '{"lockfileVersion": 1}', "old/package.json": "{}",
        }
    )  # fmt: skip
    [found] = await place.update()
    assert (found.action, [one.file for one in found.files]) == ("made", ["requirements.txt"])
    assert [warning.partition(":")[0] for warning in found.warnings] == ["tools/requirements.txt"]
    assert str(place.folder) not in str(found.warnings)


async def test_a_plan_names_the_commit_that_it_was_made_for(place: Place) -> None:
    place.groups("name: lint, packages: ['pypi:lint']")
    asked = UpdateParams(repository=str(place.repository / "."), python="3.12")
    change = await update.plan(asked, context(place.folder))
    assert [(one.path, one.before, one.after) for one in change.difference] == [
        ("outrider/lint", None, "Update lint from 1.0 to 1.1"),
        ("outrider/lint: requirements.txt lint", "1.0", "1.1"),
    ]
    assert git(place.repository, "branch", "--list", "outrider/*") == ""
    place.commit(NOTES="more")
    with pytest.raises(PreconditionFailedError, match="moved on"):
        await update.run(asked, context(place.folder, preconditions=dict(change.preconditions)))


async def test_a_repository_at_its_server(place: Place) -> None:
    place.groups("name: all")
    with served(place.repository, place.folder / "server") as remote:
        git(remote.bare, "config", "http.receivepack", "true")
        [found] = await place.update(repository=remote.url)
        assert found.action == "made"
        assert git(remote.bare, "rev-parse", "outrider/all") == found.commit
        remote.status = 403
        with pytest.raises(Exception, match="403"):
            await place.update(repository=remote.url)


async def test_a_folder_in_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="in no git repository"):
        await update.run(UpdateParams(repository=str(tmp_path)), context(tmp_path))
