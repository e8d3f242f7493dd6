"""Signature Version 4 of AWS (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

Written for services other than S3: the path is normalised, and encoded once more than it is on the wire.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

import msgspec

from outrider.sidecar.llm.hosting.credentials import AwsKeys
from outrider.sidecar.proxy.messages import Field

_ALGORITHM = "AWS4-HMAC-SHA256"
# What proxies change on the way, and what is written anew (SIGNED_HEADERS_BLACKLIST in botocore/auth.py).
_UNSIGNED = frozenset({
    b"authorization", b"baggage", b"connection", b"expect", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
    b"traceparent", b"tracestate", b"trailer", b"transfer-encoding", b"upgrade", b"user-agent", b"x-amz-date",
    b"x-amz-security-token", b"x-amzn-trace-id",
})  # fmt: skip


class Request(msgspec.Struct, frozen=True):
    """A request to sign, as it is sent.

    Attributes:
        method: Upper case.
        target: Path and query.
        fields: Names in lower case, that of the host among them.
        body: Whole.
    """

    method: bytes
    target: bytes
    fields: Sequence[Field]
    body: bytes


def sign(request: Request, keys: AwsKeys, *, region: str, service: str, moment: float) -> list[Field]:
    """Return the fields that sign a request, to be sent beside its own.

    Args:
        request: All else of it; fields of an earlier signature are not looked at.
        keys: Whose signature it is.
        region: Of the service.
        service: As signatures name it.
        moment: Seconds since the epoch.
    """
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    added: list[Field] = [(b"x-amz-date", date.encode())]
    if keys.session is not None:
        added.append((b"x-amz-security-token", keys.session.reveal().encode()))
    headers = canonical_headers([*(one for one in request.fields if one[0] not in _UNSIGNED), *added])
    names = b";".join(sorted(headers))
    digest = hashlib.sha256(canonical_request(request, headers, names)).hexdigest()
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    key = signing_key(keys.secret.reveal(), date[:8], region, service)
    signature = _mac(key, f"{_ALGORITHM}\n{date}\n{scope}\n{digest}").hex()
    said = (
        f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={names.decode()}, Signature={signature}"
    )
    return [*added, (b"authorization", said.encode())]


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key of a day, region and service."""
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, "aws4_request"):
        key = _mac(key, part)
    return key


def canonical_request(request: Request, headers: dict[bytes, bytes], names: bytes) -> bytes:
    """Return what the signature is made of.

    Args:
        request: The request.
        headers: Values by name, of those fields that are signed.
        names: Those fields.
    """
    path, _, query = request.target.partition(b"?")
    lines = [b"%s:%s" % (name, headers[name]) for name in sorted(headers)]
    digest = hashlib.sha256(request.body).hexdigest().encode()
    parts = [request.method, canonical_path(path), canonical_query(query), *lines, b"", names, digest]
    return b"\n".join(parts)


def canonical_path(path: bytes) -> bytes:
    """Return a path without `.`, `..` and empty segments, encoded once more: `%2F` becomes `%252F`, `:` becomes `%3A`."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    end = b"/" if kept and path.endswith(b"/") else b""
    return quote(b"/" + b"/".join(kept) + end, safe="/").encode()


def canonical_query(query: bytes) -> bytes:
    """Return a query with its names and values encoded in the one way that is signed, sorted by both."""
    pairs = [one.partition(b"=")[::2] for one in query.split(b"&") if one]
    return b"&".join(b"%s=%s" % pair for pair in sorted((_encoded(name), _encoded(value)) for name, value in pairs))


def canonical_headers(fields: Sequence[Field]) -> dict[bytes, bytes]:
    """Return values by name; those of one name become a list, and no white space but single spaces inside is left."""
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        trimmed = b" ".join(value.split())
        found[name] = found[name] + b"," + trimmed if name in found else trimmed
    return found


def _encoded(part: bytes) -> bytes:
    return quote(unquote_to_bytes(part), safe="").encode()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
