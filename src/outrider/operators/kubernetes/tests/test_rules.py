import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.kubernetes.drifts import lacks, rights_of, unused
from outrider.operators.kubernetes.grants import Grant
from outrider.operators.kubernetes.operations.access_least import least
from outrider.operators.kubernetes.rules import (
    Rule,
    allows,
    limited_names,
    merged,
    read_rule,
    single_rights,
    write_rule,
)
from outrider.operators.kubernetes.subjects import Subject
from outrider.ports.kube.answers import Access

NAMELESS = ("create", "list")
VERBS, GROUPS, RESOURCES = ("get", "delete", "bind", *NAMELESS), ("", "apps"), ("pods", "pods/log", "jobs")
NAMES, NAMESPACES = ("", "a", "b"), ("", "shop", "bank")
UNIVERSE = [Access(*one) for one in itertools.product(VERBS, GROUPS, RESOURCES, NAMESPACES, NAMES)]
calls = st.lists(
    st.one_of(st.sampled_from(UNIVERSE), st.sampled_from([Access("get", "", "/metrics"), Access("post", "", "/x")])), max_size=25
)  # fmt: skip
some = st.lists(st.sampled_from(("*", "get", "delete")), min_size=1, max_size=2, unique=True).map(tuple)
rules = st.builds(
    Rule, verbs=some, groups=st.sampled_from([("",), ("*",), ("", "apps")]),
    resources=st.lists(st.sampled_from((*RESOURCES, "*", "*/log")), min_size=1, unique=True).map(tuple),
    names=st.sampled_from([(), ("a",), ("a", "b")]),
)  # fmt: skip


def seen(call: Access) -> Access:
    """Return a call as a rule can judge it at best: without the name that the server does not know."""
    return msgspec.structs.replace(call, name="") if call.verb in NAMELESS else call


def within(call: Access, namespace: str) -> bool:
    return call.namespace == namespace


@given(calls)
def test_merged_rules_allow_what_was_called_and_nothing_else(made: list[Access]) -> None:
    here = [call for call in made if within(call, "shop")]
    found = merged(here)
    wanted = {seen(call) for call in here}
    for call in (one for one in UNIVERSE if within(one, "shop")):
        expected = seen(call) in wanted or msgspec.structs.replace(call, name="") in wanted
        assert any(allows(rule, call) for rule in found) == expected, (call, found)


@given(calls)
def test_no_two_rules_could_be_one(made: list[Access]) -> None:
    found = merged(made)
    assert len({(rule.groups, rule.verbs, rule.names) for rule in found}) == len(found)
    assert len({(rule.groups, rule.resources, rule.names, rule.urls) for rule in found}) == len(found)
    assert merged(right for rule in found for right in single_rights(rule)) == found


@given(calls, st.integers(0, 3))
def test_the_least_rules_allow_each_call_where_it_was_made_and_each_right_was_used(
    made: list[Access], most_names: int
) -> None:
    found = least(made, most_names=most_names)
    for call in made:
        applicable = [*found.get("", ()), *found.get(call.namespace, ())]
        assert any(allows(rule, call) for rule in applicable), call
    used = {(call.verb, call.group, call.resource, call.namespace) for call in made}
    for namespace, granted in found.items():
        for rule in granted:
            for right in single_rights(rule):
                assert (right.verb, right.group, right.resource, namespace) in used


@given(rules)
def test_a_rule_is_the_sum_of_its_rights(rule: Rule) -> None:
    assert read_rule(write_rule(rule)) == rule
    parts = [
        Rule(verbs=(one.verb,), groups=(one.group,), resources=(one.resource,), names=(one.name,) if one.name else ())
        for one in single_rights(rule)
    ]
    for call in UNIVERSE:
        assert allows(rule, call) == any(allows(part, call) for part in parts)
    assert all(allows(rule, right) for right in single_rights(rule))


@given(st.lists(rules, max_size=3), calls)
def test_drift_finds_all_that_is_missing_and_nothing_that_is_used(given: list[Rule], made: list[Access]) -> None:
    grants = [Grant(Subject("User", "ana"), "shop", "rolebinding/x", "role/x", rule) for rule in given]
    missing = lacks(grants, made)
    covered = [call for call in made if within(call, "shop") and any(allows(rule, call) for rule in given)]
    assert (not missing) == (len(covered) == len(made))
    assert lacks(grants, rights_of(grants)) == []
    too_many = {one.rule for one in unused(grants, set(made))}
    assert ("everything" in too_many) == (bool(grants) and not covered)


@pytest.mark.parametrize(
    ("rule", "call", "expected"),
    [
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics/*"]}, Access("get", "", "/metrics/a/b"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics/*"]}, Access("get", "", "/metrics"), False),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, Access("post", "", "/x"), True),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, Access("get", "", "/x"), False),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, Access("get", "", "pods/log"), False),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["*/log"]}, Access("get", "", "pods/log"), True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, Access("*", "", "pods"), False),
        ({"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}, Access("list", "", "pods"), False),
    ],
)  # fmt: skip
def test_a_rule_allows_what_the_server_would_allow(rule: dict[str, list[str]], call: Access, expected: bool) -> None:
    assert allows(read_rule(rule), call) is expected


def test_a_rule_for_some_objects_is_told_with_their_names() -> None:
    rule = Rule(verbs=("create", "get"), groups=("apps",), resources=("jobs", "jobs/scale"), names=("a",))
    assert rule.text == "create, get: jobs.apps, jobs.apps/scale [a]"
    assert limited_names(rule, Access("get", "apps", "jobs")) == ("a",)
    assert limited_names(rule, Access("create", "apps", "jobs")) == (), "of what is created the server knows no name"
    assert limited_names(rule, Access("create", "apps", "jobs/scale")) == ("a",)
    assert limited_names(rule, Access("get", "", "jobs")) == ()
