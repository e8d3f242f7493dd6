import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, MissingRequirementError, OutriderError
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.osv import Advisory, read_osv
from outrider.operators.packages.advisories.severity import rating
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.advisories.writing import write_store
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record, zipped

# High, critical and medium.
HIGH = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}
CRITICAL = {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}
MEDIUM = {"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:N/A:N"}


def store(folder: Path, *records: dict[str, Any]) -> AdvisoryStore:
    path = folder / "advisories.db"
    write_store(path, read_source(zipped(folder / "all.zip", *records)), "all.zip", 1_800_000_000.0)
    return AdvisoryStore(path)


def found(
    folder: Path, version: str, *records: dict[str, Any], ecosystem: str = "pypi", name: str = "web"
) -> list[Vulnerability]:
    opened = store(folder, *records)
    try:
        return Matcher(opened).vulnerabilities(ecosystem, name, version)
    finally:
        opened.close()


GIT = {"type": "GIT", "repo": "https://git.example/web", "events": [{"introduced": "0"}, {"fixed": "abc"}]}


@pytest.mark.parametrize(
    ("package", "hit", "missed"),
    [
        (affected(ecosystem_range(("introduced", "0"), ("fixed", "1.2"))), ["0.1", "1.1", "1.2rc1"], ["1.2", "2"]),
        (affected(ecosystem_range(("introduced", "1.0"), ("last_affected", "1.2"))), ["1.0", "1.2"], ["0.9", "1.2.1"]),
        (affected(ecosystem_range(("introduced", "0"))), ["0.1", "99"], []),
        (affected(GIT, ecosystem_range(("introduced", "1"), ("fixed", "2"))), ["1.5"], ["2"]),
        (affected(GIT, versions=["1.0"]), ["1.0"], ["1.1"]),
        (
            affected(ecosystem_range(("introduced", "1"), ("fixed", "1.1"), ("introduced", "2"), ("fixed", "2.1"))),
            ["1.0", "2.0"],
            ["1.1", "1.9", "2.1"],
        ),
        (affected(ecosystem_range(("fixed", "2.1"), ("introduced", "2"), ("fixed", "1.1"), ("introduced", "1"))), ["1.0", "2.0"], ["1.5"]),
        (affected(ecosystem_range(("introduced", "1")), ecosystem_range(("introduced", "0"), ("fixed", "0.5"))), ["0.1", "1"], ["0.7"]),
        (affected(ecosystem_range(("introduced", "0"), ("limit", "2"))), ["1.9"], ["2", "3"]),
        (affected(ecosystem_range(("introduced", "0"), ("limit", "2"), ("limit", "3"))), ["2.5"], ["3"]),
        (affected(ecosystem_range(("introduced", "0"), ("limit", "*"))), ["9"], []),
        (affected(ecosystem_range(("introduced", "1"), ("fixed", "2")), versions=["5.0"]), ["1.5", "5.0"], ["3"]),
        (affected(versions=["not-a-version"]), ["not-a-version"], ["1"]),
    ],
)  # fmt: skip
def test_versions_are_affected_as_the_schema_says(
    tmp_path: Path, package: dict[str, Any], hit: list[str], missed: list[str]
) -> None:
    opened = store(tmp_path, record("X-1", package))
    matcher = Matcher(opened)
    assert [version for version in (*hit, *missed) if matcher.matches("pypi", "web", version)] == hit
    opened.close()


# By ecosystem: its name in OSV, that of a package there and as it is compared, where it is fixed, a version before and one after.
WAYS = {
    "npm": ("npm", "@acme/web", "@acme/web", "1.2.0", "1.2.0-rc.1", "1.2.0"),
    "pypi": ("PyPI", "Acme_Web", "acme-web", "1.2", "1.2.dev1", "1.2.post1"),
    "cargo": ("crates.io", "acme", "acme", "1.2.0", "1.1.9", "1.2.1"),
    "maven": ("Maven", "org.acme:web", "org.acme:web", "1.2", "1.2-SNAPSHOT", "1.2.0.Final"),
    "nuget": ("NuGet", "Acme.Web", "acme.web", "1.2.0", "1.1.9.9", "1.2"),
    "gem": ("RubyGems", "acme", "acme", "1.2", "1.2.pre", "1.2.0"),
    "composer": ("Packagist", "Acme/Web", "acme/web", "1.2.0", "1.2.0-RC1", "1.2.0"),
}


