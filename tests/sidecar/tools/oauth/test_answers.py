"""What token endpoints answer."""

import json
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError, UnauthenticatedError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.secrets import SecretValue
from outrider.sidecar.tools.servers.oauth.answer import LONGEST_SECONDS, USUAL_SECONDS, read_token
from tests.sidecar.tools.oauth.support import JSON, answer

PLACE = "https://id.internal/token"


def read(response: Response, *hidden: str) -> Any:
    return read_token(response, PLACE, [SecretValue(one) for one in hidden])


def given(**more: Any) -> Response:
    return answer(**({"access_token": "abc", "token_type": "Bearer"} | more))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"expires_in": 3600}, 3600), ({"expires_in": "3599"}, 3599), ({"expires_in": 0.5}, 1), ({"expires_in": 1}, 1), ({}, USUAL_SECONDS),
        ({"expires_in": 0}, USUAL_SECONDS), ({"expires_in": -5}, USUAL_SECONDS), ({"expires_in": None}, USUAL_SECONDS),
        ({"expires_in": True}, USUAL_SECONDS), ({"expires_in": "soon"}, USUAL_SECONDS), ({"expires_in": "nan"}, USUAL_SECONDS),
        ({"expires_in": [1]}, USUAL_SECONDS), ({"expires_in": 10**12}, LONGEST_SECONDS), ({"expires_in": 10**400}, LONGEST_SECONDS),
        ({"expires_in": "inf"}, LONGEST_SECONDS),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_for_how_long_a_token_holds(said: dict[str, Any], seconds: float) -> None:
    found = read(given(**said))
    assert (found.value, found.seconds) == ("abc", seconds)
    assert "abc" not in repr(found)


def test_the_type_may_be_left_out_and_written_as_one_likes() -> None:
    assert read(answer(access_token="abc")).value == "abc"
    assert read(given(token_type="bEARER")).value == "abc"
    assert read(given(issued_token_type="urn:ietf:params:oauth:token-type:access_token")).value == "abc"


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        (answer(400, error="invalid_client", error_description="no such client"), UnauthenticatedError, "invalid_client: no such client"),
        (answer(401, error="invalid_client"), UnauthenticatedError, "gives no token: invalid_client"),
        (answer(200, error="bad_verification", error_description="expired"), UnauthenticatedError, "bad_verification: expired"),
        (answer(400, error=7), UnauthenticatedError, "status 400"),
        (answer(400, error="temporarily_unavailable"), UnavailableError, "fails: temporarily_unavailable"),
        (answer(500, error="server_error", error_description="out of\r\nmemory"), UnavailableError, "server_error: out of memory"),
        (Response(500, Headers({}), b"<html>"), UnavailableError, "fails: status 500"),
        (Response(429, Headers({"retry-after": "30"}), b""), UnavailableError, "fails: status 429"),
        (Response(404, Headers({"content-type": "text/html"}), b"<html>"), UnavailableError, "answers no JSON object"),
        (Response(200, JSON, b'{"access_token": "abc'), UnavailableError, "answers no JSON object"),
        (Response(200, JSON, b"\xff\xfe"), UnavailableError, "answers no JSON object"),
        (Response(200, JSON, b"[" * 100_000), UnavailableError, "answers no JSON object"),
        (Response(200, JSON, b'["abc"]'), UnavailableError, "answers no JSON object"),
        (Response(200, JSON, b""), UnavailableError, "answers no JSON object"),
        (Response(302, Headers({"location": "https://other.internal/"}), b""), InvalidConfigError, "leads elsewhere"),
        (answer(200), UnavailableError, "no access_token"),
        (given(access_token=""), UnavailableError, "no access_token"),
        (given(access_token=["abc"]), UnavailableError, "no access_token"),
        (given(access_token="abc\r\nx: y"), UnavailableError, "no access_token"),
        (given(access_token="a b"), UnavailableError, "no access_token"),
        (given(access_token="a" * 20_000), UnavailableError, "no access_token"),
        (given(token_type="DPoP"), UnavailableError, "another type"),
        (given(token_type="N_A"), UnavailableError, "another type"),
        (given(token_type=None), UnavailableError, "another type"),
        (given(issued_token_type="urn:ietf:params:oauth:token-type:refresh_token"), UnavailableError, "another type"),
        (given(issued_token_type=["x"]), UnavailableError, "another type"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)  # fmt: skip
def test_answers_that_are_no_token(response: Response, kind: type[OutriderError], said: str) -> None:
    with pytest.raises(kind) as caught:
        read(response)
    assert said in caught.value.message
    assert PLACE in caught.value.message
    assert "abc" not in str(caught.value.body())


def test_a_pause_that_is_asked_for_is_kept_within_bounds() -> None:
    for said, seconds in (("30", 30.0), ("999999", 300.0), ("-1", None), ("Fri, 31 Dec 2027 23:59:59 GMT", None)):
        with pytest.raises(UnavailableError) as caught:
            read(Response(503, Headers({"retry-after": said}), b""))
        assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [400, 500])
def test_what_is_secret_is_not_told_again(status: int) -> None:
    said = json.dumps({"error": "sec", "error_description": 'the secret "sec" of outrider, \\ "p+ss" ' + "x" * 1000})
    with pytest.raises(OutriderError) as caught:
        read(Response(status, JSON, said.encode()), "sec", "p+ss")
    assert "***" in caught.value.message
    assert "sec " not in caught.value.message.replace("secret ", "")
    assert "p+ss" not in caught.value.message
    assert len(caught.value.message) < 500
