"""What is not known of what is installed is told, and never taken for safe."""

import json
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, PreconditionFailedError
from outrider.operators.packages.operations import audit, vex
from outrider.operators.packages.operations.audit import AuditParams
from outrider.operators.packages.operations.vex import VexParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.test_audit import COMPILED, audited, context, folder, imported

__all__ = ["folder"]
FIXED = ecosystem_range(("introduced", "0"), ("fixed", "2.0.0"))
JAR = "<dependency><groupId>a</groupId><artifactId>web</artifactId>{}</dependency>"
PINNED = JAR.format("<version>2.1</version>")
POM = "<project><artifactId>shop</artifactId>{}<dependencies>{}</dependencies></project>"
LOCKED = (
    f"<profiles><profile><id>outrider-lock</id><dependencyManagement><dependencies>{PINNED}</dependencies></dependencyManagement>"
    "</profile></profiles>"
)
PROJECT = '<Project><ItemGroup><PackageReference Include="Web" {}/></ItemGroup></Project>'


async def known(folder: Path) -> None:
    names = {"PyPI": "web", "Maven": "a:web", "NuGet": "web", "npm": "web"}
    packages = [affected(FIXED, name=name, ecosystem=ecosystem) for ecosystem, name in names.items()]
    await imported(folder, record("X-1", *packages))


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [("pom.xml", POM.format("", PINNED), "outrider maven lock"), ("shop.csproj", PROJECT.format('Version="2.1"'), "outrider nuget lock")],
)  # fmt: skip
async def test_what_only_asks_is_told_with_what_locks_it(folder: Path, name: str, text: str, command: str) -> None:
    await known(folder)
    found = await audited(folder, text, name)
    assert found.packages == 1
    [warning] = found.warnings
    said = f"{folder}/project/{name}: only what it names is looked at, not what that needs: lock it with {command}"
    assert warning.startswith(said)
    with pytest.raises(PreconditionFailedError, match="only what it names"):
        await audited(folder, text, name, stale="fail")
    with pytest.raises(PreconditionFailedError, match="only what it names"):
        await vex.run(VexParams(path=str(folder / "project")), context(folder))
    told = await vex.run(VexParams(path=str(folder / "project"), stale="warn"), context(folder))
    assert told.warnings == [warning]


async def test_a_pom_with_its_lock_is_whole(folder: Path) -> None:
    await known(folder)
    found = await audited(folder, POM.format(LOCKED, PINNED), "pom.xml", stale="fail")
    assert (found.packages, found.warnings) == (1, [])


async def test_a_pom_that_asks_for_nothing_is_whole(folder: Path) -> None:
    await known(folder)
    assert (await audited(folder, POM.format("", ""), "pom.xml", stale="fail")).warnings == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pom.xml", POM.format("<parent><artifactId>boot</artifactId></parent>", JAR.format(""))),
        ("shop.csproj", PROJECT.format("")),
        ("requirements.txt", "web>=1\n"),
        ("requirements.txt", "-r other.txt\n"),
    ],
)
async def test_where_nothing_could_be_looked_at_that_is_a_finding(folder: Path, name: str, text: str) -> None:
    await known(folder)
    found = await audited(folder, text, name)
    assert found.unjudged == [str(folder / "project" / name)]
    assert audit.OPERATION.findings(found)
    assert audit.OPERATION.text is not None
    last = [*audit.OPERATION.text(found)][-1]
    assert last == "0 of 0 packages have known vulnerabilities; of 1 file nothing could be looked at"
    with pytest.raises(PreconditionFailedError, match="none of its packages could be looked at"):
        await audited(folder, text, name, stale="fail")


@pytest.mark.parametrize(
    "line",
    ["-r base.txt", "web>=1", "web @ https://files.example/web-1.0-py3-none-any.whl", "-e git+https://git.example/web#egg=web"],
)  # fmt: skip
async def test_pins_beside_what_is_not_pinned_are_not_all(folder: Path, line: str) -> None:
    await known(folder)
    path = folder / "project" / "requirements.txt"
    for rest in ("", COMPILED):
        path.write_text(f"six==1.15.0\n{line}\n{rest}")
        with pytest.raises(PreconditionFailedError, match="it names more than it pins"):
            await audit.run(AuditParams(path=str(path), stale="fail"), context(folder))
        with pytest.raises(PreconditionFailedError, match="it names more than it pins"):
            await vex.run(VexParams(path=str(path)), context(folder))


@pytest.mark.parametrize(
    "line", ["-e .", "-e ./lib[web]", "--editable=file:///srv/shop", "-e .  # via -r requirements.in"]
)
async def test_a_folder_beside_all_that_was_compiled_leaves_nothing_open(folder: Path, line: str) -> None:
    await known(folder)
    assert len((await audited(folder, f"{line}\nsix==1.15.0\n", stale="fail")).warnings) == 1


