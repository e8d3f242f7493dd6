from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.identity import Principal, PrincipalKind
from outrider.core.operation import Effect
from outrider.core.policy import AccessRequest, ApprovalTerms, Decision, PolicyRule, Verdict, decide, denied
from tests.core.profiles import thorough

ANA = Principal("default", "user", "ana", ("oncall", "dev"))
RESTART = AccessRequest(principal=ANA, operation="host.service_restart", effect=Effect.WRITE, target="service/web")
verdicts = st.sampled_from(list(Verdict))


def policy(verdict: str = "allow", name: str = "p", **fields: object) -> PolicyRule:
    patterns = {"principals": ["*"], "operations": ["*"], "targets": ["*"], **fields}
    return PolicyRule(name=name, verdict=Verdict(verdict), **patterns)  # type: ignore[arg-type]  # by the callers below


def asked(**fields: object) -> AccessRequest:
    values = {name: getattr(RESTART, name) for name in RESTART.__struct_fields__}
    return AccessRequest(**{**values, **fields})


def test_what_nothing_allows_is_denied() -> None:
    assert decide([], RESTART) == Decision(Verdict.DENY)


def test_owner_needs_no_policy_and_is_bound_by_none() -> None:
    assert decide([policy("deny")], asked(owner=True)).verdict == "allow"


@pytest.mark.parametrize(("verdict", "expected"), [("deny", "deny"), ("requireApproval", "requireApproval")])
def test_grant_allows_but_can_be_overruled(verdict: str, expected: str) -> None:
    assert decide([], asked(granted=True)).verdict == "allow"
    assert decide([policy(verdict)], asked(granted=True)).verdict == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"principals": ["user:ana"]},
        {"principals": ["group:oncall"]},
        {"principals": ["rule:*", "user:*"]},
        {"operations": ["host.*"]},
        {"targets": ["service/w?b"]},
        {"condition": lambda facts: facts["target"] == "service/web" and facts["principal"]["name"] == "ana"},
    ],
)
def test_policies_that_speak_of_a_request(fields: dict[str, Any]) -> None:
    assert decide([policy(**fields)], RESTART).verdict == "allow"


@pytest.mark.parametrize(
    "fields",
    [
        {"principals": []},
        {"operations": []},
        {"targets": []},
        {"principals": ["user:an"]},
        {"principals": ["ana"]},
        {"principals": ["group:ana"]},
        {"principals": ["user:oncall"]},
        {"operations": ["host"]},
        {"operations": ["HOST.*"]},
        {"targets": ["service/WEB"]},
        {"condition": lambda _: False},
    ],
)
def test_policies_that_speak_of_others(fields: dict[str, Any]) -> None:
    assert decide([policy(**fields)], RESTART).verdict == "deny"


def test_line_end_does_not_get_past_a_pattern() -> None:
    assert decide([policy(targets=["service/web"])], asked(target="service/web\n")).verdict == "deny"


def test_case_of_a_target_matters() -> None:
    assert decide([policy(targets=["service/web"])], asked(target="service/WEB")).verdict == "deny"


def test_condition_is_not_asked_about_what_the_patterns_leave_out() -> None:
    def never(facts: object) -> bool:
        raise AssertionError(facts)

    assert decide([policy(operations=["kubernetes.*"], condition=never)], RESTART).verdict == "deny"


def test_condition_sees_the_parameters() -> None:
    careful = policy(condition=lambda facts: facts["params"]["replicas"] <= 3)
    assert decide([careful], asked(params={"replicas": 3})).verdict == "allow"
    assert decide([careful], asked(params={"replicas": 4})).verdict == "deny"


def test_terms_of_the_approval_come_with_the_decision() -> None:
    terms = ApprovalTerms(groups=["oncall"])
    assert decide([policy("requireApproval", approval=terms)], RESTART).approval is terms


@given(st.lists(st.tuples(verdicts, st.booleans()), max_size=6), st.booleans(), st.randoms(use_true_random=False))
@thorough
def test_precedence_does_not_depend_on_the_order(
    drawn: list[tuple[Verdict, bool]], granted: bool, random: object
) -> None:
    policies = [policy(verdict, targets=["*"] if matches else []) for verdict, matches in drawn]
    matching = {verdict for verdict, matches in drawn if matches}
    order = ("deny", "requireApproval", "allow")
    expected = next((verdict for verdict in order if verdict in matching), "allow" if granted else "deny")
    random.shuffle(policies)  # type: ignore[attr-defined]  # a random.Random
    assert decide(policies, asked(granted=granted)).verdict == expected


def test_decision_names_its_policy() -> None:
    assert decide([policy("allow", "first"), policy("deny", "second")], RESTART).policy == "second"


def test_denial_names_the_policy_to_add() -> None:
    error = denied(RESTART, decide([], RESTART))
    assert error.code == "DENIED"
    assert error.message == "user:ana may not call host.service_restart: no Policy allows it"
    assert error.hint == (
        "add a Policy with spec {principals: ['user:ana'], operations: [host.service_restart], "
        "targets: ['service/web'], effect: allow}"
    )


def test_denial_names_the_policy_that_refused() -> None:
    error = denied(RESTART, decide([policy("deny", "frozen")], RESTART))
    assert error.message.endswith("Policy/frozen denies it")
    assert error.hint == "change Policy/frozen"


@pytest.mark.parametrize("kind", [name for part in get_args(PrincipalKind) for name in get_args(part)])
def test_every_kind_of_principal_can_be_named(kind: str) -> None:
    request = asked(principal=Principal("default", kind, "x"))  # type: ignore[arg-type]  # one of the kinds
    assert decide([policy(principals=[f"{kind}:x"])], request).verdict == "allow"
