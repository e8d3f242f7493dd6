"""Who may do what to which target: deny wins, then requireApproval, then allow; what nothing allows is denied."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from outrider.core.errors import DeniedError
from outrider.core.identity import Principal
from outrider.core.operation import Effect
from outrider.core.quantities import Duration, duration

Condition = Callable[[Mapping[str, Any]], bool]


class Verdict(StrEnum):
    """What a policy says of a request."""

    ALLOW = "allow"
    REQUIRE_APPROVAL = "requireApproval"
    DENY = "deny"


class ApprovalTerms(msgspec.Struct, kw_only=True, rename={"groups": "from"}, forbid_unknown_fields=True):
    """Who may approve, and how long the question stands."""

    groups: list[str] = []
    expire: Duration = duration("10m")


class AccessRequest(msgspec.Struct, kw_only=True, frozen=True):
    """One question to the policies.

    `granted` is true where an object that was applied names this very operation or plugin: naming is the grant.
    `owner` is true for the holder of the platform's token file, who may do everything.
    """

    principal: Principal
    operation: str
    effect: Effect
    target: str = ""
    params: Mapping[str, Any] = {}
    granted: bool = False
    owner: bool = False


class PolicyRule(msgspec.Struct, kw_only=True, frozen=True):
    """One Policy, ready to be evaluated; patterns are shell-like (`host.*`, `group:oncall`)."""

    name: str
    principals: list[str]
    operations: list[str]
    targets: list[str]
    verdict: Verdict
    approval: ApprovalTerms | None = None
    condition: Condition | None = None

    def applies_to(self, request: AccessRequest) -> bool:
        """Return whether this policy speaks of the request."""
        return (
            self.speaks_of(request.principal)
            and self.covers(request.operation)
            and any(fnmatchcase(request.target, pattern) for pattern in self.targets)
            and (self.condition is None or self.condition(_facts(request)))
        )

    def speaks_of(self, principal: Principal) -> bool:
        """Return whether it concerns a principal."""
        return any(fnmatchcase(name, pattern) for pattern in self.principals for name in principal_names(principal))

    def covers(self, operation: str) -> bool:
        """Return whether it concerns an operation."""
        return any(fnmatchcase(operation, pattern) for pattern in self.operations)

    @property
    def unconditional(self) -> bool:
        """Whether it holds for every target and every parameter."""
        return "*" in self.targets and self.condition is None


class Decision(msgspec.Struct, frozen=True):
    """The verdict and the policy that gave it (empty for the default)."""

    verdict: Verdict
    policy: str = ""
    approval: ApprovalTerms | None = None


def principal_names(principal: Principal) -> list[str]:
    """Return the names under which patterns know a principal: `user:ana`, `group:oncall`."""
    return [f"{principal.kind}:{principal.name}", *(f"group:{group}" for group in principal.groups)]


def decide(policies: Iterable[PolicyRule], request: AccessRequest) -> Decision:
    """Judge a request: deny, else requireApproval, else allow, else the default of deny.

    The owner needs no Policy and is bound by none; a grant takes the place of an allow and can still be denied.
    """
    if request.owner:
        return Decision(Verdict.ALLOW)
    matching = [policy for policy in policies if policy.applies_to(request)]
    for verdict in (Verdict.DENY, Verdict.REQUIRE_APPROVAL, Verdict.ALLOW):
        for policy in matching:
            if policy.verdict is verdict:
                return Decision(verdict, policy.name, policy.approval)
    return Decision(Verdict.ALLOW if request.granted else Verdict.DENY)


def decide_all(policies: Sequence[PolicyRule], requests: Iterable[AccessRequest]) -> tuple[Decision, AccessRequest]:
    """Judge what acts on several targets, and return the strictest decision with the request that it was given for.

    Args:
        policies: Who may do what.
        requests: One for each target; at least one.
    """
    strictness = (Verdict.ALLOW, Verdict.REQUIRE_APPROVAL, Verdict.DENY)
    judged = [(decide(policies, request), request) for request in requests]
    return max(judged, key=lambda one: strictness.index(one[0].verdict))


def denied(request: AccessRequest, decision: Decision) -> DeniedError:
    """Return the error for a refused request; it names the policy that refused, or the one to add."""
    who = f"{request.principal.kind}:{request.principal.name}"
    if decision.policy:
        reason, remedy = f"Policy/{decision.policy} denies it", f"change Policy/{decision.policy}"
    else:
        target = f", targets: ['{request.target}']" if request.target else ""
        reason = "no Policy allows it"
        remedy = f"add a Policy with spec {{principals: ['{who}'], operations: [{request.operation}]{target}, effect: allow}}"
    return DeniedError(
        f"{who} may not call {request.operation}: {reason}",
        found=f"{request.operation} {request.target}".strip(),
        expected="a Policy that allows it",
        suggestions=[remedy],
    )


def _facts(request: AccessRequest) -> dict[str, Any]:
    return {
        "principal": {
            "kind": request.principal.kind,
            "name": request.principal.name,
            "groups": list(request.principal.groups),
        },
        "operation": request.operation,
        "target": request.target,
        "params": dict(request.params),
    }
