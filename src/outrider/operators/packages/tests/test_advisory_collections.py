"""Advisories of collections that are not of the OSV schema; the records are made up in their forms."""

import json
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.native import read_friends_of_php, read_nuget, read_rubysec, read_rustsec
from outrider.operators.packages.advisories.osv import Advisory
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.advisories.writing import write_store

RUST = """```toml
[advisory]
id = "RUSTSEC-2026-0001"
package = "web"
date = "2026-01-02"
aliases = ["CVE-2026-1"]
cvss = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
{more}
[versions]
patched = ["^1.2.3", ">= 2.0.1"]
unaffected = ["< 1.0.0"]
```

# The web is open
"""
RUBY = """---
gem: web
cve: 2026-2
ghsa: aaaa-bbbb-cccc
title: The web is open
date: 2026-02-03
cvss_v3: 9.8
cvss_v2: 5.0
patched_versions:
  - "~> 4.2.5, >= 4.2.5.1"
  - ">= 5.0.1"
unaffected_versions:
  - "< 3"
"""
PHP = """title: The web is open
cve: CVE-2026-3
reference: composer://acme/web
branches:
  1.x: {time: 2026-03-04 10:00:00, versions: ['>=1.0.0', '<1.4.2']}
  master: {time: ~, versions: ['>=2.0', '<2.0.3']}
"""
NUGET = {
    "acme.web": [
        {"severity": 2, "url": "https://advisories.example/GHSA-x", "versions": "(, 2.0.0)"},
        {"severity": 9, "url": "https://advisories.example/GHSA-y/", "versions": "[3.0.0]"},
    ]
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (
        ("crates/web/RUSTSEC-2026-0001.md", RUST.replace("{more}", "")),
        ("crates/web/RUSTSEC-2026-0002.md", RUST.replace("0001", "0002").replace("{more}", 'informational = "unmaintained"')),
        ("crates/web/RUSTSEC-2026-0003.md", RUST.replace("0001", "0003").replace("{more}", 'withdrawn = "2026-02-01"')),
        ("README.md", "# A collection\n"),
        ("gems/web/CVE-2026-2.yml", RUBY),
        ("acme/web/CVE-2026-3.yaml", PHP),
        ("nuget.json", json.dumps(NUGET)),
    ):  # fmt: skip
        path = tmp_path / "collection" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def told(folder: Path, ecosystem: str, name: str, version: str) -> list[Vulnerability]:
    path = folder / "advisories.db"
    if not path.exists():
        write_store(path, read_source(folder / "collection"), "a collection", 0.0)
    store = AdvisoryStore(path)
    try:
        return Matcher(store).vulnerabilities(ecosystem, name, version)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("ecosystem", "name", "hit", "missed"),
    [
        ("cargo", "web", ["1.0.0", "1.2.2", "2.0.0", "2.0.1-rc.1"], ["0.9.9", "1.2.3", "1.9.0", "2.0.1", "3.0.0"]),
        ("gem", "web", ["3.0", "4.2.5", "5.0.0", "4.3"], ["2.9", "4.2.5.1", "4.2.9", "5.0.1"]),
        ("composer", "acme/web", ["1.0.0", "1.4.1", "2.0.2"], ["0.9", "1.4.2", "1.9", "2.0.3"]),
        ("nuget", "acme.web", ["1.0.0", "1.9.9", "3.0.0"], ["2.0.0", "3.0.1"]),
    ],
)
def test_each_collection_is_read_by_its_rules(
    folder: Path, ecosystem: str, name: str, hit: list[str], missed: list[str]
) -> None:
    assert [version for version in (*hit, *missed) if told(folder, ecosystem, name, version)] == hit


def test_what_is_said_of_a_vulnerability_is_kept(folder: Path) -> None:
    [rust] = told(folder, "cargo", "web", "1.0.0")
    assert (rust.id, rust.aliases, rust.severity, rust.summary) == (
        "CVE-2026-1",
        ["RUSTSEC-2026-0001"],
        "high",
        "The web is open",
    )
    assert rust.fixed == ["1.2.3", "2.0.1"]
    [ruby] = told(folder, "gem", "web", "4.0")
    assert (ruby.id, ruby.aliases, ruby.severity, ruby.score) == (
        "CVE-2026-2",
        ["GHSA-aaaa-bbbb-cccc"],
        "critical",
        9.8,
    )
    [php] = told(folder, "composer", "acme/web", "1.0.0")
    assert (php.id, php.severity, php.aliases) == ("CVE-2026-3", "unknown", ["FriendsOfPHP:acme/web/CVE-2026-3"])
    assert [told(folder, "nuget", "acme.web", version)[0].severity for version in ("1.0.0", "3.0.0")] == [
        "high",
        "unknown",
    ]


