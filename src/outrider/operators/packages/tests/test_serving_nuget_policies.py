"""What policy refuses of packages of NuGet, and what is told of vulnerabilities."""

import gzip
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.nuget.ranges import allows, read_range
from outrider.operators.packages.nuget.records import shown_version
from outrider.operators.packages.nuget.serving.vulnerabilities import vulnerable_packages
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.nuget_hub import Asked, asked
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock

DAY = 86_400.0
GPL = '<license type="expression">GPL-3.0-only</license>'


async def versions(it: Asked, name: str = "web") -> list[str]:
    """Return the versions in each document that has them, which are the same."""
    found = (await it.json(f"flat/{name}/index.json"))["versions"]
    assert [*await it.entries(name)] == found
    completed = await it.json(f"autocomplete?id={name}&prerelease=true&semVerLevel=2.0.0")
    assert completed["data"] == found
    return list(found)


async def refused(it: Asked, version: str, told: str, name: str = "web") -> None:
    for file in (f"{name}.{version}.nupkg", f"{name}.nuspec"):
        await it.refused(f"flat/{name}/{version}/{file}", 403, told)


async def test_what_is_too_young_is_shown_when_it_is_old_enough(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    policy = PackagePolicySpec(minimum_age=Duration(7 * DAY))
    async with asked(tmp_path, policy=policy, clock=clock) as it:
        it.feed.add("Web@1.1.0", published=timestamp(clock.now() - 2 * DAY))
        it.feed.add("Web@1.2.0", published="1900-01-01T00:00:00Z", listed=False)
        it.feed.add("Young@1.0.0", published=timestamp(clock.now() - 2 * DAY))
        assert await versions(it) == ["1.0.0"]
        await refused(it, "1.1.0", "is too young: minimumAge 7d of shop")
        # Nobody tells when that was.
        await refused(it, "1.2.0", "minimumAge 7d of shop")
        await it.refused("flat/young/index.json", 403, "every version is refused, among them 1.0.0, which is too young")
        await it.push(NugetFile())
        assert await versions(it, "acme.web") == ["1.0.0"]
        clock.advance(6 * DAY)
        assert await versions(it) == ["1.0.0", "1.1.0"]


async def test_what_is_vulnerable_is_in_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    web = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1")), name="Web", ecosystem="NuGet")
    own = affected(ecosystem_range(("introduced", "2.0")), name="Acme.Web", ecosystem="NuGet")
    await imported(tmp_path, record("X-1", web, severity=[HIGH]), record("X-2", own, severity=[HIGH]))
    async with asked(tmp_path, policy=PackagePolicySpec(advisories=AdvisoryRule(least="high"))) as it:
        it.feed.add("Web@1.1.0")
        assert await versions(it) == ["1.1.0"]
        await refused(it, "1.0.0", "is vulnerable (X-1)")
        for version in ("1.0.0", "2.0.0"):
            await it.push(NugetFile(version=version))
        assert await versions(it, "acme.web") == ["1.0.0"]
        await refused(it, "2.0.0", "is vulnerable (X-2)", "acme.web")


async def test_what_has_a_denied_licence_is_refused_whether_its_source_or_its_file_tells_it(tmp_path: Path) -> None:
    async with asked(tmp_path, policy=PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"]))) as it:
        it.feed.add("Web@2.0.0", licenseExpression="GPL-3.0-only OR GPL-2.0-only")
        it.feed.add("Web@3.0.0", licenseExpression="GPL-3.0-only OR MIT")
        it.serve("/flat/web/4.0.0/web.4.0.0.nupkg", NugetFile(name="Web", version="4.0.0", more=GPL).packed())
        it.serve("/flat/web/5.0.0/web.5.0.0.nupkg", b"no zip")
        for version in ("4.0.0", "5.0.0"):
            it.feed.add(f"Web@{version}")
        assert await versions(it) == ["1.0.0", "3.0.0", "4.0.0", "5.0.0"]
        await refused(it, "2.0.0", "is denied by licence")
        await refused(it, "4.0.0", "is denied by licence (GPL-3.0-only is denied)")
        await refused(it, "5.0.0", "policy asks for its licence, and that cannot be had")
        for version in ("1.0.0", "3.0.0"):
            assert (await it.get(f"flat/web/{version}/web.{version}.nupkg")).status == 200
        await it.push(NugetFile(version="1.0.0"))
        await it.push(NugetFile(version="2.0.0", more=GPL))
        assert await versions(it, "acme.web") == ["1.0.0"]
        await refused(it, "2.0.0", "is denied by licence", "acme.web")


async def test_where_a_licence_must_be_known_a_source_that_says_that_there_is_none_is_believed(tmp_path: Path) -> None:
    policy = PackagePolicySpec(licences=LicencePolicy(allow=["MIT"], unlisted="deny", unknown="deny"))
    async with asked(tmp_path, policy=policy) as it:
        it.feed.add("Web@2.0.0", licenseExpression="")
        it.feed.add("Web@3.0.0", licenseExpression="MIT")
        assert await versions(it) == ["1.0.0", "3.0.0"]
        await refused(it, "1.0.0", "licence")
        await it.push(NugetFile(version="1.0.0", more='<license type="expression">MIT</license>'))
        await it.push(NugetFile(version="2.0.0"))
        assert await versions(it, "acme.web") == ["1.0.0"]


async def test_vulnerabilities_are_told_to_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    async with asked(tmp_path) as it:
        # That nothing is imported does not read as nothing found.
        for file in ("index.json", "base.json"):
            assert (await it.get(f"vulnerabilities/{file}")).status >= 400
        await imported(tmp_path, record("P-1", affected(ecosystem_range(("introduced", "0")), name="web")))
        assert (await it.get("vulnerabilities/index.json")).status >= 400
        one = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1")), name="Web", ecosystem="NuGet")
        await imported(
            tmp_path,
            record("GHSA-1", one, severity=[HIGH], aliases=["CVE-2026-1"]),
            record("X-1", one, aliases=["CVE-2026-1"]),
        )
        [resource] = [
            one for one in (await it.json("index.json"))["resources"] if one["@type"] == "VulnerabilityInfo/6.7.0"
        ]
        [part] = await it.json(resource["@id"].removeprefix(f"{it.registry.url}/nuget/v3/"))
        assert sorted(part) == ["@id", "@name", "@updated"]
        assert part["@updated"].endswith("Z")
        answer = await it.get("vulnerabilities/base.json", accept_encoding="gzip")
        assert msgspec.json.decode(gzip.decompress(answer.content)) == {
            "web": [{"severity": 2, "url": "https://github.com/advisories/GHSA-1", "versions": "(, 1.1.0)"}]
        }
        tag = answer.headers.get("etag") or ""
        assert (await it.get("vulnerabilities/base.json", accept_encoding="gzip", if_none_match=tag)).status == 304
        two = affected(versions=["2.0"], name="Web", ecosystem="NuGet")
        await imported(tmp_path, record("X-2", two))
        assert await it.json("vulnerabilities/base.json") == {
            "web": [{"severity": 2, "url": "https://osv.dev/vulnerability/X-2", "versions": "[2.0.0]"}]
        }


@pytest.mark.parametrize(
    ("ranges", "listed", "expected"),
    [
        ([[("introduced", "1.0"), ("last_affected", "1.2-Beta.2")]], [], ["[1.0.0, 1.2.0-BETA.2]"]),
        ([[("introduced", "0"), ("fixed", "1.0"), ("introduced", "2.0.0.1"), ("fixed", "3.0--5")]], [], ["(, 1.0.0)", "[2.0.0.1, 3.0.0--5)"]),
        ([[("introduced", "0")]], ["1.0"], ["(, )"]), ([], ["1.0", "2.0-rc", "x"], ["[1.0.0]", "[2.0.0-rc]"]),
        ([[("introduced", "1.0"), ("fixed", "2.0")]], ["1.0.0", "1.5", "3.0"], ["[1.0.0, 2.0.0)", "[3.0.0]"]),
    ],
)  # fmt: skip
async def test_ranges_of_advisories_are_ranges_of_nuget(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ranges: list[list[tuple[str, str]]],
    listed: list[str],
    expected: list[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = affected(*(ecosystem_range(*events) for events in ranges), versions=listed, name="Web", ecosystem="NuGet")
    await imported(tmp_path, record("X-1", one))
    told = [entry["versions"] for entry in vulnerable_packages()["web"]]
    assert told == expected
    read = [read_range(text).allowed for text in told]
    assert all(span.spans for span in read)
    for version in ("0.1", "1.0", "1.2-beta.2", "1.2", "1.5", "2.0-rc", "2.0", "2.0.0.1", "3.0-rc", "3.0", "4.0"):
        key = scheme_of("nuget").parse(version).key
        assert any(allows(read_range(text), key) for text in told) == (bool(matching(version))), version


def matching(version: str) -> list[str]:
    """Return what else says that a version is vulnerable."""
    with closing(AdvisoryStore(store_path())) as store:
        matcher = Matcher(store)
        return [*matcher.matches("nuget", "web", version), *matcher.matches("nuget", "web", shown_version(version))]
