"""The operation as its callers see it, and its reports."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, MissingRequirementError, NotFoundError
from outrider.operators.packages.licences.reports.comma_separated import comma_separated
from outrider.operators.packages.licences.reports.lines import lines
from outrider.operators.packages.licences.reports.page import page
from outrider.operators.packages.licences.reports.rows import LicenceFinding, LicenceReport, LicensedPackage
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import licences
from outrider.operators.packages.operations.licences import LicencesParams, LicencesResult
from outrider.operators.packages.tests import installed_packages as have
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_licence_detection import fake
from outrider.operators.packages.tests.test_policies import written
from outrider.operators.packages.tests.test_sbom import faults
from outrider.operators.packages.tests.world import settings, variables
from tests.peers.environments import PROGRAMS, install

LISTS = "licences: {allow: [MIT, Apache-2.0], deny: ['AGPL-*'], review: [MPL-2.0]}"
OF = ": licences of policy.yaml, shop"
LICENCES = {
    "web": "MIT",
    "old": "Apache 2.0",
    "bad": "AGPL-3.0-or-later",
    "some": "MPL-2.0",
    "own": "SEE LICENSE IN EULA.txt",
    "none": None,
    "many": [{"type": "MIT", "url": "x"}, {"type": "Zlib"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project of npm with a policy, in a machine without packages of its user."""
    packages: dict[str, dict[str, Any]] = {
        f"node_modules/{name}": {"version": "1.0.0", **({"license": value} if value is not None else {})}
        for name, value in LICENCES.items()
    }
    packages["node_modules/web"]["dependencies"] = {"bad": "^1"}
    have.written(
        tmp_path / "shop" / "package-lock.json",
        json.dumps({"name": "shop", "lockfileVersion": 3, "packages": packages}),
    )
    written(tmp_path, f"{{{LISTS}}}", "policy.yaml")
    kept = {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home" / ".config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "CARGO_HOME": str(tmp_path / "cargo"),
    }
    with variables(kept):
        yield tmp_path


async def looked(folder: Path, later: float = 0.0, **params: Any) -> LicencesResult:
    if "policy" not in params:
        params["policy"] = str(folder / "policy.yaml")
    return await licences.run(LicencesParams(path=str(folder / "shop"), **params), context(folder, later=later))


def said(result: LicencesResult) -> list[str]:
    assert licences.OPERATION.text is not None
    return list(licences.OPERATION.text(result))


async def test_packages_are_judged(folder: Path) -> None:
    found = await looked(folder)
    assert {one.name: (one.expression, one.verdict) for one in found.packages} == {
        "bad": ("AGPL-3.0-or-later", "denied"), "many": ("MIT OR Zlib", "allowed"), "none": ("", "unknown"),
        "old": ("Apache-2.0", "allowed"), "own": ("", "unknown"), "some": ("MPL-2.0", "review"), "web": ("MIT", "allowed"),
    }  # fmt: skip
    assert [(one.kind, one.package) for one in found.findings] == [
        ("denied", "npm:bad"), ("unknown", "npm:none"), ("unknown", "npm:own"), ("review", "npm:some")
    ]  # fmt: skip
    assert found.counts == {"": 2, "AGPL-3.0-or-later": 1, "Apache-2.0": 1, "MIT": 1, "MIT OR Zlib": 1, "MPL-2.0": 1}
    old = next(one for one in found.packages if one.name == "old")
    assert (old.raw, old.guessed, old.origin, old.files) == ("Apache 2.0", True, "lock", found.files)
    assert next(one for one in found.packages if one.name == "bad").needed_by == ["web"]
    assert licences.OPERATION.findings(found)


async def test_people_read_it_line_by_line(folder: Path) -> None:
    assert said(await looked(folder)) == [
        "warning: 1 without a licence: neither installed packages nor locks tell it; their registries may: --ask",
        "7 packages, 4 findings",
        "  not known          2",
        "  AGPL-3.0-or-later  1",
        "  Apache-2.0         1",
        "  MIT                1",
        "  MIT OR Zlib        1",
        "  MPL-2.0            1",
        f"DENIED   npm:bad 1.0.0  AGPL-3.0-or-later is denied{OF}",
        f"UNKNOWN  npm:none 1.0.0  no licence is told{OF}",
        f"UNKNOWN  npm:own 1.0.0  what 'SEE LICENSE IN EULA.txt' means is not known{OF}",
        f"REVIEW   npm:some 1.0.0  MPL-2.0 is to be reviewed{OF}",
    ]


