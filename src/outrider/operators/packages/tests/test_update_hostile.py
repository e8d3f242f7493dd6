"""What a repository holds is a stranger's: nothing is followed, nothing is taken, and the rest is updated all the same."""

import shutil
import zlib
from collections.abc import Iterator
from hashlib import sha1

import pytest

from outrider.core.errors import ConflictError, DeniedError, InvalidConfigError, LimitedError
from outrider.operators.packages.operations import update
from outrider.operators.packages.operations.update import UpdateParams, UpdateResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.test_audit import DAY, HIGH, context, imported
from outrider.operators.packages.tests.test_fix_requirements import bad
from outrider.operators.packages.tests.test_update import HEAD, LOCK, Place, place
from outrider.operators.packages.tests.world import variables
from outrider.ports.git import program
from tests.servers.git_http import git

__all__ = ["place"]
pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
EMPTY_LOCK = '{"lockfileVersion": 3, "packages": {}}'


@pytest.fixture
def taken() -> Iterator[None]:
    with variables({"TOKEN": "secret"}):
        yield


async def updated(place: Place, **params: object) -> UpdateResult:
    asked = UpdateParams(repository=str(place.repository), python="3.12", **params)  # type: ignore[arg-type]
    return await update.run(asked, context(place.folder))


@pytest.mark.usefixtures("taken")
async def test_settings_take_no_variable_of_this_machine(place: Place) -> None:
    place.groups("name: all")
    address = f"registry={place.index.url}/${{TOKEN}}/\n"
    place.commit(**{"site/.npmrc": address, "site/package.json": "{}", "site/package-lock.json": EMPTY_LOCK})
    found = await updated(place)
    assert [one.action for one in found.groups] == ["made"]
    assert found.left == [
        "site/package-lock.json: left as it is: site/.npmrc: it asks for the variable TOKEN of this machine; where it may have that: --variables TOKEN"
    ]
    assert (await updated(place, variables=["TOKEN"])).left == []
    assert "secret" not in str(place.index.requests)


async def test_names_are_taken_as_they_are(place: Place) -> None:
    place.groups("name: all")
    long = "x" * 250
    place.commit(**{f"{name}/requirements.txt": LOCK for name in (":x", "nl\nx", "Signed-off-by: Ana <a", "[a]*")})
    place.commit(**{f"{long}.requirements-x.txt"[-255:]: LOCK, "broken/requirements.txt": LOCK})
    (place.repository / "broken" / "requirements.txt").write_bytes(b"web==1.0\ncaf\xe9==1\n")
    (place.repository / "yarn.lock").symlink_to("/etc/passwd")
    git(place.repository, "add", "--all")
    git(place.repository, "commit", "--quiet", "--message", "more")
    found = await updated(place)
    [group] = found.groups
    assert [one.partition(": ")[0] for one in found.left] == ["yarn.lock", "nl\\u000ax/requirements.txt"]
    assert group.warnings == ["broken/requirements.txt: it is no UTF-8"]
    for name in (":x", "Signed-off-by: Ana <a", "[a]*"):
        assert "web==1.1" in place.read("outrider/all", f"{name}/requirements.txt")
    message = git(place.repository, "show", "--no-patch", "--format=%B", "outrider/all")
    assert git(place.repository, "interpret-trailers", "--parse", given=message) == ""


@pytest.mark.parametrize("name", ["/requirements.txt", "../requirements.txt", "a/../../requirements.txt"])
async def test_a_path_that_git_would_never_make_is_left_out(place: Place, name: str) -> None:
    blob = git(place.repository, "hash-object", "-w", "--stdin", given=LOCK)
    content = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    whole = b"tree %d\0" % len(content) + content
    tree = sha1(whole, usedforsecurity=False).hexdigest()
    path = place.repository / ".git" / "objects" / tree[:2] / tree[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(whole))
    commit = git(place.repository, "commit-tree", tree, "-m", "bad")
    git(place.repository, "update-ref", "refs/heads/main", commit)
    found = await updated(place, groups=["all"])
    assert [one.action for one in found.groups] == ["none"]


