"""Signs a bill of materials: the signature is a file beside it, in which it can be verified by others too (DSSE)."""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.packages.sboms.envelopes import payload_type, sealed
from outrider.operators.packages.sboms.signed_files import (
    ABSENT,
    LARGEST_BILL,
    check_unchanged,
    fingerprint,
    signature_path,
    write_signature,
)
from outrider.operators.packages.whole_files import read_bounded
from outrider.ports.certificates.signing_keys import read_signing_key
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class SbomSignParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What, and with which key.

    Attributes:
        path: A bill of materials in JSON: CycloneDX or SPDX 2. The signature is written to a file of this name with `.sig` behind it.
        key: A file with a private key in PEM, Ed25519 or ECDSA on P-256, that only its owner may read and that has no password.
    """

    path: str
    key: str


class SbomSignResult(msgspec.Struct, kw_only=True):
    """What was written.

    Attributes:
        signature: The file.
        payload_type: What the bill was signed as.
        key_id: The SHA-256 of the public key, in DER.
    """

    signature: str
    payload_type: str
    key_id: str


async def plan(params: SbomSignParams, context: Context) -> Change:
    """Say what would be signed, and where the signature would stand.

    Raises:
        NotFoundError: There is no such bill or key.
        UnsupportedError: It is no bill of materials.
        DeniedError: Others may read the key.
        InvalidConfigError: The key cannot be used, or the bill is too large.
    """
    del context
    return await asyncio.to_thread(_change, params)


def _change(params: SbomSignParams) -> Change:
    signature = signature_path(params.path)
    content = read_bounded(Path(params.path), LARGEST_BILL)
    kind, key = payload_type(content), read_signing_key(Path(params.key))
    before = fingerprint(signature)
    said = f"{kind}, signed with the key {key.public.identity}"
    return Change(
        target=f"file/{signature}", difference=[Difference("signature", None if before == ABSENT else "another one", said)],
        preconditions={"bill": hashlib.sha256(content).hexdigest(), "signature": before},
    )  # fmt: skip


async def run(params: SbomSignParams, context: Context) -> SbomSignResult:
    """Sign it.

    Raises:
        NotFoundError: There is no such bill or key.
        UnsupportedError: It is no bill of materials.
        DeniedError: Others may read the key.
        InvalidConfigError: The key cannot be used, or the bill is too large.
        PreconditionFailedError: The bill, or its signature, changed since the plan was made.
        ExecutionFailedError: The signature cannot be written.
    """
    return await asyncio.to_thread(
        _signed, params, context.preconditions.get("bill"), context.preconditions.get("signature")
    )


def _signed(params: SbomSignParams, bill: object, before: object) -> SbomSignResult:
    path, signature = Path(params.path), signature_path(params.path)
    content = read_bounded(path, LARGEST_BILL)
    check_unchanged(path, hashlib.sha256(content).hexdigest(), bill)
    check_unchanged(signature, fingerprint(signature), before)
    key = read_signing_key(Path(params.key))
    write_signature(signature, sealed(content, key))
    return SbomSignResult(signature=str(signature), payload_type=payload_type(content), key_id=key.public.identity)


OPERATION = Implementation(
    params=SbomSignParams,
    result=SbomSignResult,
    run=run,
    plan=plan,
    target=lambda params: f"file/{params.path}.sig",
)
