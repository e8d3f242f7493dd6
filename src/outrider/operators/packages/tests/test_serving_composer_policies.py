"""Policies before packages of Composer, and what it is told of vulnerabilities."""

import asyncio
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.operators.packages.advisories.affected_spans import affected_versions
from outrider.operators.packages.advisories.osv import Affected, Event
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.serving.advisories import constraint_of
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import PackageState
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.composer_archives import archive
from outrider.operators.packages.tests.composer_serving import Asked, asked
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.operators.packages.versions.ecosystems import scheme_of
from tests.peers.version_oracles import Question, oracle

OLD, YOUNG = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
WEB = "p2/old/old.json"


async def refused(it: Asked, url: str, why: str) -> None:
    answer = await it.get(url)
    assert (answer.status, why in answer.content.decode()) == (403, True), answer.content


async def locked_urls(folder: Path, *packages: str, **fields: Any) -> dict[str, str]:
    """Return the addresses of archives by version, as a lock from before a policy has them."""
    async with asked(folder) as it:
        for one in packages:
            it.upstream.put(one, **fields)
        urls = {one["version"]: one["dist"]["url"] for one in await it.versions(WEB)}
        return {version: url.partition("/composer/")[2] for version, url in urls.items()}


async def test_an_archive_of_no_document_is_judged_all_the_same(tmp_path: Path) -> None:
    urls = await locked_urls(tmp_path / "before", "old/old 1.0")
    policy = PackagePolicySpec(deny=["composer:old/old@<=1.0"])
    async with asked(tmp_path, policy=policy) as it:
        # To Composer the two are one version, of which it takes the first.
        for version in ("1.0.0", "1.0", "2.0"):
            it.upstream.put(f"old/old {version}")
        assert await it.names(WEB) == ["2.0"]
        await refused(it, urls["1.0"], "composer old/old 1.0 is denied")


async def test_what_is_too_young_is_in_no_document_and_its_archive_is_refused(tmp_path: Path) -> None:
    urls = await locked_urls(tmp_path / "before", "old/old 1.0", "old/old 2.0", "old/old 3.0")
    policy = PackagePolicySpec(minimum_age=Duration.parse("7d"))
    async with asked(tmp_path, policy=policy) as it:
        it.upstream.put("old/old 3.0")
        it.upstream.put("old/old 2.0", time=YOUNG)
        it.upstream.put("old/old 1.0", time=OLD)
        it.upstream.put("old/old dev-main", time=YOUNG)
        assert (await it.names(WEB), await it.names("p2/old/old~dev.json")) == (["1.0"], [])
        assert "warning" not in await it.json(WEB)
        await refused(it, urls["2.0"], "composer old/old 2.0 is too young: minimumAge 7d of shop")
        await refused(it, urls["3.0"], "composer old/old 3.0 has no time of publication, and may be too young")
        assert (await it.get(urls["1.0"])).content == archive("old/old 1.0")
        assert [one for one in it.upstream.paths() if one.startswith("/dist/")] == ["/dist/old-old-1.0.zip"]
        # What is published here is nobody's news.
        assert (await it.put(archive("acme/web 1.0"))).status == 201
        assert await it.names("p2/acme/web.json") == ["1.0"]


async def test_where_nothing_is_left_composer_is_told_why(tmp_path: Path) -> None:
    policy = PackagePolicySpec(deny=["composer:old/old@<2.0"])
    async with asked(tmp_path, policy=policy) as it:
        it.upstream.put("old/old 1.0")
        document = await it.json(WEB)
        assert document["packages"] == {"old/old": []}
        assert document["warning"].startswith("old/old: every version is refused, among them 1.0, which is denied")
        it.upstream.put("old/new 1.0")
        assert "warning" not in await it.json("p2/old/new.json")


async def test_licences_are_told_by_documents(tmp_path: Path) -> None:
    urls = await locked_urls(tmp_path / "before", "old/old 1.0", "old/old 2.0")
    policy = PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"], unknown="deny"))
    async with asked(tmp_path, policy=policy) as it:
        it.upstream.put("old/old 1.0", license=["GPL-3.0-only", "MIT"])
        it.upstream.put("old/old 2.0", license=["GPL-3.0-only"])
        it.upstream.put("old/old 3.0", license=[])
        assert await it.names(WEB) == ["1.0"]
        await refused(it, urls["2.0"], "composer old/old 2.0 is denied by licence (GPL-3.0-only is denied)")
        await it.put(archive("acme/web 1.0", license="GPL-3.0-or-later"))
        document = await it.json("p2/acme/web.json")
        assert (document["packages"], "is denied by licence" in document["warning"]) == ({"acme/web": []}, True)


async def test_vulnerable_versions_are_judged_by_the_advisories_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="Old/Old", ecosystem="Packagist")
    async with asked(tmp_path, policy=PackagePolicySpec(advisories=AdvisoryRule(least="high"))) as it:
        it.upstream.put("old/old 1.0")
        it.upstream.put("old/old 2.0")
        assert (await it.get(WEB)).status >= 400
        await imported(tmp_path, record("X-1", affected(name="a/b", ecosystem="Packagist"), severity=[HIGH]))
        await asyncio.to_thread(it.registry.application._gate.look)
        urls = {one["version"]: one["dist"]["url"] for one in await it.versions(WEB)}
        date = (await it.get(WEB)).headers.get("last-modified") or ""
        await imported(tmp_path, record("CVE-2026-1", bad, severity=[HIGH]))
        await asyncio.to_thread(it.registry.application._gate.look)
        changed = await it.get(WEB, if_modified_since=date)
        assert (changed.status, changed.headers.get("last-modified") != date) == (200, True)
        assert await it.names(WEB) == ["2.0"]
        await refused(it, urls["1.0"], "composer old/old 1.0 is vulnerable (CVE-2026-1)")


