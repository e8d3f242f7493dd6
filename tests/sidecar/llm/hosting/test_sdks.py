"""The real SDKs and a scripted server: what they ask of Bedrock, and what they make of its answers and of ours."""

import base64
import calendar
import json
import time
from typing import Any

import pytest

from outrider.core.secrets import SecretValue
from outrider.sidecar.llm.hosting.bedrock import VERSION, Bedrock
from outrider.sidecar.llm.hosting.credentials import AwsKeys
from outrider.sidecar.llm.hosting.sigv4 import Request, sign
from outrider.sidecar.proxy.messages import Field
from tests.sidecar.llm.hosting.frames import EVENTS, STREAM, chunk, exception
from tests.sidecar.llm.hosting.peer import Asked, Peer

pytestmark = pytest.mark.real
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MODELS = [
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/a.b-c",
    "plain",
]
HOST = "bedrock-runtime.eu-west-1.amazonaws.com"
EVENT_STREAM = "application/vnd.amazon.eventstream"
QUESTION = {"max_tokens": 5, "messages": [{"role": "user", "content": "hällo"}], "system": "be brief"}
ANSWER = {
    "id": "msg_bdrk_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1},
}  # fmt: skip
ERRORS = [
    (429, "ThrottlingException", "RateLimitError"),
    (403, "AccessDeniedException", "PermissionDeniedError"),
    (400, "ValidationException", "BadRequestError"),
    (503, "ServiceUnavailableException", "ServiceUnavailableError"),
]


def asked_by_sdk(peer: Peer, model: str, *, stream: bool = False, **more: Any) -> Asked:
    """Return what Anthropic's SDK sends to Bedrock, with the version that the models in question know."""
    peer.answer_with(STREAM if stream else json.dumps(ANSWER).encode(), EVENT_STREAM if stream else "application/json")
    call = {**QUESTION, "model": model, "stream": stream, "extra_body": {"anthropic_version": VERSION}, **more}
    return Asked(peer.ask("with_anthropic", "bedrock", call)["asked"])


def asked_by_us(model: str, *, stream: bool = False, fields: list[Field] | None = None) -> Any:
    body = json.dumps({**QUESTION, "model": model, "stream": stream}).encode()
    return Bedrock(HOST, b"").request(b"/v1/messages", fields or [], body, model=model)


def signed_again(asked: Asked, session: str | None) -> dict[bytes, bytes]:
    """Return our signature of what an SDK has sent, over the fields that it has signed at that time."""
    names = asked.field(b"authorization").partition(b"SignedHeaders=")[2].partition(b",")[0].split(b";")
    fields = [field for field in asked.fields if field[0] in names]
    moment = calendar.timegm(time.strptime(asked.field(b"x-amz-date").decode(), "%Y%m%dT%H%M%SZ"))
    keys = AwsKeys("AKIDEXAMPLE", SecretValue(SECRET), SecretValue(session) if session else None)
    request = Request(b"POST", asked.target, fields, asked.body)
    return dict(sign(request, keys, region="eu-west-1", service="bedrock", moment=moment))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_sdk_asks_the_same(peer: Peer, model: str, stream: bool) -> None:
    theirs, ours = asked_by_sdk(peer, model, stream=stream), asked_by_us(model, stream=stream)
    assert ours.path == theirs.target
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name, value in ours.fields:
        assert theirs.field(name) == value


def test_anthropics_sdk_puts_the_same_fields_into_the_body(peer: Peer) -> None:
    fields = {"anthropic-beta": "a-1,b-2", "anthropic-user-profile-id": "u"}
    theirs = asked_by_sdk(peer, "m", extra_headers=fields)
    ours = asked_by_us("m", fields=[(name.encode(), value.encode()) for name, value in fields.items()])
    assert json.loads(ours.body) == json.loads(theirs.body)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_sdk_signs_the_same(peer: Peer, model: str, stream: bool) -> None:
    asked = asked_by_sdk(peer, model, stream=stream)
    signature = signed_again(asked, "s+/=")
    for name, value in signature.items():
        assert asked.field(name) == value