async def test_without_a_policy_only_what_is_not_known_is_found(folder: Path) -> None:
    found = await looked(folder, policy="")
    assert {one.kind for one in found.findings} == {"unknown"}
    have.written(
        folder / "shop" / "package-lock.json",
        json.dumps(
            {"lockfileVersion": 3, "packages": {"node_modules/web": {"version": "1.0.0", "license": "AGPL-3.0-only"}}}
        ),
    )
    assert not licences.OPERATION.findings(await looked(folder, policy=""))


def waived(folder: Path, *waivers: str) -> None:
    rest = "rules: [licences, deny], reason: it is replaced"
    written(folder, f"{{{LISTS}, waivers: [{', '.join(f'{{{one}, {rest}}}' for one in waivers)}]}}", "policy.yaml")


async def test_waivers_count_until_they_end(folder: Path) -> None:
    today = (await looked(folder, format="html")).document.partition("<time>")[2][:10]
    waived(folder, f"package: 'npm:bad', until: {today}", "package: 'npm:web@^1', until: 2999-01-01")
    found = await looked(folder)
    assert [one.package for one in found.findings] == ["npm:none", "npm:own", "npm:some"]
    assert found.warnings[1:] == [
        "the waiver for npm:web@^1 of policy.yaml, shop is not needed: its licence is allowed, or there is no such package"
    ]
    ended = await looked(folder, later=86_400)
    assert (ended.findings[0].kind, ended.findings[0].package) == ("denied", "npm:bad")
    assert ended.findings[0].why == f"AGPL-3.0-or-later is denied; its waiver ended on {today}{OF}"
    assert (ended.findings[-1].kind, ended.findings[-1].why) == (
        "waiver",
        f"the waiver of policy.yaml, shop ended on {today}",
    )
    assert ended.findings[-1].package == "npm:bad"


async def test_the_worst_of_what_all_policies_say_counts(folder: Path) -> None:
    own = folder / "home" / ".config" / "outrider"
    own.mkdir(parents=True)
    written(own, "{licences: {allow: ['AGPL-*', MIT], deny: [Apache-2.0], unlisted: allow, unknown: deny}}")
    found = {one.name: (one.verdict, one.why) for one in (await looked(folder)).packages}
    mine = ": licences of packages-policy.yaml, shop"
    assert found["web"][0] == "allowed"
    assert found["bad"] == ("denied", f"AGPL-3.0-or-later is denied{OF}")
    assert found["old"] == ("denied", f"Apache-2.0 is denied{mine}")
    assert found["some"] == ("review", f"MPL-2.0 is to be reviewed{OF}")
    assert found["none"] == ("denied", f"no licence is told{mine}")
    # One that says nothing of licences changes nothing.
    written(own, "{deny: ['npm:web']}")
    assert {one.kind for one in (await looked(folder, policy="")).findings} == {"unknown"}


async def test_what_is_installed_is_looked_at(folder: Path) -> None:
    have.npm(folder / "shop", "none", "1.0.0", license="MIT")
    elsewhere = folder / "elsewhere"
    have.npm(folder, "own", "1.0.0", license="MIT")
    (folder / "node_modules").rename(elsewhere)
    found = await looked(folder, installed=str(elsewhere))
    assert {one.name: one.origin for one in found.packages if one.name in ("none", "own")} == {
        "none": "installed",
        "own": "installed",
    }
    assert {one.name for one in found.packages if one.verdict == "unknown"} == set()