@pytest.mark.parametrize(
    ("name", "content", "asked", "fixed"),
    [
        ("X.yml", "gem: web\npatched_versions: ['~> 5.2.4, >= 5.2.4.3', '>= 6.0.3.1']\n", ("gem", "web", "5.2.0"), ["5.2.4.3", "6.0.3.1"]),
        ("X.json", json.dumps({"web": [{"url": "X", "versions": "[1.0.0, 2.0.0)"}]}), ("nuget", "web", "1.0.0"), ["2.0.0"]),
        ("X.json", json.dumps({"web": [{"url": "X", "versions": "[1.0.0, 2.0.0]"}]}), ("nuget", "web", "1.0.0"), []),
        ("X.yaml", PHP, ("composer", "acme/web", "1.1.0"), ["1.4.2", "2.0.3"]),
        ("X.md", RUST.replace("{more}", ""), ("cargo", "web", "1.1.0"), ["1.2.3", "2.0.1"]),
    ],
)  # fmt: skip
def test_fixed_is_what_is_not_affected_any_more(
    tmp_path: Path, name: str, content: str, asked: tuple[str, str, str], fixed: list[str]
) -> None:
    (tmp_path / "collection").mkdir()
    (tmp_path / "collection" / name).write_text(content)
    [one] = told(tmp_path, *asked)
    assert one.fixed == fixed


def test_prereleases_behind_a_fix_of_rustsec_are_fixed(tmp_path: Path) -> None:
    (tmp_path / "collection").mkdir()
    (tmp_path / "collection" / "X.md").write_text(
        RUST.replace("{more}", "").replace('"^1.2.3", ">= 2.0.1"', '">= 1.2.3"')
    )
    versions = ["0.9.0-rc.1", "1.0.0", "1.2.3-rc.1", "1.2.4-rc.1", "2.0.0-beta.1"]
    assert [one for one in versions if told(tmp_path, "cargo", "web", one)] == ["1.0.0", "1.2.3-rc.1"]


def test_what_cannot_be_read_of_what_is_spared_counts_as_affected(tmp_path: Path) -> None:
    (tmp_path / "collection").mkdir()
    (tmp_path / "collection" / "X.md").write_text(RUST.replace("{more}", "").replace("^1.2.3", "what?"))
    assert told(tmp_path, "cargo", "web", "1.2.3")
    assert not told(tmp_path, "cargo", "web", "2.0.1")


BARE = """---
gem: web
ghsa:
title:
osvdb: 115941
date: 2014-12-01
cvss_v2:
patched_versions:
unaffected_versions:
"""
BESIDE = {
    "rubies/ruby/CVE-2026-9.yml": "engine: ruby\ncve: 2026-9\npatched_versions: ['>= 3.4.1']\n",
    "spec/schema.yml": "type: map\nmapping: {gem: {type: str}}\n",
    "composer.json": '{"name": "friendsofphp/advisories", "require": {"php": "^8"}}',
    "index.json": '[{"@name": "base", "@id": "https://api.example/base.json", "@updated": "2026-11-30T00:00:00Z"}]',
    "CONTRIBUTING.md": "# How\n\n```toml\n[advisory]\n...\n```\n",
    "HOWTO.md": "```toml\n[dependencies]\n```\n",
}


def test_what_stands_beside_the_records_of_a_collection_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "checkout.zip", "w") as archive:
        for name, content in {**BESIDE, "gems/web/OSVDB-115941.yml": BARE, ".github/settings.yml": "a: b\n"}.items():
            archive.writestr(f"checkout/{name}", content)
            if not name.startswith("."):
                path = tmp_path / "collection" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    for source in (tmp_path / "checkout.zip", tmp_path / "collection"):
        [one] = read_source(source)
        assert isinstance(one, Advisory)
        assert (one.called, one.affected[0].spared) == ("OSVDB-115941", ())
    assert told(tmp_path, "gem", "web", "1.0")[0].id == "OSVDB-115941"
    for name in ("composer.json", "rubies/ruby/CVE-2026-9.yml"):
        with pytest.raises(ExecutionFailedError, match="no record of OSV"):
            list(read_source(tmp_path / "collection" / name))
    with pytest.raises(ExecutionFailedError, match="it is NuGet's index") as refused:
        list(read_source(tmp_path / "collection" / "index.json"))
    assert refused.value.suggestions == ["name the files that it lists: the first, then each other one with --add"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("X.yml", "gem: web\npatched_versions: 3\n"), ("X.yml", "id: 1\n"), ("X.json", '{"affected": [{}]}'), ("X.json", '{"id": "X-'),
        ("X.json", '{"web": [{"url": 1}]}'), ("X.md", "```toml\n[advisory]\nid = 'X'\n```\n"), ("X.md", "```toml\n[advisory\n```\n"),
    ],
)  # fmt: skip
def test_a_broken_record_of_a_collection_is_not_passed_over(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ExecutionFailedError, match=name):
        list(read_source(tmp_path))


