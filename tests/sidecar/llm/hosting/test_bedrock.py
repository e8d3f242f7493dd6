"""Amazon Bedrock: calls of Anthropic's messages on their way there, and errors and streams on their way back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.sidecar.llm.hosting.amazon import LONGEST_ERROR, region_in
from outrider.sidecar.llm.hosting.bedrock import VERSION, Bedrock, Signed, invoke_body, invoke_path
from outrider.sidecar.llm.hosting.host import Outgoing
from outrider.sidecar.proxy.messages import Field
from tests.core.profiles import thorough

HOST = "bedrock-runtime.eu-west-1.amazonaws.com"
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = '{"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}'
CALL = b'{"model":"m","max_tokens":5,"temperature":1e0,"messages":[{"role":"user","content":"h\\u00e4"}],"stream":true}'
STREAMED: list[Field] = [(b"content-type", b"application/vnd.amazon.eventstream")]
MESSAGES = b"/v1/messages"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "eu-west-1"), ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"), ("BEDROCK-MANTLE.us-east-2.api.aws", "us-east-2"),
        ("vpce-0a1-b2.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"), ("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"), ("127.0.0.1", ""), ("gateway.example", ""),
    ],
)  # fmt: skip
def test_regions(host: str, region: str) -> None:
    assert region_in(host) == region


def test_a_region_must_be_known() -> None:
    with pytest.raises(InvalidConfigError, match="region"):
        Bedrock("gateway.example", b"")
    with pytest.raises(InvalidConfigError, match="region"):
        Bedrock(HOST, b"", region="Ireland")
    host = Bedrock("gateway.example", b"", region="eu-west-1")
    host.use_key(KEYS)
    assert b"/eu-west-1/bedrock/" in dict(host.fields_at_send(Outgoing(b"/", [], b""), b"h", 0.0))[b"authorization"]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (MODEL, b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/a.b", b"/model/arn:aws:bedrock:eu-west-1:1:inference-profile%2Fa.b/invoke"),
        ("a b;c?d#e", b"/model/a%20b%3Bc%3Fd%23e/invoke"),
    ],
)  # fmt: skip
def test_paths(model: str, path: bytes) -> None:
    assert invoke_path(b"", model, stream=False) == path
    assert invoke_path(b"/base", model, stream=True) == b"/base" + path + b"-with-response-stream"


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_a_model_that_is_another_path(model: str) -> None:
    with pytest.raises(InvalidConfigError):
        invoke_path(b"", model, stream=False)


def test_model_and_stream_leave_the_body_and_the_version_comes_in() -> None:
    body, stream = invoke_body(CALL, [])
    assert stream
    assert body == (
        b'{"max_tokens":5,"temperature":1e0,"messages":[{"role":"user","content":"h\\u00e4"}],'
        b'"anthropic_version":"bedrock-2023-05-31"}'
    )
    for value in (b"false", b"null"):
        assert not invoke_body(b'{"stream": %s}' % value, [])[1]


def test_what_the_body_has_already_stays() -> None:
    fields = [(b"anthropic-beta", b"a"), (b"anthropic-user-profile-id", b"u")]
    given_body = {"anthropic_version": "v", "anthropic_beta": ["b"], "user_profile_id": "p"}
    assert json.loads(invoke_body(json.dumps(given_body).encode(), fields)[0]) == given_body


def test_fields_that_stand_in_the_body() -> None:
    fields = [(b"anthropic-beta", b"a-1, b-2,,"), (b"anthropic-beta", b"c-3"), (b"anthropic-user-profile-id", b"u")]
    body = json.loads(invoke_body(b"{}", fields)[0])
    assert body == {"anthropic_version": VERSION, "anthropic_beta": ["a-1", "b-2", "c-3"], "user_profile_id": "u"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 20_000])
def test_what_is_no_call(body: bytes) -> None:
    with pytest.raises(InvalidConfigError):
        invoke_body(body, [])


def test_a_request() -> None:
    fields = [
        (b"accept", b"*/*"), (b"content-type", b"text/plain"), (b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"b"),
        (b"x-stainless-os", b"o"), (b"x-amzn-bedrock-service-tier", b"priority"), (b"x-amz-date", b"d"), (b"user-agent", b"u"),
    ]  # fmt: skip
    asked = Bedrock(HOST, b"").request(MESSAGES + b"?beta=true", fields, CALL, model=MODEL)
    assert asked.path == invoke_path(b"", MODEL, stream=True)
    assert asked.fields == [
        (b"user-agent", b"u"),
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
    ]
    assert json.loads(asked.body)["anthropic_beta"] == ["b"]


@pytest.mark.parametrize("path", [b"/v1/messages/count_tokens", b"/v1/complete"])
def test_nothing_else_can_be_asked(path: bytes) -> None:
    with pytest.raises(UnsupportedError, match="Bedrock"):
        Bedrock(HOST, b"").request(path, [], CALL, model=MODEL)


def test_a_provider_without_a_key_with_an_api_key_and_with_keys() -> None:
    host = Bedrock(HOST, b"")
    asked = host.request(MESSAGES, [], CALL, model=MODEL)
    assert host.fields_at_send(asked, HOST.encode(), 0.0) == []
    host.use_key("ABSKQmVkcm9ja0=\n")
    assert host.fields_at_send(asked, HOST.encode(), 0.0) == [(b"authorization", b"Bearer ABSKQmVkcm9ja0=")]
    host.use_key(KEYS)
    fields = dict(host.fields_at_send(asked, HOST.encode(), 1.0))
    assert fields[b"x-amz-date"] == b"19700101T000001Z"
    assert (
        b"/19700101/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date"
        in fields[b"authorization"]
    )


def test_endpoints_that_speak_a_dialect_are_only_signed() -> None:
    host = Signed("anthropic", "bedrock-mantle.us-east-1.api.aws", b"/anthropic")
    fields: list[Field] = [(b"anthropic-version", b"v"), (b"x-amz-date", b"d")]
    asked = host.request(MESSAGES + b"?beta=true", fields, CALL, model=MODEL)
    assert (asked.path, asked.fields, asked.body) == (b"/anthropic/v1/messages?beta=true", fields[:1], CALL)
    host.use_key(KEYS)
    assert b"/us-east-1/bedrock-mantle/" in dict(host.fields_at_send(asked, b"h", 0.0))[b"authorization"]
    chat = Signed("openai", HOST, b"/openai/v1").request(b"/v1/chat/completions", [], b"{}", model="m")
    assert chat.path == b"/openai/v1/chat/completions"
    assert host.read(200, STREAMED) is None


def read_error(status: int, body: bytes, code: str = "", host: Bedrock | Signed | None = None) -> dict[str, Any]:
    fields: list[Field] = [(b"content-type", b"application/x-amz-json-1.0")]
    fields += [(b"x-amzn-errortype", code.encode())] if code else []
    reading = (host or Bedrock(HOST, b"")).read(status, fields)
    assert reading is not None
    assert (b"content-type", b"application/json") in fields
    assert reading.feed(body[:3]) + reading.feed(body[3:]) == b""
    found: dict[str, Any] = json.loads(reading.end())
    assert not reading.problem
    return found


@pytest.mark.parametrize(
    ("status", "code", "body", "kind", "message"),
    [
        (429, "ThrottlingException", b'{"message":"Too many"}', "rate_limit_error", "ThrottlingException: Too many"),
        (403, "AccessDeniedException:http://internal.amazon.com/x/", b'{"Message":"no"}', "permission_error", "AccessDeniedException: no"),
        (400, "", b'{"__type":"com.amazon#ValidationException","message":"bad"}', "invalid_request_error", "ValidationException: bad"),
        (424, "ModelErrorException", b'{"message":"m","originalMessage":"o"}', "api_error", "ModelErrorException: m: o"),
        (400, "ServiceQuotaExceededException", b'{"message":"q"}', "rate_limit_error", "ServiceQuotaExceededException: q"),
        (503, "", b"<html>busy</html>", "overloaded_error", "<html>busy</html>"),
        (500, "", b"", "api_error", "the provider answered with status 500"),
        (404, "", b"[]", "not_found_error", "the provider answered with status 404"),
        (500, "", b"x" * (LONGEST_ERROR + 100), "api_error", "x" * 500),
    ],
)  # fmt: skip
def test_errors(status: int, code: str, body: bytes, kind: str, message: str) -> None:
    assert read_error(status, body, code) == {"type": "error", "error": {"type": kind, "message": message}}


def test_of_an_error_that_does_not_end_little_is_kept() -> None:
    reading = Bedrock(HOST, b"").read(500, [])
    assert reading is not None
    assert [reading.feed(b"x" * 1000) for _ in range(200)] == [b""] * 200
    assert len(reading.end()) < 1000


def test_errors_of_a_dialect_stay_and_others_are_told_in_it() -> None:
    ours = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}, "request_id": "r"}
    assert read_error(529, json.dumps(ours).encode(), host=Signed("anthropic", HOST, b"")) == ours
    found = read_error(403, b'{"message":"no"}', "AccessDeniedException", Signed("openai", HOST, b"/openai/v1"))
    assert found["error"] == {"message": "AccessDeniedException: no", "type": "AccessDeniedException", "code": "AccessDeniedException", "param": None}  # fmt: skip


def test_what_a_status_means() -> None:
    host = Bedrock(HOST, b"")
    assert host.status(400, [(b"x-amzn-errortype", b"ServiceQuotaExceededException")]) == 429
    assert host.status(424, [(b"x-amzn-errortype", b"ModelErrorException:")]) == 500
    assert (host.status(429, []), host.status(200, [(b"x-amzn-errortype", b"ModelErrorException")])) == (429, 200)


@given(st.binary(max_size=80) | st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4)).map(lambda found: json.dumps(found).encode()))  # fmt: skip
@thorough
def test_any_error_is_told(body: bytes) -> None:
    assert read_error(500, body)["error"]


@given(st.dictionaries(st.sampled_from(["model", "stream", "max_tokens", "x"]), st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), max_size=4))  # fmt: skip
@thorough
def test_all_else_of_a_body_stays(members: dict[str, Any]) -> None:
    found = json.loads(invoke_body(json.dumps(members).encode(), [])[0])
    kept = {name: value for name, value in members.items() if name not in ("model", "stream")}
    assert found == {**kept, "anthropic_version": VERSION}