async def test_texts_are_detected_where_that_is_asked_for(folder: Path) -> None:
    have.written(
        have.npm(folder / "shop", "own", "1.0.0", license="SEE LICENSE IN EULA.txt") / "EULA.txt", "Apache-2.0\n"
    )
    with variables(fake(folder)):
        found = await looked(folder, detect=True)
    own = next(one for one in found.packages if one.name == "own")
    assert (own.expression, own.origin, own.guessed, own.raw) == ("Apache-2.0", "text", True, "SEE LICENSE IN EULA.txt")
    with variables({"PATH": str(folder)}), pytest.raises(MissingRequirementError, match="ScanCode"):
        await looked(folder, detect=True)


async def test_registries_are_asked_where_that_is_asked_for(folder: Path) -> None:
    have.written(folder / "shop" / "requirements.txt", "web==1.0\n")
    async with PythonIndex() as index:
        index.add("web", "1.0", licence="Apache-2.0")
        with variables(settings(index.url, folder)):
            found = await looked(folder, ask=True)
    web = next(one for one in found.packages if one.ecosystem == "pypi")
    assert (web.expression, web.origin, web.guessed) == ("Apache-2.0", "registry", False)


async def test_what_cannot_be_looked_at_is_told(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="policy"):
        await looked(folder, policy=str(folder / "no-policy.yaml"))
    with pytest.raises(NotFoundError, match="nope: no such folder"):
        await looked(folder, installed="nope")
    empty = folder / "empty"
    empty.mkdir()
    with pytest.raises(NotFoundError, match="there is no lock file"):
        await licences.run(LicencesParams(path=str(empty)), context(folder))
    have.written(folder / "shop" / "requirements.txt", "web>=1.0\n")
    [partial, unpinned, untold] = (await looked(folder)).warnings
    assert "it names more than it pins" in partial
    assert "is not pinned" in unpinned
    assert untold.endswith("their registries may: --ask")
    written(folder, "{licences: {allow: [MIT/Apache-2.0]}}", "policy.yaml")
    with pytest.raises(InvalidConfigError, match=r"spec\.licences\.allow\[0\]"):
        await looked(folder)


async def test_the_same_project_gives_the_same_report(folder: Path) -> None:
    for form in ("html", "csv", "spdx"):
        one, two = await looked(folder, format=form), await looked(folder, format=form)
        assert one.packages == two.packages
        assert [
            line
            for line in one.document.splitlines()
            if "<time>" not in line and "created" not in line and "urn:uuid" not in line
        ] == [
            line
            for line in two.document.splitlines()
            if "<time>" not in line and "created" not in line and "urn:uuid" not in line
        ]


async def test_all_packages_as_comma_separated_values(folder: Path) -> None:
    found = await looked(folder, format="csv")
    head, *rows = csv.reader(io.StringIO(found.document))
    assert head[:5] == ["ecosystem", "name", "version", "licence", "guessed"]
    assert [row[1] for row in rows] == sorted(LICENCES)
    assert rows[3][3:6] == ["Apache-2.0", "yes", "Apache 2.0"]
    assert "\n".join(said(found)) + "\n" == found.document


def package(**fields: Any) -> LicensedPackage:
    known: dict[str, Any] = {
        "ecosystem": "npm", "name": "web", "version": "1.0.0", "files": ["package-lock.json"], "expression": "MIT", "raw": "MIT",
        "guessed": False, "origin": "lock", "verdict": "allowed", "why": "MIT is allowed", "needed_by": [],
    }  # fmt: skip
    return LicensedPackage(**{**known, **fields})


NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\n@x",
    "\u200b=1",
    'a"b',
    "a,b",
    "a\nb",
    "'=1",
    "<script>",
    "&amp;",
]


@given(st.sampled_from(NASTY) | st.text())
def test_no_cell_is_a_formula_and_no_row_is_two(text: str) -> None:
    document = comma_separated([package(raw=text, name=text, why=text)])
    _, row = csv.reader(io.StringIO(document))
    for cell in row:
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert cell.isprintable()
    assert len(document.splitlines()) == 2


