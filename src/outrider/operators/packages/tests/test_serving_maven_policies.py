"""Policies before artifacts: what is refused is not listed, and its files are refused with the reason, whatever is asked for."""

import asyncio
from pathlib import Path

import pytest

from outrider.core.http.messages import Response
from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec, Waiver
from outrider.core.quantities import Duration
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.maven_poms import element, fields, pom
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.operators.packages.tests.test_serving_maven import JAR, SNAPSHOT, Asked, serving, snapshot
from outrider.operators.packages.tests.test_serving_maven_publishing import FOLDER, deploying


async def refused(asked: Asked, path: str, why: str) -> None:
    for one in (path, f"{path}.sha1"):
        answer = await asked.get(one)
        assert (answer.status, why in answer.content.decode()) == (403, True), answer.content


async def test_what_is_denied_is_not_listed_and_not_served(tmp_path: Path) -> None:
    policy = PackagePolicySpec(deny=["maven:g:web@[1.1,)", "maven:g:other", "maven:g:hidden@[1.0]"])
    async with serving(tmp_path, policy=policy) as asked:
        for name in ("other", "hidden"):
            asked.upstream.add(f"{name}:1.0")
        del asked.upstream.versions["g:hidden"]
        answer = await asked.get("g/web/maven-metadata.xml")
        assert answer.content.count(b"1.1") == 0
        assert b"<latest>1.0</latest>" in answer.content
        await refused(asked, "g/web/1.1/web-1.1.jar", "maven g:web 1.1 is denied: deny maven:g:web@[1.1,) of shop")
        assert (await asked.get(JAR)).status == 200
        answer = await asked.get("g/other/maven-metadata.xml")
        assert (answer.status, b"every version is refused, among them 1.0" in answer.content) == (403, True)
        # That nobody lists it does not help it.
        await refused(asked, "g/hidden/1.0/hidden-1.0.pom", "maven g:hidden 1.0 is denied")
        assert not [name for name in asked.upstream.names() if name.endswith(".jar") and "1.1" in name]


async def test_only_what_is_allowed(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=PackagePolicySpec(allow=["maven:g:web@[1.0]"])) as asked:
        asked.upstream.versions["g:web"].append("2.0-SNAPSHOT")
        asked.upstream.files[f"{SNAPSHOT}/maven-metadata.xml"] = snapshot(("20260101.010101", 1))
        assert await asked.versions() == ["1.0"]
        await refused(asked, f"{SNAPSHOT}/web-2.0-20260101.010101-1.jar", "maven g:web 2.0-SNAPSHOT is not among those")
        await refused(asked, f"{SNAPSHOT}/maven-metadata.xml", "maven g:web 2.0-SNAPSHOT is not among those")


async def test_no_repository_tells_times_so_that_all_are_too_young(tmp_path: Path) -> None:
    waiver = Waiver(package="maven:g:web@[1.1]", rules=["minimumAge"], until="2999-01-01", reason="known")
    policy = PackagePolicySpec(minimum_age=Duration.parse("7d"), waivers=[waiver])
    async with serving(tmp_path, policy=policy) as asked:
        assert await asked.versions() == ["1.1"]
        await refused(asked, JAR, "maven g:web 1.0 has no time of publication, and may be too young: minimumAge 7d")
    async with deploying(tmp_path / "own", policy=policy) as to:
        # What is published here is nobody's news.
        await to.version("1.0")
        assert (await to.versioning()).versions == ["1.0"]


async def test_vulnerable_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1")), name="g:web", ecosystem="Maven")
    async with serving(tmp_path, policy=PackagePolicySpec(advisories=AdvisoryRule(least="high"))) as asked:
        assert (await asked.get(JAR)).status >= 400
        await imported(tmp_path, record("GHSA-1", bad, severity=[HIGH]))
        asked.registry.application._gate.look()
        assert await asked.versions() == ["1.1"]
        await refused(asked, JAR, "maven g:web 1.0 is vulnerable (GHSA-1): advisories of least high of shop")


# What has no licence is refused too.
LICENCES = PackagePolicySpec(
    deny=["maven:*@[0.1]"], licences=LicencePolicy(allow=["MIT"], deny=["GPL-*"], unlisted="deny", unknown="deny")
)
GPL, NONE = (
    "is denied by licence (GPL-3.0-only is denied): licences of shop",
    "is denied by licence (no licence is told)",
)


def under(*names: str) -> str:
    """Return what a POM has of licences."""
    return element("licenses", *(element("license", fields(name=name)) for name in names))


