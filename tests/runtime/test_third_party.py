"""A family of another distribution: a real wheel with an entry point, installed by pip beside us."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError
from outrider.runtime import third_party

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "{version}"
[project.entry-points."outrider.families"]
{family} = "acme_{family}.family"
[tool.hatch.build.targets.wheel]
packages = ["acme_{family}"]
"""
MANIFEST = """\
[family]
name = "{family}"
title = "Tea"
summary = "Tea"
[[family.operations]]
name = "brew"
effect = "read"
summary = "Brew tea"
positional = ["sort"]
examples = [{{ title = "Tea", params = {{ sort = "green" }} }}]
"""
OPERATION = """\
import msgspec
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

class Params(msgspec.Struct, forbid_unknown_fields=True):
    sort: str

class Cup(msgspec.Struct):
    tea: str

async def run(params: Params, context: Context) -> Cup:
    return Cup(params.sort)

OPERATION = Implementation(params=Params, result=Cup, run=run)
"""


class Site:
    """A folder into which pip installs, and the command run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.environment = {
            **os.environ, "PYTHONPATH": str(self.site), "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache"),
        }  # fmt: skip

    def install(
        self, family: str = "tea", *, name: str = "acme-tea", version: str = "1.0.0", manifest: str = MANIFEST
    ) -> None:
        project = self.folder / f"{name}-{version}"
        package = project / f"acme_{family}" / "family"
        (package / "operations").mkdir(parents=True)
        for path in (package.parent, package, package / "operations"):
            (path / "__init__.py").write_text("")
        (package / "__init__.py").write_text(f"open({str(self.folder / 'imported')!r}, 'w').close()\n")
        (package / "manifest.toml").write_text(manifest.format(family=family))
        (package / "operations" / "brew.py").write_text(OPERATION)
        (project / "pyproject.toml").write_text(PROJECT.format(name=name, version=version, family=family))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run(
            [*pip, "--no-build-isolation", "--upgrade", "--target", str(self.site), str(project)], check=True
        )

    def outrider(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "outrider", *words], env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def rows(self) -> dict[str, Any]:
        return {row["name"]: row for row in json.loads(self.outrider("operators", "list", "-o", "json").stdout)}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_is_installed_is_not_yet_allowed(site: Site) -> None:
    site.install()
    row = site.rows()["acme_tea.family"]
    assert (row["state"], row["origin"]) == ("not allowed", "acme-tea==1.0.0")
    done = site.outrider("tea", "brew", "green")
    assert (done.returncode, done.stdout) == (2, "")
    assert not (site.folder / "imported").exists()


def test_what_is_allowed_is_a_family_like_any_other(site: Site) -> None:
    site.install()
    assert site.outrider("operators", "allow", "acme-tea").returncode == 0
    assert not (site.folder / "imported").exists()
    assert site.rows()["tea"]["origin"] == "acme-tea==1.0.0"
    done = site.outrider("tea", "brew", "green", "-o", "json")
    assert json.loads(done.stdout) == {"tea": "green"}, done.stderr
    chain = (site.folder / "state" / "outrider" / "audit.jsonl").read_text()
    assert '"action":"family.load","target":"acme-tea==1.0.0"' in chain
    assert "tea_brew" in site.outrider("mcp", "tools").stdout
    assert site.outrider("operators", "disallow", "acme-tea").returncode == 0
    assert site.rows()["acme_tea.family"]["state"] == "not allowed"


def test_another_version_is_another_question(site: Site) -> None:
    site.install()
    site.outrider("operators", "allow", "acme-tea")
    site.install(version="1.1.0")
    row = site.rows()["acme_tea.family"]
    assert (row["state"], row["origin"]) == ("not allowed", "acme-tea==1.1.0")


def test_a_built_in_name_wins(site: Site) -> None:
    site.install("host", name="acme-host")
    site.outrider("operators", "allow", "acme-host")
    rows = site.rows()
    assert (rows["host"]["origin"], rows["acme_host.family"]["state"]) == ("outrider", "broken")
    assert site.outrider("host", "facts").returncode == 0


@pytest.mark.parametrize("name", ["plan", "json"])
def test_commands_and_functions_keep_their_names(site: Site, name: str) -> None:
    site.install(name, name="acme-x")
    site.outrider("operators", "allow", "acme-x")
    row = site.rows()[f"acme_{name}.family"]
    assert (row["state"], f"'{name}' is a" in row["summary"]) == ("broken", True)


def test_a_broken_manifest_breaks_its_family_alone(site: Site) -> None:
    site.install(manifest="[family\n")
    site.outrider("operators", "allow", "acme-tea")
    rows = site.rows()
    assert (rows["host"]["state"], rows["acme_tea.family"]["state"]) == ("ready", "broken")


def test_a_list_that_others_may_read_allows_nothing(site: Site) -> None:
    site.install()
    site.outrider("operators", "allow", "acme-tea")
    (site.folder / "config" / "outrider" / "families.json").chmod(0o666)
    row = site.rows()["acme_tea.family"]
    assert (row["state"], "chmod 600" in site.outrider("operators", "allow", "acme-tea").stderr) == (
        "not allowed",
        True,
    )


def test_what_is_not_there_cannot_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(NotFoundError, match="acme-nothing"):
        third_party.allow("acme-nothing")
