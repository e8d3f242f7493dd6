import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import DeniedError, InvalidConfigError, MissingRequirementError, PreconditionFailedError
from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec, Waiver
from outrider.core.quantities import Duration
from outrider.operators.packages.operations import allowed, check
from outrider.operators.packages.operations.allowed import AllowedParams, AllowedResult
from outrider.operators.packages.operations.check import CheckParams
from outrider.operators.packages.policies.opening import opened_policy, read_all_policies, read_policies
from outrider.operators.packages.policies.places import policy_paths
from outrider.operators.packages.policies.policy import ObjectPolicy
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.policies import Policy, refused
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.world import settings, variables
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.ports.clock import SystemClock

NOW = SystemClock().now()
DAY = 86_400.0
OLD, YOUNG = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def policy(ecosystem: str = "pypi", **fields: Any) -> Policy:
    return ObjectPolicy(ecosystem, "file, shop", PackagePolicySpec(**fields), None, NOW)


def admitted(one: Policy, *versions: str, name: str = "web", published: tuple[float, ...] = ()) -> list[str]:
    table = VersionTable(scheme_of("pypi"), versions)
    return table.named(table.everything & ~refused(one.refusals(name, table, published)))


def written(folder: Path, spec: str, name: str = "packages-policy.yaml") -> Path:
    path = folder / name
    path.write_text(f"apiVersion: outrider.dev/v1alpha1\nkind: PackagePolicy\nmetadata: {{name: shop}}\nspec: {spec}\n")
    return path


def waiver(package: str, *rules: str, until: str = "2999-01-01", **more: Any) -> Waiver:
    return Waiver(package=package, rules=list(rules), until=until, reason="none better", **more)  # type: ignore[arg-type]


def test_lists_of_packages() -> None:
    assert admitted(policy(), "1.0", "2.0") == ["1.0", "2.0"]
    assert admitted(policy(deny=["pypi:Web@<2"]), "1.0", "2.0") == ["2.0"]
    assert admitted(policy(deny=["pypi:w*", "npm:other"]), "1.0") == []
    assert admitted(policy(deny=["npm:web"]), "1.0") == ["1.0"]
    assert admitted(policy(allow=["pypi:core", "pypi:web@>=2"]), "1.0", "2.0") == ["2.0"]


@pytest.mark.parametrize(
    ("ecosystem", "pattern", "name", "is_denied"),
    [
        ("cargo", "acme-*", "acme_core", True),
        ("cargo", "acme_core", "Acme-Core", True),
        ("cargo", "acme_core", "acme_core https://crates.test", True),
        ("pypi", "Acme_*", "acme-core", True),
        ("nuget", "acme.*", "Acme.Core", True),
        ("composer", "Acme/*", "acme/core", True),
        ("npm", "acme-core", "acme_core", False),
        ("gem", "acme-core", "acme_core", False),
    ],
)
def test_names_that_an_ecosystem_holds_for_one(ecosystem: str, pattern: str, name: str, is_denied: bool) -> None:
    table = VersionTable(scheme_of(ecosystem), ["1.0.0"])
    assert bool(policy(ecosystem, deny=[f"{ecosystem}:{pattern}"]).refusals(name, table, ())) is is_denied


def test_of_an_ecosystem_that_no_list_names_everything_is_allowed() -> None:
    assert admitted(policy(allow=["npm:@acme/*"]), "1.0") == ["1.0"]


def test_young_versions_and_those_of_unknown_age_are_refused() -> None:
    week = policy(minimum_age=Duration.parse("7d"))
    times = (NOW - 30 * DAY, NOW - 6 * DAY, NOW + DAY, 0.0)
    assert admitted(week, "1.0", "2.0", "3.0", "4.0", published=times) == ["1.0"]
    assert admitted(week, "1.0") == []
    whys = [one.why for one in week.refusals("web", VersionTable(scheme_of("pypi"), ["1.0", "2.0"]), [NOW, 0.0])]
    assert whys == [
        "are too young: minimumAge 7d of file, shop",
        "have no time of publication, and may be too young: minimumAge 7d of file, shop",
    ]