@pytest.mark.parametrize("name", ["packages-policy.yaml", "packages-updates.yaml"])
async def test_what_says_how_to_update_is_no_link(place: Place, name: str) -> None:
    place.commit(**{"shared.yaml": "{}"})
    (place.repository / name).symlink_to("shared.yaml")
    place.commit()
    with pytest.raises(DeniedError, match=f"{name} is a link"):
        await updated(place, groups=["all"])


async def test_a_group_is_never_written_to_the_branch_that_it_is_for(place: Place) -> None:
    place.groups("name: in", more="  prefix: ma\n")
    before = git(place.repository, "rev-parse", "main")
    with pytest.raises(InvalidConfigError) as caught:
        await updated(place)
    assert (caught.value.path, caught.value.found) == ("spec.prefix", "main")
    assert git(place.repository, "rev-parse", "main") == before


async def test_a_commit_that_somebody_has_amended_is_left_alone(place: Place) -> None:
    place.groups("name: all")
    await updated(place)
    git(place.repository, "checkout", "--quiet", "outrider/all")
    (place.repository / "NOTES").write_text("kept\n")
    git(place.repository, "add", "NOTES")
    git(place.repository, "commit", "--quiet", "--amend", "--no-edit")
    # The author of it is still who made it first.
    assert git(place.repository, "show", "--no-patch", "--format=%an/%cn") == "Outrider/Ana"
    git(place.repository, "checkout", "--quiet", "main")
    place.index.add("web", "1.2", "core<2")
    [group] = await place.update(later=DAY)
    assert group.action == "left"
    assert place.read("outrider/all", "NOTES") == "kept\n"


async def test_a_policy_that_cannot_be_read_is_no_warning(place: Place) -> None:
    place.groups("name: all")
    place.commit(**{"packages-policy.yaml": f"{HEAD.replace('PackageUpdates', 'PackagePolicy')}spec: {{denied: []}}\n"})
    with pytest.raises(InvalidConfigError, match="denied") as caught:
        await updated(place)
    assert str(place.folder) not in f"{caught.value.message} {caught.value.source}"


