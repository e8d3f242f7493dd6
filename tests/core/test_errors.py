import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from outrider.core import errors
from outrider.core.codec import decode, encode
from outrider.core.errors import (
    CODES,
    ErrorBody,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    collected,
    did_you_mean,
    from_body,
    near_names,
)
from tests.core.profiles import quick

CLASSES = OutriderError.__subclasses__()
texts = st.text(max_size=20)
bodies = st.recursive(
    st.builds(
        ErrorBody,
        code=st.sampled_from(sorted(CODES)),
        message=texts,
        path=texts,
        found=texts,
        suggestions=st.lists(texts, max_size=3),
        operator=texts,
        trace_id=texts,
        retry_after=st.none() | st.floats(0, 1e6),
        context=st.dictionaries(texts, texts, max_size=2),
    ),
    lambda causes: st.builds(ErrorBody, code=st.just("PARTIAL"), message=texts, causes=st.lists(causes, max_size=3)),
    max_leaves=5,
)


def test_every_code_has_one_class() -> None:
    assert sorted(cls.code for cls in CLASSES) == sorted(CODES)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_in_the_tree_of_the_module(cls: type[OutriderError]) -> None:
    assert f"{cls.__name__:<25} {cls.code}\n" in f"{errors.__doc__}"


@pytest.mark.parametrize(
    ("code", "http", "status", "retryable"),
    [
        ("INVALID_CONFIG", 400, 2, False),
        ("UNKNOWN_OPERATOR", 404, 2, False),
        ("UNKNOWN_OPERATION", 404, 2, False),
        ("MISSING_REQUIREMENT", 501, 1, False),
        ("UNSUPPORTED", 501, 1, False),
        ("UNAUTHENTICATED", 401, 4, False),
        ("DENIED", 403, 5, False),
        ("NOT_FOUND", 404, 3, False),
        ("CONFLICT", 409, 5, False),
        ("PRECONDITION_FAILED", 412, 5, False),
        ("LIMITED", 429, 7, True),
        ("TIMEOUT", 504, 7, True),
        ("CONNECTION_FAILED", 502, 7, True),
        ("UNAVAILABLE", 503, 7, True),
        ("EXECUTION_FAILED", 500, 1, False),
        ("PARTIAL", 500, 1, False),
        ("CANCELLED", 499, 130, False),
        ("INTERNAL", 500, 1, False),
    ],
)
def test_codes_mean_the_same_at_every_door(code: str, http: int, status: int, *, retryable: bool) -> None:
    found = CODES[code]
    assert (found.http, found.exit, found.retryable) == (http, status, retryable)


@given(bodies)
@quick
def test_error_survives_the_wire(body: ErrorBody) -> None:
    once = from_body(body).body()
    assert from_body(decode(encode(once), ErrorBody)).body() == once
    assert (once.code, once.message, once.trace_id) == (body.code, body.message, body.trace_id)
    assert [cause.message for cause in once.causes] == [cause.message for cause in body.causes]


def test_unknown_code_becomes_internal() -> None:
    assert from_body(ErrorBody(code="NEW_IN_2030", message="x")).code == "INTERNAL"


def test_hint_is_the_first_of_three_suggestions() -> None:
    error = NotFoundError("gone", suggestions=["a", "b", "c", "d"])
    assert (error.hint, error.suggestions) == ("a", ["a", "b", "c"])
    assert NotFoundError("gone").hint == ""


def test_collected_keeps_the_first_fault_on_top_and_all_in_order() -> None:
    first = LimitedError("slow down", path="a", retry_after=2.0, suggestions=["wait"], context={"limit": 5})
    first.operator, first.trace_id = "@host", "f" * 32
    faults = [first, InvalidConfigError("b"), InvalidConfigError("c")]
    error = collected(faults)
    assert (error.message, error.retry_after, error.operator) == ("slow down", 2.0, "@host")
    assert error.body() == replace(first.body(), causes=[fault.body() for fault in faults])


def test_single_fault_is_raised_as_it_is() -> None:
    fault = InvalidConfigError("a")
    assert collected([fault]) is fault


@pytest.mark.parametrize(
    ("name", "near"), [("get_pod", ["get_pods"]), ("scael", ["scale"]), ("zzz", []), ("GET_PODS", [])]
)
def test_near_names(name: str, near: list[str]) -> None:
    assert near_names(name, ["get_pods", "scale", "drain"]) == near


def test_at_most_three_near_names() -> None:
    assert len(near_names("web-0", [f"web-{number}" for number in range(1, 9)])) == 3


def test_suggestions_for_names() -> None:
    assert did_you_mean("scael", ["scale", "drain"]) == ["did you mean 'scale'?"]
    assert did_you_mean("zzz", ["scale", "drain"]) == ["use one of: drain, scale"]
    assert did_you_mean("zzz", []) == []
