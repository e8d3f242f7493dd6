import copy
import difflib
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError, UnsupportedError
from outrider.operators.kubernetes.field_values import with_values
from outrider.operators.kubernetes.file_differences import file_differences
from outrider.operators.kubernetes.yaml_edits import edited, same
from outrider.runtime.documents import read_text

WEB = """\
# owned by the shop team
apiVersion: apps/v1
kind: Deployment
metadata:
    name: web     # the name
    labels: {app: web,   tier: "front"}
spec:
    replicas:   2   # two are enough

    template:
        spec:
            containers:
            # the server
            -   name: web
                image: "shop/web:1"   # pinned
                command:
                  - sh
                  - -c
                  - |
                    echo hi
                    exec  serve
            # a helper
            - {name: side, image: shop/side}
---
# another document
kind: Other
on: yes
version: 0010
"""


def changed(text: str, change: Callable[[Any], Any]) -> list[str]:
    """Return the lines that go and come where the first document is changed."""
    document = read_text(text, "web.yaml")[0]
    wanted = copy.deepcopy(document.data)
    change(wanted)
    lines = difflib.ndiff(text.splitlines(), edited(text, document, wanted).splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]


def put(*assignments: str) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        new = with_values(found, assignments)
        found.clear()
        found.update(new)

    return change


@pytest.mark.parametrize(
    ("assignment", "lines"),
    [
        ("spec.replicas=3", ["-     replicas:   2   # two are enough", "+     replicas:   3   # two are enough"]),
        (
            "spec.template.spec.containers[web].image=shop/web:2",
            ['-                 image: "shop/web:1"   # pinned', '+                 image: "shop/web:2"   # pinned'],
        ),
        (
            "spec.template.spec.containers[side].image=010",
            ["-             - {name: side, image: shop/side}", "+             - {name: side, image: '010'}"],
        ),
        ("spec.paused=true", ["+     paused: true"]),
        ("spec.replicas=null", ["-     replicas:   2   # two are enough"]),
        ("metadata.annotations['a.b/c']=x", ["+     annotations:", "+       a.b/c: x"]),
        (
            "metadata.labels.tier=null",
            ['-     labels: {app: web,   tier: "front"}', "+     labels: {app: web}"],
        ),
        ("spec.template.spec.containers[1]=null", ["-             - {name: side, image: shop/side}"]),
        (
            "spec.template.spec.containers[web].name=null",
            ["-             -   name: web", '-                 image: "shop/web:1"   # pinned', '+             -   image: "shop/web:1"   # pinned'],
        ),
        ("spec.template.spec.containers[web].command[2]=exec serve", [
            "-                   - |", "-                     echo hi", "-                     exec  serve",
            "+                   - exec serve",
        ]),
    ],
)  # fmt: skip
def test_only_the_lines_that_differ_change(assignment: str, lines: list[str]) -> None:
    assert changed(WEB, put(assignment)) == lines


def test_items_come_and_go_by_their_names() -> None:
    def change(found: Any) -> None:
        containers = found["spec"]["template"]["spec"]["containers"]
        containers[:] = [{"name": "new", "env": [{"name": "A", "value": "yes"}]}, containers[0]]

    assert changed(WEB, change) == [
        "+             - name: new", "+               env:", "+               - name: A", "+                 value: 'yes'",
        "-             - {name: side, image: shop/side}",
    ]  # fmt: skip


def test_line_ends_and_a_missing_last_one_stay() -> None:
    for text in (WEB.replace("\n", "\r\n"), WEB.removesuffix("\n")):
        document = read_text(text, "web.yaml")[0]
        after = edited(text, document, with_values(document.data, ["spec.replicas=3", "spec.paused=true"]))
        assert after.count("\r\n") == (after.count("\n") if "\r\n" in text else 0)
        assert after.endswith("\n") == text.endswith("\n")


@pytest.mark.parametrize(
    "text",
    ["a: &x {b: 1}\nc: *x\n", "a: &x 1\nb: *x\n", "a: &x\n- 1\nb: *x\n"],
    ids=["map", "scalar", "list"],
)
def test_what_an_anchor_shares_is_not_changed(text: str) -> None:
    document = read_text(text, "f")[0]
    for key in ("a", "b", "c"):
        if key in document.data:
            with pytest.raises(UnsupportedError):
                edited(text, document, {**document.data, key: [5]})
    assert edited(text, document, {**document.data, "z": 1}) == f"{text}z: 1\n"


