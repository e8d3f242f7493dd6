"""Which objects a list or a watch is about: namespace, label selector, field selector."""

import re
from collections.abc import Callable

from tests.servers.kube_api.calls import Call
from tests.servers.kube_api.errors import Document, bad_request

Selector = Callable[[Document], bool]
_TERM = re.compile(r"\s*(!?)\s*([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*)\s*)?")
_FIELDS = ("metadata.name", "metadata.namespace")


def read_selector(call: Call, namespace: str) -> Selector:
    """Return what tells whether an object is asked for.

    Args:
        call: Its query may have `labelSelector` (`a=b`, `a!=b`, `a`, `!a`) and `fieldSelector` (name and namespace).
        namespace: Of the path; empty for all.

    Raises:
        ApiError: A selector is not understood (400).
    """
    tests = [_label_test(term) for term in _terms(call, "labelSelector")]
    tests += [_field_test(term) for term in _terms(call, "fieldSelector")]
    if namespace:
        tests.append(lambda one: one["metadata"].get("namespace") == namespace)
    return lambda one: all(test(one) for test in tests)


def _terms(call: Call, name: str) -> list[re.Match[str]]:
    found = []
    for text in call.query.get(name, "").split(","):
        if text.strip():
            match = _TERM.fullmatch(text)
            if match is None:
                raise bad_request(f"unable to parse requirement: {text!r} in {name}")
            found.append(match)
    return found


def _label_test(term: re.Match[str]) -> Selector:
    absent, label, operator, wanted = term.groups()

    def value(one: Document) -> str | None:
        found: str | None = one["metadata"].get("labels", {}).get(label)
        return found

    if operator is None:
        return lambda one: (value(one) is None) == bool(absent)
    return lambda one: (value(one) == wanted) == (operator != "!=")


def _field_test(term: re.Match[str]) -> Selector:
    _, field, operator, wanted = term.groups()
    if field not in _FIELDS or operator is None:
        raise bad_request(f'field label not supported: "{field}"')
    name = field.partition(".")[2]
    return lambda one: (one["metadata"].get(name, "") == wanted) == (operator != "!=")
