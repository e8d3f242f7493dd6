import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import NO_HEADERS, Peer, Request


def make_request(query: str = "") -> Request:
    return Request("GET", "/a", "/a", query, Headers({"authorization": "secret"}), b"body", Peer("1.2.3.4:5"))


def test_arguments_are_decoded() -> None:
    assert make_request("wait=30&max=1&max=2&name=a%20b&empty=").arguments() == {
        "wait": ["30"],
        "max": ["1", "2"],
        "name": ["a b"],
        "empty": [""],
    }


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * 101)])
def test_arguments_that_cannot_be_read_are_refused(query: str) -> None:
    with pytest.raises(InvalidConfigError, match="query of /a"):
        make_request(query).arguments()


def test_requests_do_not_share_parameters() -> None:
    one, two = make_request(), make_request()
    one.params["a"] = "b"
    assert two.params == {}


def test_representation_shows_no_content() -> None:
    assert repr(make_request()) == "Request(GET /a, 4 bytes, from 1.2.3.4:5)"
    assert len(NO_HEADERS) == 0


@pytest.mark.parametrize(("not_after", "now", "expired"), [(None, 1e12, False), (10.0, 9.9, False), (10.0, 10.0, True)])
def test_certificate_expires_while_the_connection_lasts(not_after: float | None, now: float, *, expired: bool) -> None:
    assert Peer("a:1", not_after=not_after).expired(now) is expired