async def test_what_composer_audit_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = affected(ecosystem_range(("introduced", "1.0"), ("fixed", "1.2")), name="web/web", ecosystem="Packagist")
    again = affected(
        ecosystem_range(("introduced", "2.0"), ("last_affected", "2.1")),
        versions=["3.0", "1.1"],
        name="web/web",
        ecosystem="Packagist",
    )
    form = "packages%5B0%5D=web%2Fweb&packages%5B1%5D=core%2Fcore&packages%5B2%5D=..%2F..%2Fx&other=web%2Fweb"
    async with asked(tmp_path) as it:

        async def audit(body: str = form) -> tuple[int, Any]:
            answer = await it.client.request("POST", "/composer/security-advisories", body=body.encode())
            return answer.status, msgspec.json.decode(answer.content)

        # Where none are imported it does not say that nothing is wrong.
        status, said = await audit()
        assert (status >= 400, "no advisories are imported" in said["error"]) == (True, True)
        await imported(
            tmp_path, record("GHSA-1", first, aliases=["CVE-2026-1"], severity=[HIGH]), record("PKSA-1", again, aliases=["CVE-2026-1"]),
            record("GHSA-2", affected(ecosystem_range(("introduced", "0")), name="web/web", ecosystem="Packagist")),
        )  # fmt: skip
        status, said = await audit()
        assert (status, sorted(said["advisories"]), said["advisories"]["core/core"]) == (
            200,
            ["core/core", "web/web"],
            [],
        )
        one, two = said["advisories"]["web/web"]
        assert one == {
            "advisoryId": "CVE-2026-1", "packageName": "web/web", "title": "GHSA-1 is bad", "link": "https://osv.dev/vulnerability/CVE-2026-1",
            "cve": "CVE-2026-1", "severity": "high", "reportedAt": "2026-10-01T00:00:00Z",
            "affectedVersions": ">=1.0.0.0-stable,<1.2.0.0-stable || >=2.0.0.0-stable,<=2.1.0.0-stable || 3.0.0.0",
            "sources": [{"name": "OSV", "remoteId": name} for name in ("CVE-2026-1", "GHSA-1", "PKSA-1")],
        }  # fmt: skip
        assert (two["advisoryId"], two["cve"], two["severity"], two["affectedVersions"]) == ("GHSA-2", None, None, "*")
        assert (await audit("x" * (2 << 20)))[0] == 400
        assert await audit("") == (200, {"advisories": {}})
        it.registry.close_to_nobody()
        assert (await audit())[0] == 401


NUMBERS = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(lambda one: f"{one[0]}.{one[1]}")
VERSION = st.tuples(NUMBERS, st.sampled_from(["", "", "-alpha1", "-RC2", "-dev", ".x-dev", "-patch1"])).map("".join)
EVENT = st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), VERSION | st.just("0"))
RANGE = st.lists(EVENT, max_size=4).map(lambda events: tuple(Event(*one) for one in events))
WITHIN = st.sampled_from([">=1.0,<1.2", "<2", "^1.1", "~1.0 || 2.*", "no range"])
SAID = st.builds(
    lambda ranges, versions, within: Affected(
        ecosystem="composer", name="a/b", ranges=tuple(ranges), versions=tuple(versions), within=tuple(within)
    ),
    st.lists(RANGE, max_size=2), st.lists(VERSION, max_size=2), st.lists(WITHIN, max_size=1),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=2), st.lists(VERSION, min_size=1, max_size=5))
def test_a_constraint_is_met_by_what_is_affected_and_by_nothing_else(said: list[Affected], versions: list[str]) -> None:
    scheme, constraint = scheme_of("composer"), constraint_of(said)
    ours = affected_versions(scheme, said)
    # What is listed as 1.0 is so as 1.0.0 too.
    listed = {scheme.parse(one).key for one in ours.listed}
    for version in versions:
        read = scheme.parse(version)
        met = bool(constraint) and Constraints().read(constraint).allows(read.key)
        assert met == (ours.holds(version, read) or read.key in listed), (constraint, version)


async def test_a_store_that_knows_no_dates_yet_is_taken_over(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        await it.names()
    with sqlite3.connect(tmp_path / "registry" / "registry.db") as database:
        database.execute("ALTER TABLE document DROP COLUMN made")
        database.execute("DROP TABLE withdrawn")
        database.execute("PRAGMA user_version = 1")
    for _ in range(2):
        store = Store(tmp_path / "registry")
        document = store.tables.document("composer", "web/web", "releases")
        assert document is not None
        assert document.made == 0.0
        state = store.tables.state("composer", "web/web")
        assert isinstance(state, PackageState)
        await store.close()


@pytest.mark.real
def test_composer_reads_our_constraints_as_we_do() -> None:
    scheme, random = scheme_of("composer"), Random(7)
    versions = [
        f"{one}.{two}{word}"
        for one in range(3)
        for two in range(3)
        for word in ("", "-alpha1", "-RC2", "-dev", ".x-dev", "-patch1")
    ]
    questions: list[Question] = []
    expected: list[str] = []
    while len(questions) < 3_000:
        low, high, listed = random.sample(versions, 3)
        ends = Event(random.choice(["fixed", "last_affected"]), high)
        said = [
            Affected(ecosystem="composer", name="a/b", ranges=((Event("introduced", low), ends),), versions=(listed,))
        ]
        affected_ones = affected_versions(scheme, said)
        for version in random.sample(versions, 5):
            questions.append(Question("range", constraint_of(said), version))
            read = scheme.parse(version)
            met = affected_ones.holds(version, read) or read.key == scheme.parse(listed).key
            expected.append("y" if met else "n")
    assert oracle("composer").answers(questions) == "".join(expected)