def test_anthropics_sdk_sends_an_api_key_the_same(peer: Peer) -> None:
    peer.answer_with(json.dumps(ANSWER).encode())
    asked = Asked(peer.ask("with_anthropic", "bedrock-key", {**QUESTION, "model": "m"})["asked"])
    host = Bedrock(HOST, b"")
    host.use_key("bedrock-key")
    ((name, value),) = host.fields_at_send(asked_by_us("m"), b"h", 0.0)
    assert asked.field(name) == value


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_botos_client_asks_and_signs_the_same(peer: Peer, model: str, stream: bool) -> None:
    peer.answer_with(STREAM if stream else b"{}", EVENT_STREAM if stream else "application/json")
    ours = asked_by_us(model, stream=stream)
    found = peer.ask("with_boto", model, base64.b64encode(ours.body).decode(), stream)
    asked = Asked(found["asked"])
    assert asked.target.replace(b"%3A", b":") == ours.path
    assert asked.body == ours.body
    assert signed_again(asked, None)[b"authorization"] == asked.field(b"authorization")
    if stream:
        assert [json.loads(piece) for piece in found["seen"]] == EVENTS, "our server writes what botocore reads"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_what_we_send_is_signed_as_botocore_signs_it(peer: Peer, model: str, stream: bool) -> None:
    host = Bedrock(HOST, b"")
    host.use_key(json.dumps({"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET, "session_token": "s+/="}))
    asked = asked_by_us(model, stream=stream)
    found = host.fields_at_send(asked, HOST.encode(), 1_800_000_000.9)
    order = {
        "method": "POST", "url": f"https://{HOST}{asked.path.decode()}", "fields": [["content-type", "application/json"]],
        "body": base64.b64encode(asked.body).decode(), "moment": 1_800_000_000, "access_key": "AKIDEXAMPLE", "secret_key": SECRET,
        "session": "s+/=", "region": "eu-west-1", "service": "bedrock",
    }  # fmt: skip
    assert {name.decode(): value.decode() for name, value in found} == peer.ask("sign", order)


def read_by_us(peer: Peer, wire: bytes, status: int = 200, **fields: str) -> Any:
    """Return what Anthropic's own client sees of an answer of Bedrock after we have read it."""
    kind = EVENT_STREAM if status == 200 else "application/json"
    told: list[Field] = [(b"content-type", kind.encode())]
    told += [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    reading = Bedrock(HOST, b"").read(status, told)
    assert reading is not None
    body = reading.feed(wire) + reading.end() + reading.fault
    peer.answer_with(body, dict(told)[b"content-type"].decode(), status)
    return peer.ask("with_anthropic", "anthropic", {**QUESTION, "model": "m", "stream": status == 200})


def read_by_sdk(peer: Peer, wire: bytes, status: int = 200, **fields: str) -> Any:
    """Return what Anthropic's client for Bedrock sees of the same."""
    peer.answer_with(wire, EVENT_STREAM if status == 200 else "application/json", status, **fields)
    return peer.ask("with_anthropic", "bedrock", {**QUESTION, "model": "m", "stream": status == 200})


def test_a_stream_is_read_the_same(peer: Peer) -> None:
    ours, theirs = read_by_us(peer, STREAM)["seen"], read_by_sdk(peer, STREAM)["seen"]
    assert theirs[-1].pop("amazon-bedrock-invocationMetrics")
    assert ours == theirs
    assert [event["type"] for event in ours] == [event["type"] for event in EVENTS if event["type"] != "ping"]


@pytest.mark.parametrize(
    "kind",
    ["throttlingException", "validationException", "modelStreamErrorException", "internalServerException",
     "serviceUnavailableException", "modelTimeoutException"],
)  # fmt: skip
def test_an_exception_in_a_stream_is_an_error_for_both(peer: Peer, kind: str) -> None:
    wire = chunk(json.dumps(EVENTS[0]).encode()) + exception(kind, message="told")
    ours, theirs = read_by_us(peer, wire), read_by_sdk(peer, wire)
    assert theirs["body"]["error"] == {"type": kind, "message": "told"}
    assert ours["body"]["error"]["message"] == f"{kind}: told"


def test_an_error_that_is_an_event_passes(peer: Peer) -> None:
    told = {"type": "error", "error": {"type": "overloaded_error", "message": "told"}}
    wire = chunk(json.dumps(EVENTS[0]).encode()) + chunk(json.dumps(told).encode())
    assert read_by_us(peer, wire)["body"] == read_by_sdk(peer, wire)["body"] == told


@pytest.mark.parametrize(("status", "code", "kind"), ERRORS)
def test_an_error_is_the_same_exception_for_both(peer: Peer, status: int, code: str, kind: str) -> None:
    wire = b'{"message":"told"}'
    ours = read_by_us(peer, wire, status, x_amzn_errortype=code)
    theirs = read_by_sdk(peer, wire, status, x_amzn_errortype=code)
    assert ours["error"] == theirs["error"] == kind
    assert (ours["status"], ours["body"]["error"]["message"]) == (status, f"{code}: told")