@pytest.mark.parametrize("ecosystem", WAYS)
def test_each_ecosystem_compares_in_its_own_way(tmp_path: Path, ecosystem: str) -> None:
    there, name, compared, fixed, bad, good = WAYS[ecosystem]
    package = affected(ecosystem_range(("introduced", "0"), ("fixed", fixed)), name=name, ecosystem=there)
    matcher = Matcher(store(tmp_path, record("X-1", package)))
    assert matcher.matches(ecosystem, compared, bad) == ["X-1"]
    assert matcher.matches(ecosystem, compared, good) == []


def test_one_vulnerability_of_three_sources_is_told_once(tmp_path: Path) -> None:
    package = affected(ecosystem_range(("introduced", "0"), ("fixed", "2")))
    other = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.9")))
    [one] = found(
        tmp_path, "1.0",
        record("GHSA-1", package, aliases=["CVE-2026-1"], severity=[HIGH]),
        record("PYSEC-1", other, aliases=["CVE-2026-1"]),
        record("OSV-1", package, aliases=["PYSEC-1"], severity=[MEDIUM]),
    )  # fmt: skip
    assert (one.id, one.aliases) == ("CVE-2026-1", ["GHSA-1", "OSV-1", "PYSEC-1"])
    assert (one.severity, one.score, one.rated_by, one.fixed) == ("high", 7.5, "GHSA-1", ["2"])


def test_what_nobody_has_rated_is_unknown_and_not_harmless(tmp_path: Path) -> None:
    package = affected(ecosystem_range(("introduced", "0")))
    ids = ["A", "B", "C", "D"]
    ratings: list[dict[str, Any]] = [
        {},
        {"severity": [CRITICAL, MEDIUM]},
        {"database_specific": {"severity": "MODERATE"}},
        {"severity": [MEDIUM]},
    ]
    told = found(tmp_path, "1", *(record(one, package, **more) for one, more in zip(ids, ratings, strict=True)))
    assert [(one.id, one.severity) for one in told] == [
        ("B", "critical"),
        ("C", "medium"),
        ("D", "medium"),
        ("A", "unknown"),
    ]


@pytest.mark.parametrize("vector", ["", "CVSS:3.1/AV:X", "CVSS:9/AV:N", "high", "7.5"])
def test_a_rating_that_cannot_be_read_is_none(vector: str) -> None:
    advisory = read_osv(json.dumps(record("X", severity=[{"type": "CVSS_V3", "score": vector}])).encode(), "X")
    assert isinstance(advisory, Advisory)
    assert rating(advisory.scores, advisory.label) == ("unknown", None)


def test_what_another_record_of_it_still_affects_is_no_fix(tmp_path: Path) -> None:
    early = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.2.3")))
    late = affected(ecosystem_range(("introduced", "1.1"), ("fixed", "1.2.5")))
    records = record("GHSA-1", early, aliases=["CVE-2026-1"]), record("PYSEC-1", late, aliases=["CVE-2026-1"])
    assert [one.fixed for version in ("1.0", "1.2.4") for one in found(tmp_path, version, *records)] == [
        ["1.2.5"],
        ["1.2.5"],
    ]


@pytest.mark.parametrize(
    ("ecosystem", "listed", "versions", "missed"),
    [
        ("PyPI", "1.16.0", ["1.16", "v1.16.0", "1.16.0.0", "1.16+local"], ["1.16.1", "1.16.0.post1"]),
        ("PyPI", "1.0.0rc1", ["1.0c1", "1.0.0-rc.1"], ["1.0", "1.0rc2"]),
        ("PyPI", "1.0+local", ["1.0.0+local"], ["1.0", "1.0+other"]),
        ("NuGet", "1.0.0", ["1.0", "1.0.0.0", "1.0.0+build"], ["1.0.0.1", "1.0.0-rc"]),
        ("Packagist", "v1.2.0", ["1.2.0", "1.2"], ["1.2.1", "1.2.0-beta1"]),
        ("Maven", "1.0", ["1.0.0", "1", "1-ga"], ["1.0.1", "1.0-alpha-1"]),
        ("RubyGems", "1.0", ["1", "1.0.0"], ["1.0.1"]),
        ("npm", "1.0.0", ["1.0.0+build"], ["1.0.1", "1.0.0-1"]),
    ],
)
def test_a_listed_version_is_the_same_however_it_is_written(
    tmp_path: Path, ecosystem: str, listed: str, versions: list[str], missed: list[str]
) -> None:
    # One more whose numbers are nearly the same.
    package = affected(versions=[listed, "0.1.0"], ecosystem=ecosystem, name="a:web" if ecosystem == "Maven" else "web")
    here = {
        "PyPI": "pypi",
        "NuGet": "nuget",
        "Packagist": "composer",
        "Maven": "maven",
        "RubyGems": "gem",
        "npm": "npm",
    }
    opened = store(tmp_path, record("X-1", package), record("X-2", {**package, "versions": ["7.7.7"]}))
    matcher = Matcher(opened)
    asked = (here[ecosystem], package["package"]["name"])
    assert [one for one in (*versions, *missed) if matcher.matches(*asked, one) == ["X-1"]] == versions
    opened.close()


