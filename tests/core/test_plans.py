from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from outrider.core.codec import decode, encode
from outrider.core.errors import PreconditionFailedError
from outrider.core.operation import Change, Difference, Effect
from outrider.core.plans import LIFETIME, Plan, PlanItem, check_fresh
from tests.core.profiles import quick
from tests.core.values import json_values, keys, shuffled

params = st.dictionaries(keys, json_values, max_size=3)
differences = st.builds(Difference, path=keys, before=json_values, after=json_values)
changes = st.builds(
    Change, target=st.just("service/web"), difference=st.lists(differences, max_size=2), preconditions=params
)
items = st.builds(
    PlanItem, id=keys, operation=st.just("host.x"), params=params, effect=st.sampled_from(Effect), change=changes
)


def plan_of(items: list[PlanItem]) -> Plan:
    plan = Plan(id="01J", created=1000.0, expires=1000.0 + LIFETIME, actor="user:ana", version="0.1.0", items=items)
    plan.digest = plan.compute_digest()
    return plan


ITEM = PlanItem(
    id="1", operation="host.x", params={"a": {"b": 1}}, effect=Effect.WRITE, change=Change(target="service/web")
)
PLAN = plan_of([ITEM])


def test_digest_leaves_out_identity_and_time() -> None:
    later = replace(PLAN, id="01K", created=2000.0, expires=9999.0)
    assert later.compute_digest() == PLAN.digest


@pytest.mark.parametrize(
    "changed",
    [
        replace(PLAN, actor="user:eve"),
        replace(PLAN, version="0.2.0"),
        replace(PLAN, items=[]),
        replace(PLAN, items=[ITEM, ITEM]),
        replace(PLAN, items=[replace(ITEM, operation="host.y")]),
        replace(PLAN, items=[replace(ITEM, params={"a": {"b": 2}})]),
        replace(PLAN, items=[replace(ITEM, params={"a": {"b": 1.0}})]),
        replace(PLAN, items=[replace(ITEM, effect=Effect.READ)]),
        replace(PLAN, items=[replace(ITEM, depends_on=["2"])]),
        replace(PLAN, items=[replace(ITEM, change=Change(target="service/db"))]),
        replace(PLAN, items=[replace(ITEM, change=Change(target="service/web", preconditions={"etag": "x"}))]),
    ],
)
def test_edited_plan_is_refused(changed: Plan) -> None:
    with pytest.raises(PreconditionFailedError, match="was changed after it was made") as caught:
        changed.check_unchanged(PLAN)
    assert caught.value.hint == "make a new plan"


def test_forged_digest_does_not_help() -> None:
    forged = replace(PLAN, items=[])
    forged.digest = forged.compute_digest()
    with pytest.raises(PreconditionFailedError):
        forged.check_unchanged(PLAN)


@given(st.lists(items, max_size=3), st.randoms(use_true_random=False))
@quick
def test_plan_survives_a_file_in_any_order_of_keys(made: list[PlanItem], random: Random) -> None:
    plan = plan_of(made)
    document: dict[str, Any] = decode(encode(plan), dict[str, Any])
    copy = decode(encode(shuffled(document, random)), Plan)
    assert copy.compute_digest() == plan.digest
    copy.check_unchanged(plan)


def test_expiry_is_the_end_of_the_plan() -> None:
    check_fresh(PLAN, PLAN.expires - 0.001)
    with pytest.raises(PreconditionFailedError, match="has expired") as caught:
        check_fresh(PLAN, PLAN.expires)
    assert caught.value.expected == "a plan not older than 60 minutes"
