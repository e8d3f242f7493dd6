"""Signatures of AWS: known answers from its documentation, and whatever botocore signs."""

import base64
import calendar
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.secrets import SecretValue
from outrider.sidecar.llm.hosting.credentials import AwsKeys
from outrider.sidecar.llm.hosting.sigv4 import (
    Request,
    canonical_headers,
    canonical_path,
    canonical_query,
    sign,
    signing_key,
)
from outrider.sidecar.proxy.messages import Field
from tests.core.profiles import thorough
from tests.sidecar.llm.hosting.peer import Peer

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = AwsKeys("AKIDEXAMPLE", SecretValue(SECRET))
MOMENT = calendar.timegm((2015, 8, 30, 12, 36, 0))
HOST: Field = (b"host", b"example.amazonaws.com")


def authorization(request: Request, keys: AwsKeys = KEYS) -> str:
    fields = dict(sign(request, keys, region="us-east-1", service="service", moment=MOMENT))
    return fields[b"authorization"].decode()


def test_the_key_of_the_documentation() -> None:
    found = signing_key(SECRET, "20150830", "us-east-1", "iam").hex()
    assert found == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_the_first_case_of_the_test_suite() -> None:
    wanted = "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert authorization(Request(b"GET", b"/", [HOST], b"")) == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, {wanted}"
    )


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (b"", b"/"), (b"/", b"/"), (b"/a//b/", b"/a/b/"), (b"/a/./b/../c", b"/a/c"), (b"/../..", b"/"), (b"/a/..", b"/"),
        (b"/model/a.b-v1:0/invoke", b"/model/a.b-v1%3A0/invoke"), (b"/model/a.b-v1%3A0/invoke", b"/model/a.b-v1%253A0/invoke"),
        (b"/model/arn:aws%2Fx", b"/model/arn%3Aaws%252Fx"), (b"/~user/-._", b"/~user/-._"), (b"/%zz", b"/%25zz"),
    ],
)  # fmt: skip
def test_paths(path: bytes, wanted: bytes) -> None:
    assert canonical_path(path) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (b"", b""), (b"b=2&a=1", b"a=1&b=2"), (b"a=2&a=1", b"a=1&a=2"), (b"flag", b"flag="), (b"a=b%2fc&&", b"a=b%2Fc"),
        (b"a=b=c", b"a=b%3Dc"), (b"a=x y~", b"a=x%20y~"), (b"a-b=1&a=2", b"a=2&a-b=1"),
    ],
)  # fmt: skip
def test_queries(query: bytes, wanted: bytes) -> None:
    assert canonical_query(query) == wanted


def test_fields_of_one_name_are_a_list_without_white_space() -> None:
    fields = [(b"a", b"  x   y "), (b"b", b"1"), (b"a", b"z")]
    assert canonical_headers(fields) == {b"a": b"x y,z", b"b": b"1"}


def test_what_changes_on_the_way_and_an_earlier_signature_are_not_signed() -> None:
    plain = Request(b"POST", b"/", [HOST], b"{}")
    more = [(b"authorization", b"old"), (b"user-agent", b"u"), (b"x-amz-date", b"d"), (b"x-amz-security-token", b"t")]
    assert authorization(Request(b"POST", b"/", [HOST, *more], b"{}")) == authorization(plain)
    assert authorization(Request(b"POST", b"/", [HOST], b"{ }")) != authorization(plain)


def test_a_session_is_sent_and_signed() -> None:
    keys = AwsKeys("AKIDEXAMPLE", SecretValue(SECRET), SecretValue("t+/="))
    fields = dict(sign(Request(b"GET", b"/", [HOST], b""), keys, region="r", service="s", moment=MOMENT))
    assert fields[b"x-amz-security-token"] == b"t+/="
    assert b"SignedHeaders=host;x-amz-date;x-amz-security-token" in fields[b"authorization"]


SEGMENT = st.text("aZ09:;,@&=+$!*'()[]~-._|^`{}\"\\<>", max_size=6) | st.sampled_from(
    ["%3A", "%2F", "%252F", ".", "..", "%20", "%zz", "a.b-v1:0", "arn:aws:bedrock:us-east-1::foundation-model%2Fa.b"]
)
UNRESERVED = st.text("aZ09-._~", max_size=4) | st.sampled_from(["%20", "%2B", "a%3D", "%C3%A4"])
VALUE = st.text([chr(code) for code in range(32, 127)], max_size=12).map(str.strip)
NAME = st.sampled_from([
    "content-type", "content-length", "x-amz-target", "accept", "user-agent", "te", "x-b", "x-bc", "x-b-c", "x_b", "anthropic-beta",
])  # fmt: skip
CASES = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST", "GET", "DELETE"]),
        "path": st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts)),
        "query": st.lists(st.tuples(UNRESERVED, UNRESERVED), max_size=3),
        "fields": st.lists(st.tuples(NAME, VALUE), max_size=5),
        "body": st.binary(max_size=20),
        "session": st.none() | st.text("aB+/=", min_size=1, max_size=9),
        "secret": st.text("aB+/9", min_size=1, max_size=40),
        "region": st.sampled_from(["us-east-1", "eusc-de-east-1"]),
        "service": st.sampled_from(["bedrock", "bedrock-mantle"]),
        "moment": st.integers(0, 2**32),
    }
)


@pytest.mark.real
@thorough
@given(CASES)
def test_botocore_signs_the_same(peer: Peer, case: dict[str, Any]) -> None:
    query = "&".join(f"{name}={value}" for name, value in case["query"])
    target = case["path"] + (f"?{query}" if query else "")
    fields = [("host", "bedrock-runtime.example:8443"), *case["fields"]]
    request = Request(
        case["method"].encode(),
        target.encode(),
        [(name.encode(), value.encode()) for name, value in fields],
        case["body"],
    )
    session = SecretValue(case["session"]) if case["session"] else None
    keys = AwsKeys("AKIDEXAMPLE", SecretValue(case["secret"]), session)
    found = sign(request, keys, region=case["region"], service=case["service"], moment=case["moment"])
    order = {
        **case, "fields": fields, "url": f"https://bedrock-runtime.example:8443{target}", "access_key": "AKIDEXAMPLE",
        "secret_key": case["secret"], "body": base64.b64encode(case["body"]).decode(),
    }  # fmt: skip
    assert {name.decode(): value.decode() for name, value in found} == peer.ask("sign", order)
