"""Checks what the types of a licence policy do not say: that its entries are licences, and its waivers name packages."""

from collections.abc import Callable
from functools import partial

from outrider.core.errors import InvalidConfigError, OutriderError, collected, did_you_mean
from outrider.core.licence_policies import LicencePolicy, LicenceWaiver
from outrider.operators.packages.licences.expressions import read_expression
from outrider.operators.packages.licences.identifiers import identifiers
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, scheme_of

_WAYS = ("allow", "deny", "review")


def check_policy(policy: LicencePolicy, path: str = "licences", source: str = "") -> None:
    """Check what the types of a policy do not say.

    Args:
        policy: As it was read.
        path: The field in which it stands, for errors.
        source: The file in which it stands, for errors.

    Raises:
        InvalidConfigError: With every fault; each names its field.
    """
    faults: list[OutriderError] = []
    for way in _WAYS:
        for index, entry in enumerate(getattr(policy, way)):
            _check(faults, f"{path}.{way}[{index}]", source, partial(_check_entry, entry))
    for index, waiver in enumerate(policy.waivers):
        place = f"{path}.waivers[{index}]"
        _check(faults, f"{place}.package", source, partial(waived, waiver))
        _check(faults, f"{place}.versions", source, partial(_check_range, waiver))
        _check(faults, f"{place}.reason", source, partial(_check_reason, waiver))
    if faults:
        raise collected(faults)


def waived(waiver: LicenceWaiver) -> tuple[str, str]:
    """Return the ecosystem and the name of the packages of a waiver; the name may end with a star.

    Raises:
        InvalidConfigError: It names no package.
    """
    ecosystem, colon, name = waiver.package.partition(":")
    if not colon or not name.strip("* ") or "*" in name[:-1]:
        raise InvalidConfigError(
            f"{waiver.package!r} names no package", found=waiver.package, expected="ECOSYSTEM:NAME, or ECOSYSTEM:BEGINNING*",
            suggestions=["write it as npm:lodash, maven:org.acme:web or npm:@acme/*"],
        )  # fmt: skip
    if ecosystem not in ECOSYSTEMS:
        raise InvalidConfigError(
            f"{ecosystem!r} is no ecosystem", found=ecosystem, expected=", ".join(ECOSYSTEMS),
            suggestions=did_you_mean(ecosystem, ECOSYSTEMS),
        )  # fmt: skip
    return ecosystem, name


def beginning(entry: str) -> str:
    """Return what identifiers begin with that an entry stands for, in lower case; empty where it is no such entry."""
    return entry[:-1].lower() if entry.endswith("*") else ""


def _check_entry(entry: str) -> None:
    start = beginning(entry)
    if not start:
        read_expression(entry)
    elif not any(name.startswith(start) for name in identifiers().licences) and not start.startswith("licenseref-"):
        raise InvalidConfigError(
            f"no identifier of SPDX begins with {entry[:-1]!r}", found=entry, expected="the beginning of one, such as AGPL-*",
            suggestions=did_you_mean(start.rstrip("-"), {name.partition("-")[0] for name in identifiers().licences})[:1],
        )  # fmt: skip


def _check_range(waiver: LicenceWaiver) -> None:
    ecosystem = waiver.package.partition(":")[0]
    if waiver.versions and ecosystem in ECOSYSTEMS:
        scheme_of(ecosystem).range(waiver.versions)


def _check_reason(waiver: LicenceWaiver) -> None:
    if not waiver.reason.strip():
        raise InvalidConfigError(
            "a waiver needs a reason", found=repr(waiver.reason), expected="why the package may be used",
            suggestions=["say who decided it, and why"],
        )  # fmt: skip


def _check(faults: list[OutriderError], path: str, source: str, what: Callable[[], object]) -> None:
    try:
        what()
    except InvalidConfigError as error:
        error.path, error.source = path, source
        faults.append(error.about(path))