def test_gems_and_packages_of_one_cve_keep_what_is_said_of_each(tmp_path: Path) -> None:
    for name, content in {
        "gems/rack/CVE-2026-5.yml": "gem: rack\ncve: 2026-5\ntitle: Of rack\ncvss_v3: 9.8\n",
        "gems/zrack/CVE-2026-5.yml": "gem: zrack\ncve: 2026-5\ntitle: Of zrack\ncvss_v3: 2.0\n",
        "zoo/rack/CVE-2026-5.yaml": PHP.replace("CVE-2026-3", "CVE-2026-5").replace("acme/web", "zoo/rack"),
    }.items():
        path = tmp_path / "collection" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    found = [
        told(tmp_path, *one) for one in (("gem", "rack", "1"), ("gem", "zrack", "1"), ("composer", "zoo/rack", "1.0.0"))
    ]
    assert [(one.id, one.severity, one.summary) for [one] in found] == [
        ("CVE-2026-5", "critical", "Of rack"),
        ("CVE-2026-5", "low", "Of zrack"),
        ("CVE-2026-5", "unknown", "The web is open"),
    ]
    assert (found[0][0].aliases, found[0][0].rated_by) == ([], "CVE-2026-5")


def test_records_of_friends_of_php_are_as_old_as_their_newest_branch(tmp_path: Path) -> None:
    (tmp_path / "X.yaml").write_text(PHP.replace("time: ~", "time: 2026-03-05 11:00:00"))
    (tmp_path / "Y.yaml").write_text(PHP.replace("2026-03-04 10:00:00", "~"))
    assert [one.modified for one in read_source(tmp_path) if isinstance(one, Advisory)] == ["2026-03-05T00:00:00Z", ""]


def test_ranges_of_one_advisory_of_nuget_add_up_within_a_file_and_between_files(tmp_path: Path) -> None:
    def written(name: str, *ranges: str, severity: int = 2) -> Path:
        said = [{"severity": severity, "url": "https://advisories.example/GHSA-x", "versions": one} for one in ranges]
        (tmp_path / name).write_text(json.dumps({"Acme.Web": said}))
        return tmp_path / name

    path = tmp_path / "advisories.db"
    write_store(path, read_source(written("base.json", "[1.0.0, 1.0.3)", "[2.0.0, 2.0.3)")), "base.json", 0.0)
    write_store(path, read_source(written("updates.json", "[3.0.0]", severity=3)), "updates.json", 1.0, add=True)
    found = {version: told(tmp_path, "nuget", "acme.web", version) for version in ("1.0.1", "2.0.1", "3.0.0", "1.0.3")}
    assert [(one.id, one.aliases, one.severity, one.rated_by) for each in found.values() for one in each] == [
        ("GHSA-x", [], "high", "GHSA-x"),
        ("GHSA-x", [], "high", "GHSA-x"),
        ("GHSA-x", [], "critical", "GHSA-x"),
    ]


@pytest.mark.parametrize("text", ["```toml\n[advisory]\n```", "```toml\n= 1\n```", "nothing"])
def test_a_broken_file_of_rustsec_is_told(text: str) -> None:
    with pytest.raises(ExecutionFailedError, match=r"X\.md: it cannot be read"):
        read_rustsec(text, "X.md")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_anything_else_is_refused(content: object) -> None:
    for read in (read_rubysec, read_friends_of_php):
        with pytest.raises(OutriderError):
            read(content, "X")


@given(st.binary(max_size=100))
def test_any_bytes_as_a_file_of_nuget_are_read_or_refused(content: bytes) -> None:
    with suppress(OutriderError):
        assert list(read_nuget(content, "X")) == []