class Read(HTMLParser):
    """Collects what a page has."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data)


def read(document: str) -> Read:
    found = Read()
    found.feed(document)
    found.close()
    assert found.open == []
    return found


def report(
    *packages: LicensedPackage, findings: tuple[LicenceFinding, ...] = (), warnings: tuple[str, ...] = ()
) -> LicenceReport:
    return LicenceReport(
        title="shop", created="2026-11-29T10:00:00Z", packages=list(packages), counts={"MIT": len(packages)}, findings=list(findings),
        warnings=list(warnings),
    )  # fmt: skip


FINDING = LicenceFinding(
    kind="denied", package="npm:bad", version="1.0.0", licence="AGPL-3.0-only", why="AGPL-3.0-only is denied"
)


def test_a_page_needs_nothing_else_and_can_be_read_by_all() -> None:
    found = read(page(report(package(), findings=(FINDING,), warnings=("this is not all",))))
    names = [tag for tag, _ in found.tags]
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert ("html", {"lang": "en"}) in found.tags
    assert [names.count(tag) for tag in ("title", "h1", "main")] == [1, 1, 1]
    assert names.count("caption") == names.count("table") == 3
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in found.tags if tag == "th")
    # What scrolls can be reached by keys, and says what it is.
    assert all(
        attributes["tabindex"] == "0" and attributes["aria-label"]
        for tag, attributes in found.tags
        if attributes.get("role") == "region"
    )
    ids = [attributes["id"] for _, attributes in found.tags if attributes.get("id")]
    assert len(set(ids)) == len(ids)
    labelled = [str(attributes["aria-labelledby"]) for _, attributes in found.tags if "aria-labelledby" in attributes]
    assert set(labelled) <= set(ids)
    assert {"denied", "AGPL-3.0-only is denied", "this is not all"} <= set(found.text)


@given(st.sampled_from(NASTY) | st.text(alphabet="<>&\"'/ab=-!"))
def test_what_others_have_written_is_text_in_a_page(text: str) -> None:
    plain = [tag for tag, _ in read(page(report(package(), findings=(FINDING,), warnings=("x",)))).tags]
    finding = LicenceFinding(kind="denied", package=text, version=text, licence=text, why=text)
    nasty = read(
        page(report(package(name=text, raw=text, why=text, version=text), findings=(finding,), warnings=(text,)))
    )
    assert [tag for tag, _ in nasty.tags] == plain


def test_an_empty_project_has_a_page_too() -> None:
    assert "None: every package is allowed." in read(page(report())).text
    assert list(lines(0, {}, [], [])) == ["0 packages, 0 findings"]


async def test_all_packages_as_spdx(folder: Path) -> None:
    document = (await looked(folder, format="spdx")).document
    packages = {one["name"]: one for one in json.loads(document)["packages"]}
    assert packages["many"]["licenseDeclared"] == "MIT OR Zlib"
    assert packages["old"]["licenseComments"] == "guessed from: Apache 2.0"
    assert packages["none"]["licenseDeclared"] == "NOASSERTION"
    again = {one.name: one.licence for one in read_lock("shop.spdx.json", document).packages}
    assert again["own"] == "SEE LICENSE IN EULA.txt"
    assert again["many"] == "MIT OR Zlib"


@pytest.mark.real
async def test_the_official_validator_finds_nothing_wrong_with_it(folder: Path) -> None:
    python = install("sbom", PROGRAMS["sbom"]) / "python"
    path = have.written(folder / "shop.spdx.json", (await looked(folder, format="spdx")).document)
    assert faults(python, "spdx", path) == ""


@pytest.mark.real
def test_the_command_ends_with_6_where_something_is_found(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "outrider",
        "packages",
        "licences",
        str(folder / "shop"),
        "--policy",
        str(folder / "policy.yaml"),
    ]
    done = subprocess.run([*command, "--format", "csv"], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 6
    assert done.stdout.count("\n") == 8
    written(folder, "{licences: {unlisted: allow, unknown: allow}}", "policy.yaml")
    assert subprocess.run(command, capture_output=True, timeout=50, check=False).returncode == 0


async def test_a_named_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "uv.lock")
    with pytest.raises(InvalidConfigError, match=r"uv\.lock: it is a named pipe"):
        await licences.run(LicencesParams(path=str(folder / "uv.lock")), context(folder))