async def test_the_only_lock_file_cannot_be_read(place: Place) -> None:
    await imported(place.folder, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.4.1")))
    (place.repository / "requirements.txt").write_bytes(b"core==1.4\ncaf\xe9==1\n")
    place.commit()
    found = await updated(place)
    assert [(one.action, one.warnings) for one in found.groups] == [("none", ["requirements.txt: it is no UTF-8"])] * 2


async def test_a_commit_that_is_checked_out_by_itself(place: Place) -> None:
    git(place.repository, "checkout", "--quiet", "--detach")
    place.commit(NOTES="of no branch")
    with pytest.raises(ConflictError, match="has no branch checked out") as caught:
        await updated(place)
    assert caught.value.hint == "name one: --branch main"
    assert [one.action for one in (await updated(place, branch="main", groups=["all"])).groups] == ["made"]


async def test_a_folder_of_somebody_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    other_owner = "GIT_TEST_ASSUME_DIFFERENT_OWNER"
    monkeypatch.setattr(program, "_INHERITED", ("PATH", other_owner))
    monkeypatch.setenv(other_owner, "1")
    with pytest.raises(DeniedError, match="dubious ownership") as caught:
        await updated(place)
    # git's own advice would change nothing.
    assert "owner" in caught.value.hint
    assert "safe.directory" not in str(caught.value)


async def test_a_branch_that_is_in_the_way_is_named(place: Place) -> None:
    place.groups("name: all")
    git(place.repository, "branch", "outrider")
    with pytest.raises(
        ConflictError, match="has a branch 'outrider', beside which there can be none called 'outrider/all'"
    ):
        await updated(place)


async def test_a_branch_that_the_server_protects(place: Place) -> None:
    place.groups("name: all")
    hook = place.repository / ".git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not here\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(DeniedError, match="not here") as caught:
        await updated(place)
    assert "outrider/all" in caught.value.hint
    assert "--new-branch" not in caught.value.hint


async def test_a_file_that_is_too_large_keeps_no_other_from_it(place: Place) -> None:
    place.groups("name: all")
    place.commit(**{"big/package-lock.json": " " * (17 << 20)})
    found = await updated(place)
    assert [one.action for one in found.groups] == ["made"]
    [left] = found.left
    assert left.startswith("big/package-lock.json: left as it is: it is too large")
    place.commit(**{"packages-policy.yaml": " " * (17 << 20)})
    with pytest.raises(LimitedError):
        await updated(place)


async def test_what_a_killed_run_has_left_goes(place: Place) -> None:
    cache = place.folder / "cache" / "outrider"
    for left in (cache / "packages" / "updates" / "killed", cache / "git" / "killed"):
        left.mkdir(parents=True)
        (left / "package.json").write_text("{}")
        await place.update(groups=["all"])
        assert list(left.parent.iterdir()) == []


def _npm_project(registry: str) -> dict[str, str]:
    lock = '{"lockfileVersion": 3, "packages": {"": {"dependencies": {"core": "^1"}}, "node_modules/core": {"version": "1.4.0"}}}'
    return {
        "site/.npmrc": f"registry={registry}\n", "site/package.json": '{"dependencies": {"core": "^1"}}', "site/package-lock.json": lock,
    }  # fmt: skip


@pytest.mark.parametrize("group", ["security", "all"])
async def test_a_registry_that_cannot_be_reached_keeps_no_other_file_from_it(place: Place, group: str) -> None:
    npm = record("N-1", affected(ecosystem_range(("introduced", "0")), name="core", ecosystem="npm"), severity=[HIGH])
    await imported(place.folder, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.4.1")))
    await imported(place.folder, npm, add=True)
    place.commit(**_npm_project("http://127.0.0.1:1/"))
    result = await updated(place, groups=[group])
    [found] = result.groups
    assert (found.action, place.read(f"outrider/{group}").splitlines()[2][:8]) == ("made", "core==1.")
    unfixed = [f"{file.file}: {' '.join(one.reasons)}" for file in found.files for one in file.unfixed]
    [why] = found.unreached or unfixed
    assert why.startswith("site/package-lock.json: http://127.0.0.1:1")
    assert str(place.folder) not in why
    assert update.OPERATION.findings is not None
    assert update.OPERATION.findings(result)


async def test_an_ecosystem_without_a_registry_keeps_no_other_file_from_it(place: Place) -> None:
    project = _npm_project("")
    del project["site/.npmrc"]
    place.commit(**project)
    programs = place.folder / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    with variables({"PATH": str(programs), "npm_config_registry": ""}):
        [found] = (await updated(place, groups=["all"])).groups
    assert found.action == "made"
    [why] = found.unreached
    assert why.startswith("site/package-lock.json: no registry of npm is known here; set npm_config_registry; ")


async def test_credentials_are_not_sent_without_encryption_where_a_repository_leads(place: Place) -> None:
    (place.folder / "home" / ".npmrc").write_text("//npm.example/:_authToken=secret\n")
    place.commit(**_npm_project("http://npm.example/"))
    [found] = (await updated(place, groups=["all"])).groups
    [why] = found.unreached
    assert why.startswith(
        "site/package-lock.json: site/.npmrc: credentials of this machine for npm.example are not sent"
    )
    assert "without encryption; write https:// there" in why
    assert found.action == "made"


async def test_repositories_and_addresses_are_not_read_for_a_repository(place: Place) -> None:
    head = "[project]\nname = 'shop'\nversion = '1'\nrequires-python = '>=3.11'\n"
    source = f"source = {{ registry = '{place.index.url}' }}"
    text = f"version = 1\n[[package]]\nname = 'web'\nversion = '1.0'\n{source}\n"
    manifests = {
        "plain": "dependencies = ['web']\n",
        "git": f"dependencies = ['web', 'own @ git+{place.repository.as_uri()}']\n",
        "url": f"dependencies = ['web', 'own @ {place.index.root}/own-1-py3-none-any.whl']\n",
    }
    place.groups("name: all")
    place.commit(**{f"{name}/pyproject.toml": f"{head}{more}" for name, more in manifests.items()})
    place.commit(**{f"{name}/uv.lock": text for name in manifests})
    found = await updated(place)
    told = [
        one.partition(": ")[0] for one in found.groups[0].warnings if "is not fetched for whoever has written it" in one
    ]
    assert told == ["git/uv.lock", "url/uv.lock"]
    assert 'name = "web"\nversion = "1.1"' in place.read("outrider/all", "plain/uv.lock")
    assert not place.index.paths("own")
