"""Messages that two readers could take for different ones. Each must be refused, however the network cuts it."""

import pytest

from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Peer
from outrider.core.http.request_parser import RequestParser

GET = b"GET / HTTP/1.1\r\nhost: a\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"

BAD_FRAMING = {
    "length and chunked": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "two equal lengths": POST + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "list of lengths": POST + b"content-length: 5, 5\r\n\r\nhello",
    "negative length": POST + b"content-length: -5\r\n\r\nhello",
    "signed length": POST + b"content-length: +5\r\n\r\nhello",
    "hexadecimal length": POST + b"content-length: 0x5\r\n\r\nhello",
    "length with underscore": POST + b"content-length: 1_0\r\n\r\nhello",
    "empty length": POST + b"content-length:\r\n\r\nhello",
    "superscript length": POST + b"content-length: \xb2\r\n\r\nhello",
    "huge length": POST + b"content-length: " + b"9" * 30 + b"\r\n\r\nhello",
    "length with inner space": POST + b"content-length: 1 0\r\n\r\nhello",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "xchunked": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": POST + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "vertical tab": POST + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "empty coding": POST + b"transfer-encoding:\r\n\r\n0\r\n\r\n",
}
BAD_FIELDS = {
    "space before colon": GET + b"content-length : 5\r\n\r\nhello",
    "tab before colon": GET + b"content-length\t: 5\r\n\r\nhello",
    "leading space": b"GET / HTTP/1.1\r\n host: a\r\n\r\n",
    "folded line": GET + b"x: a\r\n b\r\n\r\n",
    "folded by tab": GET + b"transfer-encoding:\r\n\tchunked\r\n\r\n",
    "bare LF": GET + b"x: a\nb: c\r\n\r\n",
    "bare LF all over": b"GET / HTTP/1.1\nhost: a\n\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nhost: a\r\n\n",
    "bare CR in value": GET + b"x: a\rb\r\n\r\n",
    "bare CR in name": GET + b"x\r: a\r\n\r\n",
    "CR CR LF": GET + b"x: a\r\r\n\r\n",
    "NUL in value": GET + b"x: a\0b\r\n\r\n",
    "NUL in name": GET + b"x\0: a\r\n\r\n",
    "DEL in value": GET + b"x: a\x7f\r\n\r\n",
    "no colon": GET + b"x\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "brackets in name": GET + b"x(): a\r\n\r\n",
    "name above ASCII": GET + b"x\xe4: a\r\n\r\n",
}
BAD_LINES = {
    "two spaces": b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
    "tab": b"GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "trailing space": b"GET / HTTP/1.1 \r\nhost: a\r\n\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
    "lower-case version": b"GET / http/1.1\r\nhost: a\r\n\r\n",
    "long version": b"GET / HTTP/1.10\r\nhost: a\r\n\r\n",
    "no version": b"GET /\r\nhost: a\r\n\r\n",
    "CR in target": b"GET /\r HTTP/1.1\r\nhost: a\r\n\r\n",
    "NUL in target": b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
    "target above ASCII": b"GET /\xe4 HTTP/1.1\r\nhost: a\r\n\r\n",
    "fragment": b"GET /#x HTTP/1.1\r\nhost: a\r\n\r\n",
    "no slash": b"GET a HTTP/1.1\r\nhost: a\r\n\r\n",
    "other scheme": b"GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "credentials in target": b"GET http://u@b/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "no authority": b"GET http:///x HTTP/1.1\r\nhost: a\r\n\r\n",
    "no method": b" / HTTP/1.1\r\nhost: a\r\n\r\n",
    "LF first and CR last": b"\nGET / HTTP/1.1\r",
    "two empty lines": b"\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
}
BAD_HOSTS = {
    "no host": b"GET / HTTP/1.1\r\nx: a\r\n\r\n",
    "no host with absolute target": b"GET http://a/ HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"host: b\r\n\r\n",
    "two equal hosts": GET + b"Host: a\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n",
    "host with path": b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
    "host with credentials": b"GET / HTTP/1.1\r\nhost: u@b\r\n\r\n",
    "host list": b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
    "host port": b"GET / HTTP/1.1\r\nhost: a:b\r\n\r\n",
}
BAD_CHUNKS = {
    "no size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "size with sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "negative size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "size with prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with underscore": CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n",
    "space before size": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "space after size": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "no hexadecimal": CHUNKED + b"g\r\nhello\r\n0\r\n\r\n",
    "size too long": CHUNKED + b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "bare LF after size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "bare CR in extension": CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in extension": CHUNKED + b"5;\0\r\nhello\r\n0\r\n\r\n",
    "bare LF in extension": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk too long": CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
    "chunk too short": CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
    "other bytes after chunk": CHUNKED + b"5\r\nhello!!0\r\n\r\n",
    "bare LF after chunk": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    "bad trailer": CHUNKED + b"0\r\nx : 1\r\n\r\n",
    "bare LF in trailer": CHUNKED + b"0\r\nx: 1\n\r\n\r\n",
    "folded trailer": CHUNKED + b"0\r\nx: 1\r\n y\r\n\r\n",
}
ALL = {**BAD_FRAMING, **BAD_FIELDS, **BAD_LINES, **BAD_HOSTS, **BAD_CHUNKS}


def read_all(pieces: list[bytes]) -> ProtocolError | None:
    parser = RequestParser(Limits(), Peer("a:1"))
    try:
        for piece in pieces:
            parser.feed(piece)
    except ProtocolError as error:
        return error
    return None


@pytest.mark.parametrize("name", ALL)
def test_is_refused(name: str) -> None:
    error = read_all([ALL[name]])
    assert error is not None
    assert error.status in (400, 501, 413)


@pytest.mark.parametrize("name", ALL)
def test_is_refused_in_the_same_way_byte_by_byte(name: str) -> None:
    error = read_all([bytes([octet]) for octet in ALL[name]])
    assert error is not None
    whole = read_all([ALL[name]])
    assert whole is not None
    assert error.status == whole.status


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("folded line", "obs-fold"),
        ("space before colon", "white space before the colon"),
        ("NUL in value", "NUL"),
        ("bare CR in value", "CR without LF"),
        ("no colon", "no colon"),
        ("brackets in name", "not allowed"),
        ("bare LF in extension", "LF without CR"),
        ("length and chunked", "both"),
        ("no host", "Host is missing"),
    ],
)
def test_refusal_names_the_fault(name: str, word: str) -> None:
    error = read_all([ALL[name]])
    assert error is not None
    assert word in error.message
