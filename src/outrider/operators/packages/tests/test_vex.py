import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.operations import audit
from outrider.operators.packages.operations.audit import AuditResult
from outrider.operators.packages.tests.advisory_records import record
from outrider.operators.packages.tests.test_audit import FIXED, HIGH, audited, folder, imported
from outrider.operators.packages.tests.vex_documents import analysis, cyclonedx_document, openvex_document, statement
from outrider.operators.packages.vex.products import named
from outrider.operators.packages.vex.reading import read_statements

__all__ = ["folder"]
CVE = "CVE-2026-1"
WEB = {"@id": "pkg:pypi/web@1.0"}


def written(folder: Path, document: Any, name: str = "shop.vex.json") -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


async def judged(folder: Path, *documents: Any, lock: str = "web==1.0\n", **params: Any) -> AuditResult:
    await imported(folder, record("GHSA-1", FIXED, aliases=[CVE], severity=[HIGH]))
    files = [written(folder, document, f"{number}.json") for number, document in enumerate(documents)]
    return await audited(folder, lock, vex=files, **params)


def ids(result: AuditResult) -> tuple[list[str], list[str]]:
    """Return what was found, and what was suppressed."""
    found = [one.id for finding in result.findings for one in finding.vulnerabilities]
    return found, [one.id for one in result.suppressed]


SUPPRESSED: tuple[list[str], list[str]] = ([], [CVE])
FOUND: tuple[list[str], list[str]] = ([CVE], [])


@pytest.mark.parametrize("status", ["not_affected", "fixed"])
@pytest.mark.parametrize("name", [CVE, "GHSA-1", "ghsa-1"])
async def test_what_is_no_danger_is_suppressed_by_any_id(folder: Path, name: str, status: str) -> None:
    result = await judged(folder, openvex_document(statement(name, WEB, status)))
    assert ids(result) == SUPPRESSED
    assert (result.vulnerable, result.warnings, audit.OPERATION.findings(result)) == (0, [], False)
    [one] = result.suppressed
    assert (one.name, one.version, one.severity, one.status) == ("web", "1.0", "high", status)
    assert one.stated_in.endswith("0.json")


TWO = ["CVE-2026-11", "CVE-2026-12"]


@pytest.mark.parametrize(
    ("stated", "is_suppressed"),
    [
        ({"CVE-2026-12": "not_affected"}, False),
        ({"CVE-2026-11": "not_affected", "CVE-2026-12": "fixed"}, True),
        ({"CVE-2026-11": "affected", "CVE-2026-12": "fixed"}, False),
        ({"GHSA-1": "not_affected"}, True),
        ({"GHSA-1": "affected", "CVE-2026-12": "not_affected"}, False),
    ],
)
async def test_of_several_cves_each_is_stated(folder: Path, stated: dict[str, str], is_suppressed: bool) -> None:
    await imported(folder, record("GHSA-1", FIXED, aliases=TWO, severity=[HIGH]))
    said = [statement(name, WEB, status, action_statement="wait") for name, status in stated.items()]
    result = await audited(folder, "web==1.0\n", vex=[written(folder, openvex_document(*said))])
    assert (result.vulnerable, len(result.suppressed), result.warnings) == (not is_suppressed, is_suppressed, [])


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
async def test_what_is_a_danger_is_never_suppressed(folder: Path, status: str) -> None:
    result = await judged(folder, openvex_document(statement(CVE, WEB, status, action_statement="wait")))
    assert (ids(result), result.vulnerable, result.warnings) == (FOUND, 1, [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("pkg:pypi/web", SUPPRESSED),
        ("pkg:pypi/web@1.0", SUPPRESSED),
        ("pkg:pypi/Web@1.0.0", SUPPRESSED),
        ("pkg:pypi/web@1.1", FOUND),
        ("pkg:npm/web@1.0", FOUND),
        ("pkg:pypi/core@1.0", FOUND),
        ("pkg:pypi/web@1.0?arch=arm64", FOUND),
        ("pkg:pypi/web@1.0#lib", FOUND),
    ],
)
async def test_a_package_url_names_what_it_says(folder: Path, url: str, expected: Any) -> None:
    for product in ({"@id": url}, {"@id": "https://shop.example/web", "identifiers": {"purl": url}}):
        result = await judged(folder, openvex_document(statement(CVE, product)))
        assert ids(result) == expected
        assert len(result.warnings) == (expected is FOUND)


def test_a_file_of_maven_is_a_jar_where_nothing_else_is_said() -> None:
    web = LockedPackage(ecosystem="maven", name="org.acme:web", version="1.0")
    assert named("pkg:maven/org.acme/web@1.0?type=jar").holds(web)
    assert not named("pkg:maven/org.acme/web@1.0?type=war").holds(web)


