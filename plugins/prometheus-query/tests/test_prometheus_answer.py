import contextlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import module

SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from("abcde")
VALUES = st.sampled_from(["-Inf", "-1", "0", "0.5", "1", "1e+06", "+Inf", "NaN"])
ANSWERS = st.tuples(st.dictionaries(NAMES, VALUES), st.booleans())


@pytest.fixture
def prometheus(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("prometheus-query", "prometheus_answer", monkeypatch)


def vector(values: dict[str, str]) -> dict[str, Any]:
    result = [{"metric": {"__name__": name}, "value": [1435781430.781, value]} for name, value in values.items()]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def beyond(value: str, above: float, below: float) -> bool:
    return float(value) > above or float(value) < below


@SETTINGS
@given(answers=st.lists(ANSWERS, max_size=12), room=st.integers(1, 6))
def test_bad_series_are_those_beyond_the_bounds(
    prometheus: ModuleType, answers: list[tuple[dict[str, str], bool]], room: int
) -> None:
    watch = prometheus.Watch(0.5, 0.0, room)
    bad: set[str] = set()
    for values, partial in answers:
        answer = prometheus.read_answer(
            {**vector(values), "warnings": ["part is missing"] if partial else ["PromQL info: x"]}
        )
        before = set(bad)
        for change in watch.changes(answer):
            assert (change.name in bad) != change.bad
            assert change.labels == {"__name__": change.name}
            assert (change.sample is None) == (change.name not in values)
            (bad.add if change.bad else bad.remove)(change.name)
            assert len(bad) <= room
        wanted = {name for name, value in values.items() if beyond(value, 0.5, 0.0)}
        kept = {name for name in before if name not in values and partial}
        assert bad <= wanted | kept
        assert kept | (before & wanted) <= bad
        assert watch.left_out == len((wanted | kept) - bad)
        assert watch.left_out == 0 or len(bad) == room


LABELS = st.dictionaries(
    st.just("__name__") | st.text('ab="\\,{}', max_size=4), st.text('ab="\\,{}', min_size=1, max_size=4), max_size=3
)


@SETTINGS
@given(labels=LABELS, other=LABELS)
def test_a_series_has_one_name_and_no_other_has_it(
    prometheus: ModuleType, labels: dict[str, str], other: dict[str, str]
) -> None:
    name = prometheus.series_name(labels)
    assert prometheus.series_name(dict(reversed(labels.items()))) == name
    assert (prometheus.series_name(other) == name) == (other == labels)


def test_a_label_cannot_pose_as_two(prometheus: ModuleType) -> None:
    assert prometheus.series_name({'a="x",b': "y"}) != prometheus.series_name({"a": "x", "b": "y"})


@pytest.mark.parametrize(
    ("labels", "name"),
    [({}, "{}"), ({"__name__": "up"}, "up"), ({"b": "1", "__name__": "up", "a": 'x"\\\n'}, 'up{a="x\\"\\\\\\n",b="1"}'),
     ({"job": "ü"}, '{job="ü"}'), ({"__name__": "a.b", "c.d": "e"}, '{"a.b","c.d"="e"}')],
)  # fmt: skip
def test_names_are_those_of_promql(prometheus: ModuleType, labels: dict[str, str], name: str) -> None:
    assert prometheus.series_name(labels) == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["vector", "scalar", "success", "error", "1", "x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["status", "data", "resultType", "result", "metric", "value", "warnings"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@SETTINGS
@given(result=JSON, data=JSON, document=JSON)
def test_any_json_is_an_answer_or_a_value_error(prometheus: ModuleType, result: Any, data: Any, document: Any) -> None:
    success = {"status": "success"}
    for candidate in (
        document,
        {**success, "data": data},
        {**success, "data": {"resultType": "vector", "result": result}},
        {**success, "data": {"resultType": "vector", "result": [{"metric": {}, "value": result}]}},
        {**success, "data": {"resultType": "vector", "result": [{"metric": result, "value": [0, "1"]}]}},
        {**success, "data": {"resultType": "scalar", "result": result}, "warnings": data},
    ):
        with contextlib.suppress(ValueError):
            prometheus.Watch(0.0, None, 5).changes(prometheus.read_answer(candidate))


@pytest.mark.parametrize(
    ("kind", "result", "words"),
    [("matrix", [], "a matrix"), ("string", [0, "a"], "a string"), (None, None, "a None"), ("vector", {}, "a vector"),
     ("vector", [1], "no series"), ("vector", [{"metric": {"a": "b"}}], r'\{a="b"\} has no number'),
     ("vector", [{"metric": {}, "histogram": [0, {}]}], "no number"), ("vector", [{"metric": {}, "value": [0, 1]}], "no number"),
     ("vector", [{"metric": {}, "value": [0, "one"]}], "no number"), ("scalar", [0], "no number"),
     ("vector", [{"metric": {"a": "x" * 4096}, "value": [0, "1"]}], "4096")],
)  # fmt: skip
def test_what_cannot_be_judged_says_so(prometheus: ModuleType, kind: Any, result: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prometheus.read_answer({"status": "success", "data": {"resultType": kind, "result": result}})
