"""What is installed in a virtual environment, a site-packages or a node_modules that is named itself."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.operations import audit, check, diff, licences, sbom
from outrider.operators.packages.operations.audit import AuditParams
from outrider.operators.packages.operations.check import CheckParams
from outrider.operators.packages.operations.diff import DiffParams
from outrider.operators.packages.operations.licences import LicencesParams
from outrider.operators.packages.operations.sbom import SbomParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.root_files import made
from outrider.operators.packages.tests.test_audit import context, folder, imported

__all__ = ["folder"]
SITE = "lib/python3.12/site-packages"
WEB = "Metadata-Version: 2.1\nName: Web\nVersion: 1.0\nLicense: MIT\n"
NODE = {
    "web/package.json": json.dumps({"name": "web", "version": "1.0.0", "license": "MIT"}),
    "web/lib/package.json": json.dumps({"name": "no", "version": "0.0.0"}),
    "web/node_modules/@acme/core/package.json": json.dumps({"name": "@acme/core", "version": "2.0.0"}),
    "web/yarn.lock": '# yarn lockfile v1\n\nother@1:\n  version "1.0.0"\n',
}  # fmt: skip


def environment(place: Path) -> Path:
    return made(place / "env", {"pyvenv.cfg": "home = /usr/bin\n", f"{SITE}/web-1.0.dist-info/METADATA": WEB})


def named(path: Path) -> list[tuple[str, str]]:
    return [(one.name, one.version) for _, lock in read_locks(path) for one in lock.packages]


async def test_it_is_read_as_a_lock_is(folder: Path) -> None:
    place = environment(folder)
    fix = affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="web", ecosystem="PyPI")
    await imported(folder, record("X-1", fix))
    for path in (place, place / SITE):
        found = await audit.run(AuditParams(path=str(path)), context(folder))
        [one] = found.findings
        file = str(place / SITE / "web-1.0.dist-info" / "METADATA")
        assert (one.name, one.version, one.file, found.warnings) == ("web", "1.0", file, [])
        assert (await sbom.run(SbomParams(path=str(path)), context(folder))).packages == 1
        assert (await diff.run(DiffParams(before=str(path), after=str(place)), context(folder))).same == 1
        told = await licences.run(LicencesParams(path=str(path)), context(folder))
        assert [(each.name, each.expression) for each in told.packages] == [("web", "MIT")]
        assert (await check.run(CheckParams(path=str(path)), context(folder))).packages == 1


def test_packages_of_node_are_those_that_are_installed(tmp_path: Path) -> None:
    made(tmp_path / "node_modules", NODE)
    assert sorted(named(tmp_path / "node_modules")) == [("@acme/core", "2.0.0"), ("web", "1.0.0")]


@pytest.mark.parametrize("inside", ["", SITE])
def test_a_lock_in_it_comes_first(tmp_path: Path, inside: str) -> None:
    place = environment(tmp_path) / inside
    (place / "requirements.txt").write_text("core==3.0\n")
    assert named(place) == [("core", "3.0")]


def test_nothing_in_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    with pytest.raises(NotFoundError, match="no package is installed in it"):
        read_locks(tmp_path / "node_modules")


@pytest.mark.real
def test_it_is_what_pip_lists(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    listed = subprocess.run([python, "-m", "pip", "list", "--format", "json"], capture_output=True, check=True).stdout
    expected = {(one["name"], one["version"]) for one in json.loads(listed)}
    assert expected
    # setuptools brings packages within itself, which pip does not list.
    assert expected <= set(named(tmp_path / "env"))