def test_a_waiver_holds_until_its_day_ends() -> None:
    def of(until: str) -> Policy:
        return policy(
            deny=["pypi:web"],
            minimum_age=Duration.parse("7d"),
            waivers=[waiver("pypi:web@<2", "deny", "minimumAge", until=until)],
        )

    assert admitted(of("2999-01-01"), "1.0", "2.0") == ["1.0"]
    assert admitted(of("2020-01-01"), "1.0", "2.0") == []


@pytest.mark.parametrize("until", ["2026-99-99", "2027-02-31", "31.12.2026", "20270131", ""])
def test_a_waiver_ends_on_a_day(until: str) -> None:
    with pytest.raises(InvalidConfigError, match="is no day") as caught:
        policy(waivers=[waiver("pypi:web", "deny", until=until)])
    assert caught.value.path == "spec.waivers[0].until"


@pytest.mark.parametrize(
    ("field", "text"),
    [("deny", "web"), ("deny", "pip:web"), ("allow", "pypi:"), ("deny", "pypi:web@"), ("deny", "pypi:web@=>1")],
)
def test_what_names_no_package_is_refused(field: str, text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        policy("pypi", **{field: ["npm:fine", text]})
    assert caught.value.path == f"spec.{field}[1]"


async def test_advisories_rule_versions_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bad = affected(ecosystem_range(("introduced", "1.0"), ("fixed", "2.0")))
    worse = affected(ecosystem_range(("introduced", "3.0")))
    path = written(
        tmp_path,
        "{advisories: {least: high}, waivers: [{package: 'pypi:web@1.5', rules: [advisories], vulnerabilities: [X-1], until: 2999-01-01, reason: no}]}",
    )
    with pytest.raises(MissingRequirementError), opened_policy("pypi", [path], NOW):
        raise AssertionError("nothing is imported")
    await imported(tmp_path, record("X-1", bad, severity=[HIGH]), record("X-2", worse))
    now = SystemClock().now()
    with opened_policy("pypi", [path], now) as one:
        # What nobody has rated counts too: unknown is not none.
        assert admitted(one, "0.9", "1.0", "1.5", "2.0", "3.1") == ["0.9", "1.5", "2.0"]
        (refusal,) = one.refusals("web", VersionTable(scheme_of("pypi"), ["1.0"]), ())
        assert refusal.why == "are vulnerable (X-1): advisories of least high of packages-policy.yaml, shop"
    with opened_policy("pypi", [written(tmp_path, "{advisories: {least: critical}}")], now) as one:
        assert admitted(one, "1.0", "3.1") == ["1.0"]
    with pytest.raises(PreconditionFailedError), opened_policy("npm", [path], now):
        raise AssertionError("there are none of npm")
    with pytest.raises(PreconditionFailedError), opened_policy("pypi", [path], now + 8 * DAY):
        raise AssertionError("they are too old")


def test_policies_of_the_user_of_the_project_and_of_the_call_all_count(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "src"
    (tmp_path / "home" / ".config" / "outrider").mkdir(parents=True)
    inner.mkdir(parents=True)
    own = written(tmp_path / "home" / ".config" / "outrider", "{deny: ['pypi:web@1']}")
    near = written(tmp_path / "project", "{deny: ['pypi:web@2']}")
    named = written(inner, "{deny: ['pypi:web@3']}", "mine.yaml")
    paths = policy_paths({"HOME": str(tmp_path / "home")}, inner, "mine.yaml")
    assert paths == [own, near, named]


def test_policies_of_one_name_all_count(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    paths = [written(tmp_path / "home", "{deny: ['pypi:web@1']}"), written(tmp_path, "{deny: ['pypi:web@2']}")]
    assert [*read_all_policies(paths)] == ["packages-policy.yaml, shop", f"{tmp_path}/packages-policy.yaml, shop"]
    with opened_policy("pypi", paths, NOW) as both:
        assert admitted(both, "1", "2", "3") == ["3"]
    paths[0].write_text(f"{paths[0].read_text()}---\n{paths[1].read_text()}")
    with pytest.raises(InvalidConfigError, match="PackagePolicy/shop is declared twice"):
        read_policies(paths[0])


def test_what_is_no_policy_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "{deny: ['pypi:web'], denied: [1]}")
    with pytest.raises(InvalidConfigError, match="denied"):
        read_policies(path)
    path.write_text(
        "apiVersion: outrider.dev/v1alpha1\nkind: Output\nmetadata: {name: x}\nspec: {plugin: file, config: {path: x}}\n"
    )
    with pytest.raises(InvalidConfigError, match="no policy for packages"):
        read_policies(path)


@pytest.mark.parametrize("text", ["", "\n", "# deny all\n", "---\n"])
def test_a_file_without_a_policy_admits_nothing(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "{}")
    path.write_text(text)
    with pytest.raises(InvalidConfigError, match="there is no policy in it"):
        read_policies(path)


async def test_python_versions_that_are_refused_are_not_chosen(ask: Asking, index: PythonIndex) -> None:
    index.add("web", "1.0", "core", uploaded=OLD)
    index.add("web", "2.0", "core", uploaded=YOUNG)
    index.add("core", "1.0", uploaded=OLD)
    index.add("core", "1.1", uploaded=OLD)
    young = policy(minimum_age=Duration.parse("7d"), deny=["pypi:core@1.1"])
    assert _chosen(await ask.resolved("web", policy=young)) == {"web": "1.0", "core": "1.0"}
    answer = await ask.impossible("web>=2", policy=young)
    assert "you ask for web>=2, of which there is no version that fits and may be used" in " ".join(answer.reasons)
    assert answer.notes == ["web: 1 version is too young: minimumAge 7d of file, shop"]
    needed = await ask.impossible("web", policy=policy(deny=["pypi:core"]))
    assert needed.notes == ["core: 2 versions are denied: deny pypi:core of file, shop"]
    assert "core, of which there is no version that fits and may be used" in " ".join(needed.reasons)


def licences(ecosystem: str = "pypi", waivers: tuple[Waiver, ...] = (), **fields: Any) -> Policy:
    return policy(ecosystem, licences=LicencePolicy(deny=["GPL-*"], **fields), waivers=[*waivers])


def denied(what: str = "GPL-3.0-only is denied") -> str:
    return f"denied by licence ({what}): licences of file, shop"


async def test_python_versions_are_chosen_by_the_licence_of_their_wheels(ask: Asking, index: PythonIndex) -> None:
    index.add("web", "1.0", "core", licence="MIT")
    index.add("web", "2.0", "core", licence="GPL-3.0-only")
    index.add("core", "1.0", classifiers=["License :: OSI Approved :: MIT License"])
    index.add("core", "1.1", classifiers=["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"])
    index.add("core", "1.2")
    assert _chosen(await ask.resolved("web", policy=licences())) == {"web": "1.0", "core": "1.2"}
    told = licences(unknown="deny")
    assert _chosen(await ask.resolved("web", policy=told)) == {"web": "1.0", "core": "1.0"}
    assert _chosen(await ask.resolved("web", policy=told, offline=True)) == {"web": "1.0", "core": "1.0"}
    answer = await ask.impossible("web>=2", policy=told)
    assert f"web: 1 version is {denied()}" in answer.notes
    spared = licences(unknown="deny", waivers=(waiver("pypi:web@2.0", "licences"), waiver("pypi:core", "deny")))
    assert _chosen(await ask.resolved("web", policy=spared)) == {"web": "2.0", "core": "1.0"}


async def test_npm_chooses_by_the_licences_of_the_long_document(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        registry.add("web@1.0.0", "core@^1", license="MIT")
        registry.add("web@2.0.0", "core@^1", license="GPL-3.0")
        registry.add("core@1.0.0", licenses=[{"type": "MIT"}, {"type": "GPL-2.0"}])
        registry.add("core@1.1.0", license="SEE LICENSE IN EULA")
        ask = NpmAsking(tmp_path, registry.url)
        assert _chosen(await ask.resolved("web")) == {"web": "2.0.0", "core": "1.1.0"}
        careful = licences("npm", unknown="deny")
        assert _chosen(await ask.resolved("web", policy=careful)) == {"web": "1.0.0", "core": "1.0.0"}
        assert _chosen(await ask.resolved("web", policy=licences("npm")))["core"] == "1.1.0"
        with pytest.raises(DeniedError) as caught:
            await ask.answer("web@2", policy=careful)
        assert caught.value.found == f"1 version is {denied()}"


async def test_of_crates_no_index_tells_the_licence(tmp_path: Path) -> None:
    async with CargoRegistry() as registry:
        registry.add("web@1.0.0", "core@1")
        registry.add("core@1.0.0")
        ask = CargoAsking(tmp_path, registry.url)
        assert len(_chosen(await ask.resolved("web", policy=licences("cargo")))) == 2
        strict = licences("cargo", waivers=(waiver("cargo:web", "licences"),), unknown="deny")
        answer = await ask.impossible("web", policy=strict)
        assert answer.notes == [f"core: 1 version is {denied('no licence is told')}"]


async def test_an_index_that_tells_no_times_has_nothing_that_is_old(tmp_path: Path) -> None:
    async with PythonIndex(json=False) as index:
        index.add("web", "1.0")
        ask = Asking(tmp_path, index.url)
        answer = await ask.impossible("web", policy=policy(minimum_age=Duration.parse("1s")))
    assert "no time of publication" in answer.notes[0]


async def test_crates_that_are_refused_are_not_chosen(tmp_path: Path) -> None:
    async with CargoRegistry() as registry:
        registry.add("web@1.0.0", pubtime=OLD)
        registry.add("web@1.1.0", pubtime=YOUNG)
        registry.add("web@1.2.0")
        ask = CargoAsking(tmp_path, registry.url)
        young = policy("cargo", minimum_age=Duration.parse("7d"))
        assert _chosen(await ask.resolved("web", policy=young)) == {"web": "1.0.0"}
        assert len((await ask.impossible("web@1.1", policy=young)).notes) == 2
        facts = await ask.facts("web")
        assert (facts.latest, facts.published) == ("1.2.0", {"1.1.0": YOUNG, "1.0.0": OLD})


async def test_npm_takes_what_is_left_below_a_tag(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        for version, time in (("1.0.0", OLD), ("1.1.0", OLD), ("2.0.0", YOUNG)):
            registry.add(f"web@{version}", "core@^1", license="MIT")
            registry.documents["web"].setdefault("time", {})[version] = time
        registry.add("core@1.0.0", license={"type": "GPL-3.0"})
        registry.documents["core"]["time"] = {"1.0.0": OLD}
        ask = NpmAsking(tmp_path, registry.url)
        assert _chosen(await ask.resolved("web")) == {"web": "2.0.0", "core": "1.0.0"}
        young = policy("npm", minimum_age=Duration.parse("7d"))
        assert _chosen(await ask.resolved("web", policy=young)) == {"web": "1.1.0", "core": "1.0.0"}
        assert _chosen(await ask.resolved("web", policy=young, offline=True))["web"] == "1.1.0"
        with pytest.raises(DeniedError, match=r"npm web@\^2: policy admits none: 1 version is too young"):
            await ask.answer("web@^2", policy=young)
        with pytest.raises(
            DeniedError, match=r"npm core@\^1, which web needs: policy admits none: 1 version is denied"
        ):
            await ask.answer("web", policy=policy("npm", deny=["npm:core"]))
        facts = await ask.facts("web", "1.0.0", policy=young)
        assert (facts.licence, facts.published["2.0.0"]) == ("MIT", YOUNG)


async def test_what_npm_may_leave_out_is_left_out_where_policy_refuses_it(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        registry.add("web@1.0.0", "?core@^1")
        registry.add("core@1.0.0")
        ask = NpmAsking(tmp_path, registry.url)
        assert _chosen(await ask.resolved("web", policy=policy("npm", deny=["npm:core"]))) == {"web": "1.0.0"}


@contextmanager
def project(index: PythonIndex, folder: Path) -> Iterator[Path]:
    (folder / "home").mkdir()
    (folder / "project").mkdir()
    before = Path.cwd()
    with variables(settings(index.url, folder)):
        os.chdir(folder / "project")
        try:
            yield folder / "project"
        finally:
            os.chdir(before)


async def test_an_agent_asks_before_it_installs(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1.0", uploaded=OLD)
    index.add("web", "1.1", uploaded=OLD, yanked="")
    index.add("web", "2.0", uploaded=YOUNG)
    with project(index, tmp_path) as folder:
        assert allowed.OPERATION.text is not None
        free = await _allowed(tmp_path, "web")
        assert list(allowed.OPERATION.text(free)) == ["web 2.0 is allowed: there is no policy"]
        written(folder, "{minimumAge: 7d}")
        found = await _allowed(tmp_path, "Web")
        assert (found.allowed, found.version, [one.versions for one in found.refused]) == (True, "1.0", [1])
        assert (await _allowed(tmp_path, "web", "1.1")).allowed
        assert (await _allowed(tmp_path, "web", "v1.1.0")).version == "1.1"
        young = await _allowed(tmp_path, "web", "2.0")
        assert (young.allowed, young.version, young.refused[0].newest) == (False, "", "2.0")
        assert [Path(one).name for one in young.policies] == ["packages-policy.yaml"]
        assert list(allowed.OPERATION.text(young)) == [
            "web is not allowed",
            "  1 version is too young: minimumAge 7d of packages-policy.yaml, shop; the newest is 2.0",
        ]
        assert allowed.OPERATION.findings is not None
        assert allowed.OPERATION.findings(young)


async def test_an_agent_is_told_of_the_newest_version_with_a_licence(index: PythonIndex, tmp_path: Path) -> None:
    for version, licence in (("1.0", "MIT"), ("2.0", "GPL-3.0-only"), ("2.1", "GPL-3.0-only")):
        index.add("web", version, licence=licence)
    with project(index, tmp_path) as folder:
        assert (await _allowed(tmp_path, "web")).version == "2.1"
        written(folder, "{licences: {deny: ['GPL-*']}}")
        found = await _allowed(tmp_path, "web")
        assert (found.allowed, found.version, found.licence) == (True, "1.0", "MIT")
        assert [(one.versions, one.newest) for one in found.refused] == [(2, "2.1")]
        named = await _allowed(tmp_path, "web", "2.0")
        assert (named.allowed, named.version, named.licence) == (False, "", "GPL-3.0-only")
        assert named.refused[0].why.endswith(": licences of packages-policy.yaml, shop")
        written(folder, "{licences: {allow: [Zlib], unlisted: deny}}")
        nothing = await _allowed(tmp_path, "web")
        assert (nothing.allowed, sum(one.versions for one in nothing.refused)) == (False, 3)


async def test_licences_in_locks_are_judged(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1.0", licence="GPL-3.0-only")
    index.add("core", "1.0", licence="MIT")
    index.add("gone", "1.0")
    with project(index, tmp_path) as folder:
        (folder / "requirements.txt").write_text("web==1.0\ncore==1.0\ngone==1.0\n")
        packages = [{"name": "acme/web", "version": "1.0", "license": ["GPL-2.0-only"]}]
        repositories = [{"packagist.org": False}, {"type": "package", "package": packages}]
        (folder / "composer.json").write_text(json.dumps({"repositories": repositories}))
        (folder / "composer.lock").write_text(json.dumps({"packages": packages}))
        written(folder, "{licences: {deny: ['GPL-*'], unknown: deny}}")
        found = await check.run(CheckParams(ask=True), context(tmp_path))
        of = "licences of packages-policy.yaml, shop"
        assert {one.name: one.whys for one in found.refused} == {
            "acme/web": [f"is denied by licence (GPL-2.0-only is denied): {of}"],
            "gone": [f"is denied by licence (no licence is told): {of}"],
            "web": [f"is denied by licence (GPL-3.0-only is denied): {of}"],
        }
        written(folder, "{deny: ['npm:web']}")
        assert (await check.run(CheckParams(ask=True), context(tmp_path))).refused == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("spec", "knows"), [("", False), ("{deny: ['pypi:other']}", False), ("{licences: {deny: ['GPL-*']}}", True)]
)
def test_the_list_of_licences_is_read_where_a_policy_asks_for_it(tmp_path: Path, spec: str, knows: bool) -> None:
    if spec:
        written(tmp_path, spec)
    command = ["-X", "importtime", "-m", "outrider", "pip", "resolve", "web"]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
        env={**os.environ, **settings("http://127.0.0.1:9/simple", tmp_path)},
    )  # fmt: skip
    assert "CONNECTION_FAILED" in done.stderr
    assert bool(re.search(r"\|\s+license_expression$", done.stderr, re.MULTILINE)) is knows


async def test_a_file_of_which_nothing_can_be_judged_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "pom.xml"
    path.write_text("<project><parent><artifactId>boot</artifactId></parent><artifactId>shop</artifactId></project>")
    found = await check.run(CheckParams(path=str(path)), context(tmp_path))
    assert check.OPERATION.text is not None
    assert list(check.OPERATION.text(found))[-1] == f"not all of {path} could be judged"
    assert check.OPERATION.findings(found)
    path.write_text("<project><artifactId>shop</artifactId></project>")
    assert not check.OPERATION.findings(await check.run(CheckParams(path=str(path)), context(tmp_path)))


async def test_a_file_of_which_packages_are_missing_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "package-lock.json"
    path.write_text(
        '{"lockfileVersion": 3, "packages": {"": {"dependencies": {"b": "1"}}, "node_modules/a": {"version": "1.0.0"}}}'
    )
    found = await check.run(CheckParams(path=str(path)), context(tmp_path))
    assert (found.packages, found.unknown) == (1, [str(path)])
    assert check.OPERATION.findings(found)


async def test_locks_are_judged(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1.0", uploaded=OLD)
    index.add("core", "1.0", uploaded=YOUNG)
    index.add("gone", "1.0", yanked="broken")
    with project(index, tmp_path) as folder:
        (folder / "requirements.txt").write_text("web==1.0\ncore==1.0\ngone==1.0\nlost==1.0\n")
        assert check.OPERATION.text is not None
        assert list(check.OPERATION.text(await check.run(CheckParams(), context(tmp_path))))[1:] == [
            "warning: there is no policy: write packages-policy.yaml, or name one: --policy FILE",
            "0 of 4 packages are refused",
        ]
        written(folder, "{deny: ['pypi:web']}")
        found = await check.run(CheckParams(), context(tmp_path))
        assert [(one.name, one.whys) for one in found.refused] == [
            ("web", ["is denied: deny pypi:web of packages-policy.yaml, shop"])
        ]
        asked = await check.run(CheckParams(ask=True), context(tmp_path))
        assert [(one.name, one.whys[0]) for one in asked.refused if one.name != "web"] == [
            ("gone", "was taken back"), ("lost", "pypi lost: there is none")
        ]  # fmt: skip
        written(folder, "{minimumAge: 7d}")
        young = await check.run(CheckParams(ask=True), context(tmp_path))
        assert [one.name for one in young.refused] == ["core", "gone", "lost"]
        assert young.packages == 4
        assert ["only what it names" in one for one in young.warnings] == [True]
        before = len(index.requests)
        unasked = await check.run(CheckParams(), context(tmp_path))
        assert {why.partition(":")[0] for one in unasked.refused for why in one.whys} == {
            "has no time of publication, and may be too young"
        }
        assert len(unasked.refused) == 4
        unknown = "the registries of pypi are not asked for times and licences, which a policy wants to know: --ask"
        assert unknown in unasked.warnings
        assert len(index.requests) == before


def test_a_rule_of_advisories_has_defaults() -> None:
    assert (AdvisoryRule().least, str(AdvisoryRule().max_age)) == ("high", "7d")


def _chosen(answer: Resolved) -> dict[str, str]:
    return {one.name: one.version for one in answer.packages}


async def _allowed(folder: Path, name: str, version: str = "") -> AllowedResult:
    return await allowed.run(AllowedParams(ecosystem="pypi", name=name, version=version), context(folder))