async def test_parts_count_where_their_product_is_audited(folder: Path) -> None:
    shop = {"@id": "pkg:oci/shop", "subcomponents": [WEB]}
    document = openvex_document(statement(CVE, shop))
    assert ids(await judged(folder, document, product="pkg:oci/shop@1.4?arch=arm64")) == SUPPRESSED
    result = await judged(folder, document)
    assert ids(result) == FOUND
    assert "it is about parts of pkg:oci/shop: if that is what you audit, name it with --product" in result.warnings[0]
    assert ids(await judged(folder, document, product="pkg:oci/other")) == FOUND
    of_one = {"@id": "pkg:oci/shop@1.4", "subcomponents": [WEB]}
    for product, expected in (("pkg:oci/shop@1.4", SUPPRESSED), ("pkg:oci/shop@1.5", FOUND), ("pkg:oci/shop", FOUND)):
        assert ids(await judged(folder, openvex_document(statement(CVE, of_one)), product=product)) == expected


async def test_a_product_as_a_whole_has_all_its_packages(folder: Path) -> None:
    document = openvex_document(statement(CVE, {"@id": "pkg:oci/shop"}))
    assert ids(await judged(folder, document, product="pkg:oci/shop")) == SUPPRESSED
    assert ids(await judged(folder, document)) == FOUND


async def test_parts_without_a_package_url_are_not_the_whole(folder: Path) -> None:
    product = {**WEB, "subcomponents": [{"hashes": {"sha-256": "ab" * 32}}]}
    result = await judged(folder, openvex_document(statement(CVE, product)), product="pkg:pypi/web@1.0")
    assert (ids(result), len(result.warnings)) == (FOUND, 1)


async def test_the_newest_statement_counts(folder: Path) -> None:
    old = statement(CVE, WEB, timestamp="2026-09-01T00:00:00Z")
    new = statement(CVE, WEB, "affected", action_statement="update", timestamp="2026-09-02T00:00:00+02:00")
    for order in ([old, new], [new, old]):
        assert ids(await judged(folder, openvex_document(*order))) == FOUND
    later = openvex_document(statement(CVE, WEB, "fixed"), timestamp="2026-11-01T00:00:00Z")
    result = await judged(folder, later, openvex_document(old, new))
    assert (ids(result), result.suppressed[0].status, result.warnings) == (SUPPRESSED, "fixed", [])


async def test_of_several_at_one_time_the_last_one_counts(folder: Path) -> None:
    one, two = statement(CVE, WEB), statement(CVE, {"@id": "pkg:pypi/web"}, "affected", action_statement="update")
    assert ids(await judged(folder, openvex_document(one, two))) == FOUND
    assert ids(await judged(folder, openvex_document(two), openvex_document(one))) == SUPPRESSED


async def test_documents_of_the_first_version_are_read(folder: Path) -> None:
    old = {
        "@context": "https://openvex.dev/ns", "@id": "x", "author": "ana", "timestamp": "2023-01-16T19:07:16.853479631-06:00", "version": "1",
        "statements": [{"vulnerability": CVE, "products": ["pkg:pypi/web@1.0"], "status": "fixed"}],
    }  # fmt: skip
    assert ids(await judged(folder, old)) == SUPPRESSED
    old["statements"] = [
        {"vulnerability": CVE, "products": ["pkg:pypi/web@1.0"], "subcomponents": ["pkg:pypi/core"], "status": "fixed"}
    ]
    assert ids(await judged(folder, old)) == FOUND


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("not_affected", SUPPRESSED),
        ("false_positive", SUPPRESSED),
        ("resolved", SUPPRESSED),
        ("resolved_with_pedigree", SUPPRESSED),
        ("exploitable", FOUND),
        ("in_triage", FOUND),
    ],
)
@pytest.mark.parametrize(
    "reference", ["web", "pkg:pypi/web@1.0", "urn:cdx:f0d0a1d0-0000-4000-8000-000000000000/1#pkg:pypi/web@1.0"]
)
async def test_analyses_of_cyclonedx_count(folder: Path, reference: str, state: str, expected: Any) -> None:
    document = cyclonedx_document(
        analysis(CVE, reference, state, justification="code_not_reachable", detail="never called")
    )
    result = await judged(folder, document)
    assert (ids(result), result.warnings) == (expected, [])
    for one in result.suppressed:
        assert (one.status, one.justification, one.notes) == (state, "code_not_reachable", "never called")


async def test_references_of_cyclonedx_are_aliases(folder: Path) -> None:
    entry = {**analysis("SNYK-1", "web", "resolved"), "references": [{"id": CVE, "source": {"name": "CVE"}}]}
    assert ids(await judged(folder, cyclonedx_document(entry))) == SUPPRESSED
    assert ids(await judged(folder, cyclonedx_document({**entry, "references": []}))) == FOUND


@pytest.mark.parametrize(
    ("state", "versions", "expected"),
    [
        ("not_affected", [{"version": "1.0"}], SUPPRESSED),
        ("not_affected", [{"version": "0.9"}, {"version": "1.0", "status": "affected"}], SUPPRESSED),
        ("not_affected", [{"version": "0.9"}], FOUND),
        ("not_affected", [{"range": "vers:pypi/<2"}], FOUND),
        ("not_affected", [{"version": "1.0", "status": "unknown"}], FOUND),
        ("resolved", [{"version": "1.0", "status": "unaffected"}], SUPPRESSED),
        ("resolved", [{"version": "1.0"}], FOUND),
    ],
)
async def test_versions_that_stand_apart_count(folder: Path, state: str, versions: Any, expected: Any) -> None:
    entry = {**analysis(CVE, "pkg:pypi/web", state), "affects": [{"ref": "pkg:pypi/web", "versions": versions}]}
    assert ids(await judged(folder, cyclonedx_document(entry))) == expected


