import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, PreconditionFailedError
from outrider.operators.packages.operations import audit, import_advisories, vex
from outrider.operators.packages.operations.audit import AuditParams
from outrider.operators.packages.operations.import_advisories import ImportAdvisoriesParams
from outrider.operators.packages.operations.vex import VexParams, VexResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.exploit_files import catalogue_file, epss_file
from outrider.operators.packages.tests.test_audit import COMPILED, DAY, FIXED, HIGH, context, folder, imported
from outrider.operators.packages.tests.test_sbom import CREATED, faults
from outrider.operators.packages.tests.vex_documents import analysis, cyclonedx_document, openvex_document, statement
from tests.peers.environments import PROGRAMS, install

__all__ = ["folder"]
A, B, C, D = "CVE-2026-1001", "CVE-2026-1002", "CVE-2026-1003", "CVE-2026-1004"
WEB = "pkg:pypi/web@1.0"


async def filled(folder: Path) -> None:
    """Have four vulnerabilities, what is known of exploits, and a project."""
    unfixed = affected(ecosystem_range(("introduced", "0")))
    branches = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.5"), ("introduced", "1.6"), ("fixed", "2.0")))
    await imported(
        folder, record("GHSA-1", FIXED, aliases=[A], severity=[HIGH]), record(B, unfixed), record(C, branches),
        record(D, affected(versions=["3.0"], name="core")),
    )  # fmt: skip
    for source in (
        epss_file(folder / "e.csv", (A, 0.94, 0.99)),
        catalogue_file(folder / "kev.json", (A, "2026-01-02", "Known")),
    ):
        await import_advisories.run(ImportAdvisoriesParams(source=str(source)), context(folder))
    (folder / "project" / "requirements.txt").write_text(f"web==1.0\ncore==3.0\nsafe==1.0\n{COMPILED}")
    (folder / "project" / "api").mkdir()
    (folder / "project" / "api" / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "web"\nversion = "1.0"\n'
    )


async def made(folder: Path, *documents: Any, **params: Any) -> VexResult:
    files = []
    for number, document in enumerate(documents):
        files.append(str(folder / f"{number}.vex.json"))
        Path(files[-1]).write_text(json.dumps(document))
    terms = VexParams(path=str(folder / "project"), vex=files, **{"created": CREATED, **params})
    return await vex.run(terms, context(folder))


async def suppressed(folder: Path, document: dict[str, Any], **params: Any) -> dict[str, str]:
    """Return what a document takes off the list, by id."""
    file = folder / "again.json"
    file.write_text(json.dumps(document))
    result = await audit.run(AuditParams(path=str(folder / "project"), vex=[str(file)], **params), context(folder))
    assert result.warnings == []
    return {one.id: one.status for one in result.suppressed}


async def test_what_is_found_is_affected_with_what_to_do(folder: Path) -> None:
    await filled(folder)
    result = await made(folder, author="ana@shop.example")
    document = result.document
    assert (document["@context"], document["author"]) == ("https://openvex.dev/ns/v0.2.0", "ana@shop.example")
    assert (document["timestamp"], document["version"]) == (CREATED, 1)
    assert [
        (one["vulnerability"]["name"], one["products"][0]["@id"], one["status"], one["action_statement"])
        for one in document["statements"]
    ] == [
        (A, WEB, "affected", "update web to 2.0"),
        (B, WEB, "affected", "no version without it is known"),
        (C, WEB, "affected", "update web to 1.5, or to one of 2.0"),
        (D, "pkg:pypi/core@3.0", "affected", "no version without it is known"),
    ]
    assert document["statements"][0]["vulnerability"]["aliases"] == ["GHSA-1"]
    assert (result.statements, result.warnings) == ({"affected": 4}, [])
    assert vex.OPERATION.text is not None
    assert json.loads("".join(vex.OPERATION.text(result))) == document
    assert not vex.OPERATION.findings(result)


STATED = openvex_document(
    statement(A, {"@id": WEB}, status_notes="it is never called"),
    statement(B, {"@id": WEB}, "under_investigation"),
    statement(C, {"@id": WEB}, "affected", action_statement="wait for us"),
    {
        "vulnerability": {"name": D},
        "products": [{"@id": "pkg:pypi/core"}],
        "status": "not_affected",
        "impact_statement": "off",
    },
)


async def test_what_is_stated_already_is_kept(folder: Path) -> None:
    await filled(folder)
    document = (await made(folder, STATED)).document
    a, b, c, d = (
        {name: value for name, value in one.items() if name not in ("vulnerability", "products")}
        for one in document["statements"]
    )
    stated = {"timestamp": "2026-10-01T00:00:00Z"}
    assert a == {
        "status": "not_affected",
        **stated,
        "justification": "vulnerable_code_not_present",
        "status_notes": "it is never called",
    }
    assert b == {"status": "under_investigation", **stated}
    assert c == {"status": "affected", **stated, "action_statement": "wait for us"}
    assert d == {"status": "not_affected", **stated, "impact_statement": "off"}


@pytest.mark.parametrize("form", ["openvex", "cyclonedx"])
@pytest.mark.parametrize("product", ["", "pkg:oci/shop@1.4"])
async def test_what_is_written_is_read_again(folder: Path, form: str, product: str) -> None:
    await filled(folder)
    result = await made(folder, STATED, format=form, product=product)
    assert result.statements == {"affected": 1, "not_affected": 2, "under_investigation": 1}
    assert await suppressed(folder, result.document, product=product) == {A: "not_affected", D: "not_affected"}
    again = await made(folder, result.document, format=form, product=product)
    assert again.document == result.document


