"""Checks what the types of a licence policy do not say: that its entries are licences."""

from outrider.core.errors import InvalidConfigError, OutriderError, collected, did_you_mean
from outrider.core.package_policies import LicencePolicy
from outrider.operators.packages.licences.expressions import Joined, read_expression
from outrider.operators.packages.licences.identifiers import identifiers


def check_entries(policy: LicencePolicy, path: str) -> None:
    """Check what the types of a policy do not say.

    Args:
        policy: As it was read.
        path: The field in which it stands, for errors.

    Raises:
        InvalidConfigError: With every fault; each names its field.
    """
    faults: list[OutriderError] = []
    for way, entries in (("allow", policy.allow), ("deny", policy.deny), ("review", policy.review)):
        for at, entry in enumerate(entries):
            try:
                _check_entry(entry, is_allowed=way == "allow")
            except InvalidConfigError as error:
                error.path = f"{path}.{way}[{at}]"
                faults.append(error.about(error.path))
    if faults:
        raise collected(faults)


def beginning(entry: str) -> str:
    """Return what identifiers begin with that an entry stands for, in lower case; empty where it is no such entry."""
    return entry[:-1].lower() if entry.endswith("*") else ""


def _check_entry(entry: str, *, is_allowed: bool) -> None:
    start = beginning(entry)
    if not start:
        expression = read_expression(entry)
        if is_allowed and isinstance(expression, Joined) and expression.operator == "OR":
            raise InvalidConfigError(
                f"{entry!r} allows none of its licences alone", found=entry, expected="each licence by itself",
                suggestions=[f"write each in an entry of its own: {', '.join(map(str, expression.parts))}"],
            )  # fmt: skip
    elif not any(name.startswith(start) for name in identifiers().licences) and not start.startswith("licenseref-"):
        raise InvalidConfigError(
            f"no identifier of SPDX begins with {entry[:-1]!r}", found=entry, expected="the beginning of one, such as AGPL-*",
            suggestions=did_you_mean(start.rstrip("-"), {name.partition("-")[0] for name in identifiers().licences})[:1],
        )  # fmt: skip
