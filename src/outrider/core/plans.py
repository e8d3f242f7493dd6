"""Plan documents: what writes would do, found out beforehand and applied exactly so."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.codec import digest, to_builtins
from outrider.core.errors import NotFoundError, PreconditionFailedError
from outrider.core.operation import Change, Effect

LIFETIME = 3600.0
# Items without a dependency between them that are applied at the same time.
PARALLEL = 4
_RESULT = re.compile(r"item ([0-9]+)\.result((?:\.[^.]+)*)")


class PlanItem(msgspec.Struct, kw_only=True):
    """One write of a plan; `change` is what its operation's plan said.

    A parameter that is `{"unknown": "item 1.result.path"}` is filled in when that item is done.
    """

    id: str
    operation: str
    params: dict[str, Any]
    effect: Effect
    change: Change
    depends_on: list[str] = []


class Plan(msgspec.Struct, kw_only=True):
    """A plan document.

    Attributes:
        created: Seconds since the epoch.
        expires: Seconds since the epoch; judged by the store, not by a copy of the file.
        actor: The principal who made it, as `kind:name`.
        digest: SHA-256 of the canonical form of all but id, created, expires and digest.
    """

    id: str
    created: float
    expires: float
    actor: str
    version: str
    items: list[PlanItem]
    digest: str = ""

    def compute_digest(self) -> str:
        """Return the digest of the plan's content: equal for the same input in the same world."""
        content = to_builtins(self)
        for field in ("id", "created", "expires", "digest"):
            del content[field]
        return digest(content)

    def check_unchanged(self, stored: "Plan") -> None:
        """Refuse a document that is not the plan that was stored under its id.

        Raises:
            PreconditionFailedError: The document was edited.
        """
        if self.compute_digest() != stored.digest:
            raise PreconditionFailedError(
                f"plan {self.id[:8]} was changed after it was made",
                found=f"digest {self.compute_digest()[:12]}",
                expected=f"digest {stored.digest[:12]}",
                suggestions=["make a new plan"],
            )


def check_fresh(plan: Plan, now: float) -> None:
    """Refuse an expired plan.

    Raises:
        PreconditionFailedError: It is too old.
    """
    if now >= plan.expires:
        raise PreconditionFailedError(
            f"plan {plan.id[:8]} has expired",
            found=f"expired {now - plan.expires:.0f} s ago",
            expected=f"a plan not older than {LIFETIME / 60:.0f} minutes",
            suggestions=["make a new plan"],
        )


def references(params: Any) -> set[str]:
    """Return the ids of the items whose results parameters wait for."""
    if isinstance(params, dict):
        match = _reference(params)
        return {match[1]} if match else set().union(*map(references, params.values()))
    return set().union(*map(references, params)) if isinstance(params, list) else set()


def filled(params: Any, outcomes: Mapping[str, "ItemOutcome"]) -> Any:
    """Return parameters with the results that they waited for.

    Raises:
        NotFoundError: A result has no such field.
    """
    if isinstance(params, dict):
        match = _reference(params)
        return _result(match, outcomes) if match else {name: filled(value, outcomes) for name, value in params.items()}
    return [filled(value, outcomes) for value in params] if isinstance(params, list) else params


def _reference(params: dict[str, Any]) -> re.Match[str] | None:
    text = params.get("unknown") if len(params) == 1 else None
    return _RESULT.fullmatch(text) if isinstance(text, str) else None


def _result(reference: re.Match[str], outcomes: Mapping[str, "ItemOutcome"]) -> Any:
    value = outcomes[reference[1]].result
    for field in reference[2].split(".")[1:]:
        if not isinstance(value, dict) or field not in value:
            raise NotFoundError(
                f"item {reference[1]} gave no '{field}'", found=", ".join(value) if isinstance(value, dict) else "no fields",
                expected=field, suggestions=["correct the field in the file and plan again"],
            )  # fmt: skip
        value = value[field]
    return value


class ItemOutcome(msgspec.Struct, kw_only=True):
    """How one item of an applied plan ended: `done`, `failed` or `skipped`."""

    id: str
    state: str
    result: Any = None
    error: Any = None


class PlanState(msgspec.Struct, kw_only=True):
    """What became of a plan.

    Attributes:
        state: `planned`, `waiting` for a person, `applied`, `partial` where an item failed, or `expired`.
        next: What to do now.
        outcomes: How each item ended.
    """

    plan: Plan
    state: str
    next: str = ""
    outcomes: list[ItemOutcome] = []
