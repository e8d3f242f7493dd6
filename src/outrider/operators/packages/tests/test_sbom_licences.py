"""Licences in bills of materials."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.licences.identifiers import identifiers
from outrider.operators.packages.licences.normalising import normalised
from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.sboms.bill import Bill, bill_of
from outrider.operators.packages.sboms.cyclonedx import cyclonedx
from outrider.operators.packages.sboms.spdx import spdx
from outrider.operators.packages.tests.test_licence_normalising import TABLE
from outrider.operators.packages.tests.test_sbom import CREATED, faults
from tests.peers.environments import PROGRAMS, install


def of(*licences: str, ecosystem: str = "npm") -> Bill:
    """Return a bill of packages with these licences."""
    packages = [
        LockedPackage(ecosystem=ecosystem, name=f"p{number:04}", version="1.0.0", licence=text)
        for number, text in enumerate(licences)
    ]
    return bill_of([Lock(form="a lock", packages=tuple(packages))], name="shop", version="1.0", created=CREATED)


@pytest.mark.parametrize(
    ("raw", "component"),
    [
        ("", {}),
        ("MIT", {"licenses": [{"license": {"id": "MIT", "acknowledgement": "declared"}}]}),
        ("GPL-2.0+", {"licenses": [{"license": {"id": "GPL-2.0-or-later", "acknowledgement": "declared"}}]}),
        ("MIT OR Apache-2.0", {"licenses": [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}]}),
        ("Apache-1.1+", {"licenses": [{"expression": "Apache-1.1+", "acknowledgement": "declared"}]}),
        ("LicenseRef-Acme", {"licenses": [{"expression": "LicenseRef-Acme", "acknowledgement": "declared"}]}),
        ("Acme EULA", {"licenses": [{"license": {"name": "Acme EULA", "acknowledgement": "declared"}}]}),
        (
            "MIT/X11",
            {
                "licenses": [{"license": {"id": "MIT", "acknowledgement": "concluded"}}],
                "properties": [{"name": "outrider:licence", "value": "MIT/X11"}],
            },
        ),
    ],
)
def test_licences_in_cyclonedx(raw: str, component: dict[str, Any]) -> None:
    [found] = cyclonedx(of(raw))["components"]
    assert {name: found[name] for name in ("licenses", "properties") if name in found} == component


@pytest.mark.parametrize(
    ("raw", "declared", "comments"),
    [
        ("", "NOASSERTION", None),
        ("MIT", "MIT", None),
        ("(MIT OR Zlib)", "MIT OR Zlib", None),
        ("LicenseRef-Acme", "LicenseRef-Acme", None),
        ("Acme EULA", "LicenseRef-1", None),
        ("LicenseRef-7", "LicenseRef-1", None),
        ("DocumentRef-x:LicenseRef-y", "LicenseRef-1", None),
    ],
)
def test_licences_in_spdx(raw: str, declared: str, comments: str | None) -> None:
    document = spdx(of(raw))
    package = document["packages"][1]
    assert (package["licenseDeclared"], package["licenseConcluded"], package.get("licenseComments")) == (
        declared,
        "NOASSERTION",
        comments,
    )
    texts = {one["licenseId"]: one["extractedText"] for one in document.get("hasExtractedLicensingInfos", [])}
    assert texts == ({declared: raw} if declared.startswith("LicenseRef-") else {})


def test_what_is_guessed_is_concluded_and_not_declared() -> None:
    document = spdx(of("MIT/X11"))
    package = document["packages"][1]
    assert (package["licenseConcluded"], package["licenseDeclared"]) == ("MIT", "LicenseRef-1")
    assert package["licenseComments"] == "guessed from: MIT/X11"
    assert document["hasExtractedLicensingInfos"] == [{"licenseId": "LicenseRef-1", "extractedText": "MIT/X11"}]


def test_the_same_text_has_the_same_reference() -> None:
    document = spdx(of("Acme EULA", "MIT", "Other EULA", "Acme EULA", "LicenseRef-Acme AND LicenseRef-Best"))
    declared = [one["licenseDeclared"] for one in document["packages"][1:]]
    assert declared == ["LicenseRef-1", "MIT", "LicenseRef-2", "LicenseRef-1", "LicenseRef-Acme AND LicenseRef-Best"]
    assert [one["licenseId"] for one in document["hasExtractedLicensingInfos"]] == [
        "LicenseRef-1",
        "LicenseRef-2",
        "LicenseRef-Acme",
        "LicenseRef-Best",
    ]


def test_another_licence_is_another_bill() -> None:
    assert of("MIT").identity != of("Zlib").identity


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
@given(st.sampled_from([row[1] for row in TABLE if row[0] == "npm" or row[3] == "said"]))
def test_a_bill_says_what_the_lock_has_said(form: str, raw: str) -> None:
    document = json.dumps(cyclonedx(of(raw)) if form == "cyclonedx" else spdx(of(raw)))
    [again] = read_lock("bom.json" if form == "cyclonedx" else "shop.spdx.json", document).packages
    before, after = normalised("npm", raw), normalised("npm", again.licence)
    assert after.expression == before.expression
    assert bool(after.raw) == bool(before.raw)


@pytest.mark.real
@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_the_official_validators_know_every_licence(tmp_path: Path, form: str) -> None:
    python = install("sbom", PROGRAMS["sbom"]) / "python"
    known = identifiers()
    # The validator of SPDX takes this one for an exception, and has no plus sign; the specification has it otherwise.
    odd = {"MPL-2.0-no-copyleft-exception"} if form == "spdx" else set()
    names = sorted(set(known.licences.values()) - odd)
    excepted = [f"GPL-2.0-only WITH {name}" for name in sorted(set(known.exceptions.values()))]
    raws = [row[1] for row in TABLE if form == "cyclonedx" or "+" not in row[2]]
    bill = of(*names, *excepted, *raws)
    assert len(bill.parts) > 1200
    path = tmp_path / ("bom.json" if form == "cyclonedx" else "shop.spdx.json")
    path.write_text(json.dumps(cyclonedx(bill) if form == "cyclonedx" else spdx(bill)))
    assert faults(python, form, path) == ""