async def test_a_list_of_vulnerabilities_states_nothing(folder: Path) -> None:
    result = await judged(folder, cyclonedx_document({"id": CVE, "affects": [{"ref": "web"}]}))
    assert (ids(result), result.warnings) == (FOUND, [])


async def test_what_fits_nothing_is_a_warning(folder: Path) -> None:
    used = statement(CVE, WEB)
    spare = [statement("CVE-2026-9", {"@id": f"pkg:pypi/other@{number}"}) for number in range(25)]
    result = await judged(folder, openvex_document(used, *spare))
    assert ids(result) == SUPPRESSED
    assert len(result.warnings) == 21
    assert result.warnings[0].endswith("not_affected of CVE-2026-9 fits nothing that was found: pkg:pypi/other@0")
    assert result.warnings[-1] == "5 more statements fit nothing"
    [unnamed] = (await judged(folder, openvex_document(statement(CVE, {"@id": "https://shop.example"})))).warnings
    assert unnamed.endswith("no package URL names its product")


async def test_a_statement_that_cannot_be_read_is_left_out_and_told(folder: Path) -> None:
    broken: list[Any] = [
        {"vulnerability": {"name": CVE}, "products": [WEB], "status": "not_affected"},
        {"vulnerability": {"name": CVE}, "products": [WEB], "status": "harmless"},
        {"vulnerability": {}, "products": [WEB], "status": "fixed"},
        {"vulnerability": {"name": CVE}, "products": [{"@id": "pkg:"}], "status": "fixed"},
        {"vulnerability": {"name": CVE}, "products": "web", "status": "fixed"},
        "fixed",
    ]
    result = await judged(folder, openvex_document(*broken))
    assert (ids(result), len(result.warnings)) == (FOUND, len(broken))
    assert result.warnings[0].endswith("statement 1: it does not say why not_affected")
    result = await judged(
        folder, cyclonedx_document(analysis(CVE, "web", "fine"), {"id": 1, "analysis": {"state": "resolved"}})
    )
    assert (ids(result), len(result.warnings)) == (FOUND, 2)


async def test_only_what_is_left_counts_as_vulnerable(folder: Path) -> None:
    await imported(folder, record(CVE, FIXED, severity=[HIGH]), record("X-2", FIXED))
    file = written(folder, openvex_document(statement(CVE, WEB, impact_statement="no such call")))
    result = await audited(folder, "web==1.0\n", vex=[file])
    assert (result.vulnerable, ids(result)) == (1, (["X-2"], [CVE]))
    assert audit.OPERATION.text is not None
    assert list(audit.OPERATION.text(result)) == [
        "1 of 1 packages have known vulnerabilities",
        "  UNKNOWN   web 1.0  X-2  fixed in 2.0  X-2 is bad",
        "1 suppressed, as is stated",
        f"  web 1.0  {CVE}  not_affected (vulnerable_code_not_present, no such call)  {file}",
    ]


async def test_a_file_that_is_none_is_an_error(folder: Path) -> None:
    await imported(folder, record(CVE, FIXED))
    for content, error in (("[]", InvalidConfigError), ("{", InvalidConfigError), ('{"a": 1}', UnsupportedError)):
        with pytest.raises(error):
            await audited(folder, "web==1.0\n", vex=[written(folder, content)])
    with pytest.raises(InvalidConfigError, match=r"shop\.vex\.json: it cannot be read: statements"):
        await audited(folder, "web==1.0\n", vex=[written(folder, {**openvex_document(), "statements": {}})])
    with pytest.raises(NotFoundError):
        await audited(folder, "web==1.0\n", vex=[str(folder / "none.json")])
    (folder / "latin.json").write_bytes(b"\xff")
    with pytest.raises(InvalidConfigError, match="UTF-8"):
        await audited(folder, "web==1.0\n", vex=[str(folder / "latin.json")])
    with pytest.raises(InvalidConfigError, match="product"):
        await audited(folder, "web==1.0\n", product="shop")


NAMES = (
    "@id", "vulnerability", "name", "aliases", "products", "subcomponents", "identifiers", "purl", "status", "timestamp", "id", "affects",
    "ref", "versions", "analysis", "state", "bom-ref", "components",
)  # fmt: skip
VALUES = (CVE, "pkg:pypi/web", "fixed", "resolved", "pkg:")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3), st.booleans())
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], other: bool) -> None:
    head = {"bomFormat": "CycloneDX", "metadata": {}} if other else {"@context": "https://openvex.dev/ns"}
    name = "vulnerabilities" if other else "statements"
    file = written(tmp_path_factory.mktemp("vex"), {**head, name: rows, "components": rows})
    try:
        said, unreadable = read_statements([file])
    except OutriderError:
        return
    assert len(said) <= len(rows)
    assert all(text.startswith(file) for text in unreadable)