COMMIT = "git+ssh://git@git.example/a/web.git#0123456789abcdef0123456789abcdef01234567"
NPM_1 = json.dumps({"name": "shop", "lockfileVersion": 1, "dependencies": {"web": {"version": COMMIT, "from": COMMIT}}})
BUN = (
    '{"lockfileVersion": 1, "workspaces": {"": {"name": "shop", "dependencies": {"web": "github:a/web"}}},'
    ' "packages": {"web": ["web@github:a/web#0123456", {}, "a-web-0123456"]}}'
)
PIPENV = json.dumps(
    {"_meta": {}, "default": {"web": {"git": "https://git.example/a/web.git", "ref": "0123456789abcdef"}}}
)


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("package-lock.json", NPM_1, COMMIT),
        ("bun.lock", BUN, "github:a/web#0123456"),
        ("Pipfile.lock", PIPENV, "0123456789abcdef"),
        ("requirements.txt", "web===weird\n", "weird"),
    ],
)
async def test_a_version_that_cannot_be_compared_is_not_taken_for_safe(
    folder: Path, name: str, text: str, version: str
) -> None:
    await known(folder)
    found = await audited(folder, text, name)
    assert (found.packages, found.vulnerable, found.unknown) == (1, 0, 1)
    [warning] = found.warnings
    assert warning.startswith(f"web {version}: it is no version that ")
    assert audit.OPERATION.findings(found)
    with pytest.raises(PreconditionFailedError, match="whether it is affected is not known"):
        await audited(folder, text, name, stale="fail")
    with pytest.raises(PreconditionFailedError, match="whether it is affected is not known"):
        await vex.run(VexParams(path=str(folder / "project")), context(folder))


async def test_of_what_no_advisory_names_any_version_is_fine(folder: Path) -> None:
    await known(folder)
    found = await audited(folder, NPM_1.replace("web", "other"), "package-lock.json", stale="fail")
    assert (found.packages, found.unknown, found.warnings) == (1, 0, [])


async def test_a_range_that_cannot_be_read_is_nothing_to_rely_on(folder: Path) -> None:
    await imported(folder, record("X", affected(ecosystem_range(("introduced", "0"), ("fixed", "what?")))))
    with pytest.raises(PreconditionFailedError, match="X: a range of it cannot be read"):
        await audited(folder, "web==1.0\n", stale="fail")


async def test_a_lock_that_cannot_be_read_keeps_no_other_from_being_looked_at(folder: Path) -> None:
    await known(folder)
    for name in ("a", "c"):
        (folder / "project" / name).mkdir()
        (folder / "project" / name / "uv.lock").write_text("version =")
    found = await audited(folder, "web==1.0\n")
    assert [one.name for one in found.findings] == ["web"]
    assert [one.partition(": ")[0] for one in found.unread] == [f"{folder}/project/{name}/uv.lock" for name in "ac"]
    assert audit.OPERATION.malformed(found)
    assert audit.OPERATION.text is not None
    assert [one.startswith("warning: not looked at: ") for one in audit.OPERATION.text(found)][:3] == [
        True,
        True,
        False,
    ]
    with pytest.raises(InvalidConfigError, match=r"a/uv\.lock: it cannot be read"):
        await vex.run(VexParams(path=str(folder / "project")), context(folder))
    told = await vex.run(VexParams(path=str(folder / "project"), stale="warn"), context(folder))
    assert told.warnings == found.unread
    with pytest.raises(InvalidConfigError, match="it cannot be read"):
        await audit.run(AuditParams(path=str(folder / "project" / "a" / "uv.lock")), context(folder))


async def test_of_what_a_lock_has_no_entry_for_nothing_is_known(folder: Path) -> None:
    await known(folder)
    lock = '{"lockfileVersion": 3, "packages": {"": {"dependencies": {"b": "1"}}, "node_modules/web": {"version": "2.1.0"}}}'
    found = await audited(folder, lock, "package-lock.json")
    assert (found.packages, found.vulnerable, found.unknown, found.unjudged) == (1, 0, 1, [])
    place = f"{folder}/project/package-lock.json"
    assert found.warnings[0].startswith(f"{place}: it has no entry for 1 package that others in it need")
    assert found.warnings[1] == f"{place}: b, which the project needs, is not in it"
    assert audit.OPERATION.findings(found)
    with pytest.raises(PreconditionFailedError, match="it has no entry for 1 package"):
        await audited(folder, lock, "package-lock.json", stale="fail")
