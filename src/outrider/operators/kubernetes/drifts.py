"""What somebody is granted beside what is needed: rights too many, and rights that are missing."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from outrider.operators.kubernetes.grants import Grant
from outrider.operators.kubernetes.rules import ALL, Rule, allows, is_url, merged, single_rights
from outrider.ports.kube.answers import Access

_SHOWN = 20


class Excess(msgspec.Struct, kw_only=True):
    """Rights that a binding gives too much.

    Attributes:
        namespace: Where; `*` for everywhere.
        rule: The rights; `everything` where nothing at all that the binding gives is needed.
        used: What of a right with a wildcard is needed; empty where nothing is.
    """

    namespace: str
    binding: str
    role: str
    rule: str
    used: str = ""


class Lack(msgspec.Struct, kw_only=True):
    """Rights that are needed and that no rule grants.

    Attributes:
        namespace: Where; `*` for everywhere.
    """

    namespace: str
    rule: str


def lacks(grants: list[Grant], needed: Iterable[Access]) -> list[Lack]:
    """Return what is needed and not granted, in the order of namespaces."""
    missing: defaultdict[str, list[Access]] = defaultdict(list)
    for access in needed:
        if not any(one.reaches(access) and allows(one.rule, access) for one in grants):
            missing[access.namespace].append(access)
    return [
        Lack(namespace=namespace or ALL, rule=rule.text)
        for namespace in sorted(missing)
        for rule in merged(missing[namespace])
    ]


def unused(grants: list[Grant], calls: set[Access]) -> list[Excess]:
    """Return what is granted and was not used, binding by binding."""
    nameless = {msgspec.structs.replace(call, name="") for call in calls}
    found = []
    for gives in _by_binding(grants):
        first, rights, idle, wide = gives[0], _rights(gives), [], []
        for right in rights:
            rule, made = _rule_of(right), calls if right.name else nameless
            through = [call for call in made if first.reaches(call) and allows(rule, call)]
            if not through:
                idle.append(right)
            elif ALL in (right.verb, right.group, right.resource) or right.resource.endswith(ALL):
                wide.append(_excess(first, rule.text, used=_shown(through)))
        found += [*_too_many(first, idle, rights), *wide]
    return found


def beyond(grants: list[Grant], wanted: list[Grant]) -> list[Excess]:
    """Return what is granted and not wanted, binding by binding."""
    found = []
    for gives in _by_binding(grants):
        first, rights = gives[0], _rights(gives)
        # A grant for everywhere is wanted only where one for everywhere is.
        allowed = [one.rule for one in wanted if one.namespace in ("", first.namespace)]
        found += _too_many(first, [one for one in rights if not any(allows(rule, one) for rule in allowed)], rights)
    return found


def rights_of(grants: Iterable[Grant]) -> set[Access]:
    """Return rights one by one, each where it is granted."""
    return {
        msgspec.structs.replace(right, namespace=one.namespace) for one in grants for right in single_rights(one.rule)
    }


def _by_binding(grants: Iterable[Grant]) -> list[list[Grant]]:
    gives: defaultdict[tuple[str, str], list[Grant]] = defaultdict(list)
    for one in grants:
        gives[one.namespace, one.binding].append(one)
    return [gives[key] for key in sorted(gives)]


def _rights(gives: Iterable[Grant]) -> list[Access]:
    return list(dict.fromkeys(right for one in gives for right in single_rights(one.rule)))


def _rule_of(right: Access) -> Rule:
    if is_url(right):
        return Rule(verbs=(right.verb,), urls=(right.resource,))
    names = (right.name,) if right.name else ()
    return Rule(verbs=(right.verb,), groups=(right.group,), resources=(right.resource,), names=names)


def _too_many(grant: Grant, some: list[Access], rights: list[Access]) -> list[Excess]:
    if len(some) == len(rights):
        return [_excess(grant, "everything")]
    return [_excess(grant, rule.text) for rule in merged(some)]


def _excess(grant: Grant, rule: str, *, used: str = "") -> Excess:
    return Excess(namespace=grant.namespace or ALL, binding=grant.binding, role=grant.role, rule=rule, used=used)


def _shown(calls: list[Access]) -> str:
    rules = [rule.text for rule in merged(calls)]
    more = [f"and {len(rules) - _SHOWN} more"] if len(rules) > _SHOWN else []
    return "; ".join([*rules[:_SHOWN], *more])
