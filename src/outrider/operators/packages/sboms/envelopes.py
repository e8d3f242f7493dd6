"""Signed documents, as DSSE has them: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, and envelope.md beside it.

What is signed are not the bytes alone, but with them what they are (PAE): nobody can pass one for the other.
"""

import base64

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.ports.certificates.signing_keys import SigningKey, VerifyingKey

_CYCLONEDX, _SPDX = "application/vnd.cyclonedx+json", "application/spdx+json"
_MOST_SIGNATURES = 100
_SHOWN = 80


class _Signature(msgspec.Struct, omit_defaults=True):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[_Signature]


class _Document(msgspec.Struct, rename="camel"):
    bom_format: str = ""
    spdx_version: str = ""


def payload_type(content: bytes) -> str:
    """Return the media type of a bill of materials.

    Raises:
        UnsupportedError: It is none in JSON.
    """
    kind = _type(content)
    if kind is None:
        raise UnsupportedError(
            "it is no bill of materials", found="something else", expected="CycloneDX or SPDX 2, in JSON",
            suggestions=["outrider packages sbom . > bom.json"],
        )  # fmt: skip
    return kind


def _type(content: bytes) -> str | None:
    try:
        found = msgspec.json.decode(content, type=_Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    if found.bom_format == "CycloneDX":
        return _CYCLONEDX
    return _SPDX if found.spdx_version.startswith("SPDX-2.") else None


def preauthenticated(kind: str, content: bytes) -> bytes:
    """Return the bytes that are signed (PAE).

    Args:
        kind: What the content is, as a media type.
        content: It.
    """
    named = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(named), named, len(content), content)


def sealed(content: bytes, key: SigningKey) -> bytes:
    """Return the envelope of a bill of materials, signed.

    Raises:
        UnsupportedError: It is none.
    """
    kind = payload_type(content)
    signature = key.sign(preauthenticated(kind, content))
    one = _Signature(sig=base64.b64encode(signature).decode(), keyid=key.public.identity)
    envelope = _Envelope(payload=base64.b64encode(content).decode(), payload_type=kind, signatures=[one])
    return msgspec.json.encode(envelope) + b"\n"


def verified(envelope: bytes, content: bytes, key: VerifyingKey) -> str:
    """Return why an envelope does not have a bill of materials that was signed with a key; empty where it has.

    Args:
        envelope: As somebody has it.
        content: The bytes of the bill.
        key: Who has to have signed. What the envelope calls its keys decides nothing: nobody has signed that.
    """
    try:
        read = msgspec.json.decode(envelope, type=_Envelope)
        payload, signatures = _bytes(read.payload), [_bytes(one.sig) for one in read.signatures]
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        return f"the signature is no DSSE envelope: {str(error)[:_SHOWN]}"
    if len(signatures) > _MOST_SIGNATURES:
        return f"it has more than {_MOST_SIGNATURES} signatures"
    message = preauthenticated(read.payload_type, payload)
    if not any(key.verifies(signature, message) for signature in signatures):
        return "no signature is of this key"
    if payload != content:
        return "the file is not what was signed"
    return (
        ""
        if read.payload_type == _type(content)
        else f"it was signed as {read.payload_type[:_SHOWN]!r}, which it is not"
    )


def _bytes(text: str) -> bytes:
    # Verifiers must read both alphabets.
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