async def test_analyses_go_into_openvex_and_back(folder: Path) -> None:
    await filled(folder)
    given = cyclonedx_document(
        analysis(A, WEB, "false_positive", detail="another project of that name"),
        analysis(B, WEB, "not_affected", justification="code_not_reachable"),
        {**analysis(C, WEB, "exploitable", response=["update"]), "recommendation": "turn it off"},
        analysis(D, "pkg:pypi/core@3.0", "not_affected", justification="requires_configuration", detail="off"),
    )
    a, b, c, d = (await made(folder, given)).document["statements"]
    assert (a["impact_statement"], "justification" in a) == ("false_positive: another project of that name", False)
    assert (b["justification"], "impact_statement" in b) == ("vulnerable_code_not_in_execute_path", False)
    assert c["action_statement"] == "turn it off"
    assert d["impact_statement"] == "requires_configuration: off"
    kept = (await made(folder, given, format="cyclonedx")).document["vulnerabilities"]
    assert [one["analysis"]["state"] for one in kept] == [
        "false_positive",
        "not_affected",
        "exploitable",
        "not_affected",
    ]
    assert [one["analysis"].get("justification") for one in kept] == [
        None,
        "code_not_reachable",
        None,
        "requires_configuration",
    ]


async def test_a_bill_has_its_vulnerabilities(folder: Path) -> None:
    await filled(folder)
    document = (await made(folder, format="cyclonedx", product="pkg:oci/shop@1.4", name="shop")).document
    assert [one["purl"] for one in document["components"]] == ["pkg:pypi/core@3.0", "pkg:pypi/safe@1.0", WEB]
    assert document["metadata"]["component"] == {
        "type": "application",
        "bom-ref": "root",
        "name": "shop",
        "purl": "pkg:oci/shop@1.4",
    }
    assert document["vulnerabilities"][0] == {
        "id": A,
        "source": {"name": "CVE"},
        "references": [{"id": "GHSA-1", "source": {"name": "GHSA"}}],
        "ratings": [
            {"severity": "high", "source": {"name": "GHSA"}, "score": 7.5},
            {"source": {"name": "EPSS"}, "score": 0.94, "method": "other"},
        ],
        "description": "GHSA-1 is bad",
        "recommendation": "update web to 2.0",
        "analysis": {"state": "exploitable", "response": ["update"]},
        "affects": [{"ref": WEB}],
        "properties": [{"name": "outrider:exploited", "value": "2026-01-02"}],
    }


@pytest.mark.real
async def test_the_official_validator_finds_nothing_wrong(folder: Path) -> None:
    python = install("sbom", PROGRAMS["sbom"]) / "python"
    await filled(folder)
    for number, given in enumerate(([], [STATED])):
        path = folder / f"{number}.cdx.json"
        result = await made(folder, *given, format="cyclonedx", product="pkg:oci/shop@1.4")
        path.write_text(json.dumps(result.document))
        assert len(result.document["vulnerabilities"]) == 4
        assert faults(python, "cyclonedx", path) == ""


@pytest.mark.parametrize("form", ["openvex", "cyclonedx"])
async def test_the_same_time_gives_the_same_bytes(folder: Path, form: str) -> None:
    await filled(folder)
    one, two = [json.dumps((await made(folder, STATED, format=form)).document) for _ in range(2)]
    assert one == two
    other = json.dumps((await made(folder, STATED, format=form, created="2026-11-30T10:00:00Z")).document)
    identity = "@id" if form == "openvex" else "serialNumber"
    assert json.loads(other)[identity] != json.loads(one)[identity]


@pytest.mark.real
async def test_no_order_of_hashes_changes_a_byte(folder: Path) -> None:
    await filled(folder)
    (folder / "shop.json").write_text(json.dumps(STATED))
    command = [
        sys.executable, "-m", "outrider", "packages", "vex", str(folder / "project"), "--vex", str(folder / "shop.json"), "--created", CREATED,
    ]  # fmt: skip
    one, two = [await asyncio.to_thread(printed, command, variables(folder, seed)) for seed in ("1", "2")]
    assert one == two
    assert json.loads(one)["@context"].startswith("https://openvex.dev/ns")


def printed(command: list[str], environment: dict[str, str]) -> bytes:
    return subprocess.run(command, env=environment, capture_output=True, check=True, timeout=50).stdout


def variables(folder: Path, seed: str) -> dict[str, str]:
    return {
        "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
    }  # fmt: skip


async def test_what_a_terminal_would_act_on_stays_what_it_is(folder: Path) -> None:
    await filled(folder)
    odd = "caf\u00e9 \u202e\x1b[31m\x7f \u2028 \U0001f600"
    result = await made(folder, openvex_document(statement(A, {"@id": WEB}, status_notes=odd)))
    assert vex.OPERATION.text is not None
    lines = list(vex.OPERATION.text(result))
    assert len(lines) > 20
    assert all(line.isprintable() for line in lines)
    assert json.loads("\n".join(lines))["statements"][0]["status_notes"] == odd


async def test_where_nothing_is_found_nothing_is_stated(folder: Path) -> None:
    await imported(folder, record("X-1", FIXED))
    (folder / "project" / "requirements.txt").write_text(f"web==2.0\n{COMPILED}")
    assert (await made(folder)).document["statements"] == []


async def test_nothing_is_written_by_what_is_old(folder: Path) -> None:
    await filled(folder)
    terms = VexParams(path=str(folder / "project"))
    with pytest.raises(PreconditionFailedError, match="8d ago"):
        await vex.run(terms, context(folder, later=8 * DAY))
    terms.stale = "warn"
    assert len((await vex.run(terms, context(folder, later=8 * DAY))).warnings) == 3
    with pytest.raises(InvalidConfigError, match="is not a time"):
        await made(folder, created="yesterday")