def test_truth_is_no_number() -> None:
    assert not same({"a": [1]}, {"a": [True]})
    assert not same(1, 1.0)
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 1000),
    st.sampled_from(["", "x", "yes", "1.2", "010", "two words", "a: b", "# no", "one\ntwo\n", "one\ntwo", " lead\n x", "é", "- x", "1e+20", "y"]),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=6),
)  # fmt: skip
_KEYS = st.sampled_from(["a", "b", "name", "c.d/e", "on", "1"])
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)
_OBJECTS = st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=5)


class _Indented(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def rendered(data: Any, style: int, chance: random.Random) -> str:
    """Return data as people write it: in several forms, with comments."""
    text = yaml.dump(
        data, Dumper=_Indented if style & 1 else yaml.SafeDumper, sort_keys=False, allow_unicode=True, width=10**6,
        indent=4 if style & 2 else 2, default_flow_style=None if style & 4 else False,
    )  # fmt: skip
    lines = []
    for line in text.split("\n"):
        if re.fullmatch(r" *(- )*[a-z]+:( [a-z0-9]+)?", line) and chance.random() < 0.5:
            lines += [f"{' ' * (len(line) - len(line.lstrip()))}# about", f"{line}   # side"]
        else:
            lines.append(line)
    return "\n".join(lines)


@settings(max_examples=80, deadline=None)
@given(_OBJECTS, _OBJECTS, st.integers(0, 7), st.randoms(use_true_random=False))
def test_any_content_is_written_and_other_documents_stay(
    before: Any, after: Any, style: int, chance: random.Random
) -> None:
    head, tail = "# top\n", "---\n# other\nz: 1 # end\n"
    text = head + rendered(before, style, chance) + tail
    try:
        documents = read_text(text, "f")
    except OutriderError:  # a comment has come into a text of several lines
        return
    if len(documents) != 2:
        return
    try:
        result = edited(text, documents[0], after)
    except UnsupportedError:  # of forms that are seldom used nothing is written rather than something wrong
        return
    assert same([one.data for one in read_text(result, "f")], [after, {"z": 1}])
    assert result.startswith(head)
    assert result.endswith(tail)
    assert edited(text, documents[0], documents[0].data) == text


def test_values_are_set_by_paths() -> None:
    found = {"spec": {"ports": [{"port": 80}, {"port": 90}], "env": [{"name": "A", "value": "1"}], "plain": ["x"]}}
    changes = [
        "spec.ports[90].port=91",
        'spec.env[A].value="2"',
        "spec.plain[0]=a=b",
        "spec.new.deep={x: [1]}",
        "spec.hosts=*.example.org",
    ]
    assert with_values(found, changes)["spec"] == {
        "ports": [{"port": 80}, {"port": 91}], "env": [{"name": "A", "value": "2"}], "plain": ["a=b"], "new": {"deep": {"x": [1]}},
        "hosts": "*.example.org",
    }  # fmt: skip
    assert found["spec"]["plain"] == ["x"], "the object itself stays"
    for wrong in (
        "spec.replicas",
        "=3",
        "spec.env[B].value=1",
        "spec.env.value=1",
        "spec.plain[0].x=1",
        "spec.ports[80].port.x=1",
    ):
        with pytest.raises(OutriderError) as caught:
            with_values(found, [wrong])
        assert caught.value.path == "set"


def test_differences_of_a_file_are_its_lines() -> None:
    found = [(one.path, one.before, one.after) for one in file_differences("f", "a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n")]
    assert found == [("f:2", "b: 2", "b: 3"), ("f:3", None, "c: 4")]
    assert [one.path for one in file_differences("f", "a: 1\nb: 2\nc: 3\n", "a: 1\nc: 3\n")] == ["f:2"]


SECRET = "kind: Secret\napiVersion: v1\nmetadata: {name: keys}\nstringData: {a: horse-battery} # horse-battery\n"


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        (SECRET, SECRET.replace("battery}", "staple, b: correct-horse}"), ["f document 1: stringData.a", "f document 1: stringData.b"]),
        ("", SECRET, ["f document 1"]),
        (f"a: 1\n---\n{SECRET}", f"a: 2\n---\n{SECRET}", ["f document 1: a"]),
        ("kind: List\nitems: []\n", "kind: List\nitems: [{kind: Secret, data: {a: horse}}]\n", ["f document 1"]),
    ],
    ids=["changed", "new", "beside", "in a list"],
)  # fmt: skip
def test_values_of_secrets_are_not_told(before: str, after: str, paths: list[str]) -> None:
    found = file_differences("f", before, after)
    assert [one.path for one in found] == paths
    assert "horse" not in str(found)