def test_withdrawn_records_do_not_count(tmp_path: Path) -> None:
    package = affected(ecosystem_range(("introduced", "0")))
    assert (
        found(tmp_path, "1", record("X-1", package, withdrawn="2026-01-01T00:00:00Z"), record("X-2", package))[0].id
        == "X-2"
    )


def test_a_range_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    package = affected(ecosystem_range(("introduced", "0"), ("fixed", "what?")), versions=["1.0"])
    matcher = Matcher(store(tmp_path, record("X-1", package)))
    assert (matcher.matches("pypi", "web", "1.0"), matcher.unclear("pypi", "web")) == (["X-1"], ["X-1"])


def test_an_import_replaces_its_ecosystems_and_leaves_others(tmp_path: Path) -> None:
    path = tmp_path / "advisories.db"
    python, rust = affected(versions=["1"]), affected(versions=["1.0.0"], ecosystem="crates.io")

    def imported(*records: dict[str, Any], add: bool = False) -> dict[str, int]:
        write_store(path, read_source(zipped(tmp_path / "all.zip", *records)), "all.zip", 1.0, add=add)
        opened = AdvisoryStore(path)
        counts = {one.ecosystem: one.records for one in opened.sources().values()}
        opened.close()
        return counts

    assert imported(record("P-1", python), record("P-2", python), record("R-1", rust)) == {"pypi": 2, "cargo": 1}
    assert imported(record("P-3", python)) == {"pypi": 1, "cargo": 1}
    assert imported(record("P-4", python), add=True) == {"pypi": 2, "cargo": 1}
    matcher = Matcher(AdvisoryStore(path))
    assert matcher.matches("pypi", "web", "1") == ["P-3", "P-4"]
    assert matcher.vulnerabilities("cargo", "web", "1.0.0")[0].id == "R-1"


def test_records_in_yaml_are_read_as_pypa_writes_them(tmp_path: Path) -> None:
    folder = tmp_path / "vulns" / "web"
    folder.mkdir(parents=True)
    (folder / "PYSEC-2026-1.yaml").write_text(
        "id: PYSEC-2026-1\nmodified: 2026-10-01T10:00:00Z\naffected:\n- package: {ecosystem: PyPI, name: Web}\n"
        "  ranges:\n  - {type: ECOSYSTEM, events: [{introduced: '0'}, {fixed: '1.10'}]}\n  versions: ['1.9']\naliases: [CVE-2026-1]\n"
    )
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "settings.yaml").write_text("a: b\n")
    [one] = list(read_source(tmp_path))
    assert isinstance(one, Advisory)
    assert (one.id, one.modified[:10], one.affected[0].name) == ("PYSEC-2026-1", "2026-10-01", "web")


def test_nothing_imported_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError, match="no advisories are imported"):
        AdvisoryStore(tmp_path / "advisories.db")


def test_a_broken_record_is_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "X.json").write_text('{"id": 1}')
    with pytest.raises(ExecutionFailedError, match=r"X\.json"):
        list(read_source(tmp_path / "X.json"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidConfigError, match="no records"):
        list(read_source(tmp_path / "empty"))


def test_a_store_that_is_cut_off_is_told(tmp_path: Path) -> None:
    store(tmp_path, record("X-1", affected(versions=["1"]))).close()
    path = tmp_path / "advisories.db"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ExecutionFailedError, match="cannot be read"):
        AdvisoryStore(path).sources()


def test_a_store_of_another_form_is_imported_anew(tmp_path: Path) -> None:
    path = tmp_path / "advisories.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE something (a)")
    database.close()
    with pytest.raises(MissingRequirementError):
        AdvisoryStore(path)
    store(tmp_path, record("X-1", affected(versions=["1"]))).close()


@given(st.text())
def test_any_text_as_a_version_is_answered(version: str) -> None:
    package = affected(ecosystem_range(("introduced", "0"), ("fixed", version)), versions=[version])
    advisory = read_osv(json.dumps(record("X", package)).encode(), "X")
    assert advisory is not None


@given(st.binary(max_size=200))
def test_any_bytes_as_a_record_are_refused(content: bytes) -> None:
    with pytest.raises(OutriderError):
        read_osv(content, "X")