async def test_licences_stand_in_poms_and_those_of_their_parents(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=LICENCES) as asked:
        upstream = asked.upstream
        upstream.add("above:1", content=under("GPL-3.0-only"), packaging="pom")
        upstream.add("core:0.1", content=under("MIT"))
        upstream.add("core:1.0", content=under("MIT"))
        upstream.add("core:1.1", parent="g:above:1")
        upstream.add("core:1.2", parent="g:nowhere:1")
        upstream.add("core:1.3", content=under("Apache-2.0", "GPL-3.0-only"))
        for version in ("1.0", "1.1"):
            upstream.files[f"g/core/{version}/core-{version}.jar"] = version
        assert (await asked.get("g/core/1.0/core-1.0.jar")).content == b"1.0"
        # One is asked for: of the others nothing is read.
        assert [one for one in upstream.names() if one.endswith(".pom")] == ["core-1.0.pom"]
        await refused(asked, "g/core/1.1/core-1.1.jar", f"maven g:core 1.1 {GPL}")
        await refused(asked, "g/core/1.1/core-1.1.pom", f"maven g:core 1.1 {GPL}")
        await refused(asked, "g/core/1.2/core-1.2.pom", f"maven g:core 1.2 {NONE}")
        await refused(asked, "g/core/0.1/core-0.1.pom", "maven g:core 0.1 is denied: deny maven:*@[0.1] of shop")
        assert await asked.versions("g/core") == ["1.0"]
        await refused(asked, "g/core/1.3/core-1.3.pom", "maven g:core 1.3 is denied by licence")
        assert (upstream.names().count("core-1.1.pom"), upstream.names().count("core-0.1.pom")) == (1, 0)
        # What was read to be judged is kept.
        assert (await asked.get("g/core/1.0/core-1.0.pom")).status == 200
        assert upstream.names().count("core-1.0.pom") == 1


async def test_versions_are_listed_once_their_licences_are_known(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=LICENCES) as asked:
        upstream = asked.upstream
        for number in range(30):
            upstream.add(f"core:1.{number}", content=under("GPL-3.0-only" if number % 2 else "MIT"))
        answers = await asyncio.gather(*(asked.get("g/core/maven-metadata.xml") for _ in range(10)))
        assert {one.content.count(b"<version>") for one in answers} == {15}
        assert len([one for one in upstream.names() if one.endswith(".pom")]) == 30
        upstream.answers["g/other/1.0/other-1.0.pom"] = lambda _: Response(503)
        upstream.versions["g:other"] = ["1.0"]
        # What was not judged is not served, and not taken for refused either.
        for path in ("g/other/maven-metadata.xml", "g/other/1.0/other-1.0.jar"):
            assert (await asked.get(path)).status == 503
        del upstream.answers["g/other/1.0/other-1.0.pom"]
        upstream.add("other:1.0", content=under("MIT"))
        upstream.versions["g:other"] = ["1.0"]
        assert await asked.versions("g/other") == ["1.0"]


async def test_licences_of_snapshots(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=LICENCES) as asked:
        upstream = asked.upstream
        upstream.versions["g:web"].append("2.0-SNAPSHOT")
        upstream.files[f"{SNAPSHOT}/maven-metadata.xml"] = snapshot(("20260101.010101", 1))
        stem = f"{SNAPSHOT}/web-2.0-20260101.010101-1"
        upstream.files[f"{stem}.pom"] = pom("g:web:2.0-SNAPSHOT", under("MIT"))
        upstream.files[f"{stem}.jar"] = "jar"
        assert (await asked.get(f"{stem}.jar")).content == b"jar"
        assert (await asked.get(f"{SNAPSHOT}/maven-metadata.xml")).status == 200


async def test_licences_of_what_is_deployed(tmp_path: Path) -> None:
    async with deploying(tmp_path, policy=LICENCES) as to:
        await to.version("1.0", under("MIT"))
        await to.version("1.1", under("GPL-3.0-only"))
        assert (await to.versioning()).versions == ["1.0"]
        assert (await to.get(f"{FOLDER}/1.1/web-1.1.jar")).status == 403


async def test_where_nobody_is_asked_what_was_not_read_stays_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=LICENCES) as asked:
        asked.upstream.add("core:1.0", content=under("MIT"))
        asked.upstream.add("core:1.1", content=under("MIT"))
        assert (await asked.get("g/core/1.0/core-1.0.pom")).status == 200
    async with serving(tmp_path, policy=LICENCES, cache_only=True) as asked:
        assert (await asked.get("g/core/1.0/core-1.0.pom")).status == 200
        assert await asked.versions("g/core") == ["1.0"]
        await refused(asked, "g/core/1.1/core-1.1.pom", "maven g:core 1.1 has a licence that was not read yet")


async def test_who_may_not_read_asks_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path, anonymous="none") as asked:
        for path in (JAR, f"{JAR}.sha1", "g/web/maven-metadata.xml", f"{SNAPSHOT}/maven-metadata.xml"):
            answer = await asked.get(path)
            assert (answer.status, answer.headers.get("www-authenticate")) == (401, 'Basic realm="packages"')
        assert asked.upstream.requests == []
        token = await asked.registry.token("read", patterns=["maven:g:web"])
        assert (await asked.get(JAR, authorization=f"Bearer {token}")).status == 200
        assert (await asked.get("g/core/1/core-1.pom", authorization=f"Bearer {token}")).status == 403
        store = Store(tmp_path / "registry")
        assert store.tables.names("maven") == ["g:web"]
        await store.close()
