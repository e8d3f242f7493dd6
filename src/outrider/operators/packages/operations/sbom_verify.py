"""Verifies that a bill of materials is what the owner of a key has signed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.operators.packages.sboms.envelopes import verified
from outrider.operators.packages.sboms.signed_files import (
    LARGEST_BILL,
    LARGEST_SIGNATURE,
    signature_path,
)
from outrider.operators.packages.whole_files import read_bounded
from outrider.ports.certificates.signing_keys import read_verifying_key
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class SbomVerifyParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What, and whose signature it must have.

    Attributes:
        path: A bill of materials.
        key: A file with the public key, in PEM: Ed25519 or ECDSA on P-256.
        signature: The file with the signature, a DSSE envelope; the path with `.sig` behind it if none is given.
    """

    path: str
    key: str
    signature: str = ""


class SbomVerifyResult(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        verified: Whether the file is what the owner of the key has signed.
        reason: Why it is not; empty where it is.
        key_id: The SHA-256 of the public key, in DER.
    """

    verified: bool
    reason: str
    key_id: str


async def run(params: SbomVerifyParams, context: Context) -> SbomVerifyResult:
    """Verify it.

    Raises:
        NotFoundError: There is no such bill, signature or key.
        InvalidConfigError: The key cannot be used, or a file is too large.
    """
    del context
    return await asyncio.to_thread(_verified, params)


def _verified(params: SbomVerifyParams) -> SbomVerifyResult:
    key = read_verifying_key(Path(params.key))
    content = read_bounded(Path(params.path), LARGEST_BILL)
    signature = Path(params.signature) if params.signature else signature_path(params.path)
    reason = verified(read_bounded(signature, LARGEST_SIGNATURE), content, key)
    return SbomVerifyResult(verified=not reason, reason=reason, key_id=key.identity)


def _text(result: SbomVerifyResult) -> Iterable[str]:
    said = "verified" if result.verified else f"not verified: {result.reason}"
    yield f"{said} (key {result.key_id})"


OPERATION = Implementation(
    params=SbomVerifyParams,
    result=SbomVerifyResult,
    run=run,
    target=lambda params: f"file/{params.path}",
    text=_text,
    findings=lambda result: not result.verified,
)
