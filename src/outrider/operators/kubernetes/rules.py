"""Rules of RBAC: whether one allows a call, and the fewest rules that allow given calls and nothing else.

What a rule allows is decided as the API server decides it (Kubernetes, "Using RBAC Authorization"; `RuleAllows` of its authorizer). A
call of a path that is no resource, such as `/healthz`, has that path as its resource.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from outrider.ports.kube.answers import Access

ALL = "*"
# Of such a call the server does not know the name when it decides, or only where it is asked in a particular way.
_NAMELESS = frozenset({"create", "list", "watch", "deletecollection"})
# Of which so many objects may be named that a rule with all their names helps nobody.
_COMMON = frozenset({"get", "update", "patch", "delete"})


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule (rbac.authorization.k8s.io/v1, PolicyRule).

    Attributes:
        groups: API groups; empty text is the core.
        resources: Plurals, with a subresource as in `pods/log`.
        names: Of the objects that it is limited to; all objects where there are none.
        urls: Paths that are no resources; they may end with `*`.
    """

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Such as `get, list: deployments.apps, deployments.apps/scale [web]`."""
        titles = [_title(group, resource) for group in self.groups for resource in self.resources]
        names = f" [{', '.join(self.names)}]" if self.names else ""
        return f"{', '.join(self.verbs)}: {', '.join((*titles, *self.urls))}{names}"


def _title(group: str, resource: str) -> str:
    plural, slash, part = resource.partition("/")
    return f"{plural}.{group}{slash}{part}" if group else resource


def read_rule(found: Mapping[str, Any]) -> Rule:
    """Return a rule of a Role or ClusterRole."""
    fields = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    verbs, groups, resources, names, urls = (tuple(map(str, found.get(field) or ())) for field in fields)
    return Rule(verbs=verbs, groups=groups, resources=resources, names=names, urls=urls)


def write_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as Roles and ClusterRoles have it."""
    fields = {
        "apiGroups": rule.groups, "resources": rule.resources, "resourceNames": rule.names, "nonResourceURLs": rule.urls, "verbs": rule.verbs,
    }  # fmt: skip
    return {name: list(values) for name, values in fields.items() if values}


def is_url(access: Access) -> bool:
    """Return whether a call is of a path that is no resource."""
    return access.resource.startswith("/")


def allows(rule: Rule, access: Access) -> bool:
    """Return whether a rule allows a call, wherever that is.

    Where the call has `*` for a verb, group or resource, or names no object, all of them are meant.
    """
    if not (ALL in rule.verbs or access.verb in rule.verbs):
        return False
    if is_url(access):
        return any(_is_path(one, access.resource) for one in rule.urls)
    return (
        (ALL in rule.groups or access.group in rule.groups)
        and any(_is_resource(one, access.resource) for one in rule.resources)
        and (not rule.names or access.name in rule.names)
    )


def _is_path(pattern: str, path: str) -> bool:
    return pattern in (ALL, path) or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))


def _is_resource(pattern: str, resource: str) -> bool:
    part = resource.partition("/")[2]
    return pattern in (ALL, resource) or (bool(part) and pattern == f"*/{part}")


def limited_names(rule: Rule, access: Access) -> tuple[str, ...]:
    """Return the names of objects for which alone a rule allows a call that names none; none where it does not, or allows it for all."""
    if access.name or not rule.names or (access.verb == "create" and "/" not in access.resource):
        return ()
    return rule.names if allows(msgspec.structs.replace(rule, names=()), access) else ()


def single_rights(rule: Rule) -> Iterator[Access]:
    """Yield what a rule allows, one by one; wildcards stay what they are."""
    for verb, group, resource, name in product(rule.verbs, rule.groups, rule.resources, rule.names or ("",)):
        yield Access(verb, group, resource, name=name)
    for verb, url in product(rule.verbs, rule.urls):
        yield Access(verb, "", url)


def merged(accesses: Iterable[Access], *, most_names: int | None = None) -> list[Rule]:
    """Return the fewest rules that allow calls of one namespace, and nothing else.

    Args:
        accesses: The calls.
        most_names: Of how many objects of a kind each is named; where there are more, all objects are allowed. None for any number.
    """
    names: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    urls: defaultdict[str, set[str]] = defaultdict(set)
    for access in accesses:
        if is_url(access):
            urls[access.resource].add(access.verb)
        else:
            names[access.group, access.resource, access.verb].add("" if access.verb in _NAMELESS else access.name)
    rules = [
        Rule(verbs=verbs, groups=(group,), resources=tuple(sorted(resources)), names=limited)
        for (group, verbs, limited), resources in _same_verbs(names, most_names).items()
    ]
    return sorted(rules, key=_order) + _url_rules(urls)


def _same_verbs(
    names: Mapping[tuple[str, str, str], set[str]], most_names: int | None
) -> dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]]:
    """Return the resources that have the same group, verbs and names in common."""
    verbs: defaultdict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (group, resource, verb), found in names.items():
        many = most_names is not None and verb in _COMMON and len(found) > most_names
        every = many or "" in found
        verbs[group, resource, () if every else tuple(sorted(found))].add(verb)
    resources: defaultdict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    for (group, resource, limited), together in verbs.items():
        resources[group, tuple(sorted(together)), limited].add(resource)
    return resources


def _url_rules(urls: Mapping[str, set[str]]) -> list[Rule]:
    paths: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in sorted(urls):
        paths[tuple(sorted(urls[path]))].append(path)
    return [Rule(verbs=verbs, urls=tuple(found)) for verbs, found in sorted(paths.items())]


def _order(rule: Rule) -> tuple[tuple[str, ...], ...]:
    return rule.groups, rule.resources, rule.names, rule.verbs
