import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import (
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    UnsupportedError,
)
from outrider.operators.packages.operations import sbom_sign, sbom_verify
from outrider.operators.packages.operations.sbom_sign import SbomSignParams
from outrider.operators.packages.operations.sbom_verify import SbomVerifyParams, SbomVerifyResult
from outrider.operators.packages.sboms.envelopes import preauthenticated, verified
from outrider.operators.packages.tests.key_files import ED25519, P256, P384, RSA, key_pair, openssl, write_keys
from outrider.operators.packages.tests.test_audit import context
from outrider.ports.certificates.signing_keys import read_signing_key, read_verifying_key

BILLS = {
    "application/vnd.cyclonedx+json": '{"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1}\n',
    "application/spdx+json": '{"spdxVersion": "SPDX-2.3", "name": "shop \\u00e9"}',
}
KINDS = pytest.mark.parametrize("kind", [ED25519, P256], ids=["ed25519", "p256"])
FORMS = pytest.mark.parametrize("form", BILLS)


def bill(folder: Path, form: str = "application/vnd.cyclonedx+json") -> Path:
    path = folder / "bom.json"
    path.write_text(BILLS[form])
    return path


async def signed(folder: Path, path: Path, key: Path) -> dict[str, Any]:
    result = await sbom_sign.run(SbomSignParams(path=str(path), key=str(key)), context(folder))
    assert result.signature == f"{path}.sig"
    envelope: dict[str, Any] = json.loads(Path(result.signature).read_text())
    assert envelope["payloadType"] == result.payload_type
    return envelope


async def judged(folder: Path, path: Path, key: Path, signature: str = "") -> SbomVerifyResult:
    params = SbomVerifyParams(path=str(path), key=str(key), signature=signature)
    return await sbom_verify.run(params, context(folder))


@KINDS
@FORMS
async def test_what_was_signed_verifies(tmp_path: Path, kind: tuple[str, ...], form: str) -> None:
    private, public = write_keys(tmp_path, kind)
    path = bill(tmp_path, form)
    envelope = await signed(tmp_path, path, private)
    assert envelope["payloadType"] == form
    assert base64.b64decode(envelope["payload"]) == path.read_bytes()
    result = await judged(tmp_path, path, public)
    assert (result.verified, result.reason, sbom_verify.OPERATION.findings(result)) == (True, "", False)
    assert [one["keyid"] for one in envelope["signatures"]] == [result.key_id]
    assert Path(f"{path}.sig").stat().st_mode & 0o077 == 0o044


@KINDS
@FORMS
async def test_openssl_verifies_it_too(tmp_path: Path, kind: tuple[str, ...], form: str) -> None:
    private, public = write_keys(tmp_path, kind)
    envelope = await signed(tmp_path, bill(tmp_path, form), private)
    body = base64.b64decode(envelope["payload"])
    # The bytes that are signed, put together by the words of the protocol.
    message = b" ".join((b"DSSEv1", str(len(form)).encode(), form.encode(), str(len(body)).encode(), body))
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    assert verified_by_openssl(tmp_path, kind, public)
    (tmp_path / "message").write_bytes(message + b" ")
    assert not verified_by_openssl(tmp_path, kind, public)


def verified_by_openssl(folder: Path, kind: tuple[str, ...], public: Path) -> bool:
    message, signature = folder / "message", folder / "signature"
    if kind == ED25519:
        done = openssl(
            "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", message, "-sigfile", signature
        )
        return done.returncode == 0 and b"Verified Successfully" in done.stdout
    done = openssl("dgst", "-sha256", "-verify", public, "-signature", signature, message)
    return done.returncode == 0 and done.stdout == b"Verified OK\n"


@KINDS
async def test_what_openssl_has_signed_verifies(tmp_path: Path, kind: tuple[str, ...]) -> None:
    private, public = write_keys(tmp_path, kind)
    path, form = bill(tmp_path), "application/vnd.cyclonedx+json"
    (tmp_path / "message").write_bytes(preauthenticated(form, path.read_bytes()))
    if kind == ED25519:
        made = openssl("pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", tmp_path / "message").stdout
    else:
        made = openssl("dgst", "-sha256", "-sign", private, tmp_path / "message").stdout
    # Without a key id, and in the alphabet for addresses: both are allowed.
    envelope = {
        "payload": base64.urlsafe_b64encode(path.read_bytes()).decode(), "payloadType": form,
        "signatures": [{"sig": base64.urlsafe_b64encode(made).decode()}],
    }  # fmt: skip
    (tmp_path / "other.sig").write_text(json.dumps(envelope))
    assert (await judged(tmp_path, path, public, str(tmp_path / "other.sig"))).verified


async def test_the_key_id_is_that_of_the_key_as_openssl_writes_it(tmp_path: Path) -> None:
    _, public = write_keys(tmp_path, P256)
    der = openssl("pkey", "-pubin", "-in", public, "-outform", "DER").stdout
    digest = openssl("dgst", "-sha256", "-r", given=der).stdout.split()[0].decode()
    assert read_verifying_key(public).identity == digest


def test_the_example_of_the_protocol_is_encoded_as_it_says() -> None:
    assert (
        preauthenticated("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert preauthenticated("\u00e4", b"") == b"DSSEv1 2 \xc3\xa4 0 "


async def test_another_file_does_not_verify(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    path = bill(tmp_path)
    await signed(tmp_path, path, private)
    path.write_text(path.read_text().rstrip("\n"))
    result = await judged(tmp_path, path, public)
    assert (result.verified, result.reason, sbom_verify.OPERATION.findings(result)) == (
        False,
        "the file is not what was signed",
        True,
    )
    assert sbom_verify.OPERATION.text is not None
    assert next(iter(sbom_verify.OPERATION.text(result))).startswith(
        "not verified: the file is not what was signed (key "
    )


@KINDS
async def test_another_key_does_not_verify(tmp_path: Path, kind: tuple[str, ...]) -> None:
    private, public = write_keys(tmp_path, kind)
    path = bill(tmp_path)
    await signed(tmp_path, path, private)
    for number, other in enumerate((ED25519, P256), 1):
        _, stranger = write_keys(tmp_path, other, number)
        assert (await judged(tmp_path, path, stranger)).reason == "no signature is of this key"
    assert (await judged(tmp_path, path, public)).verified


def resealed(envelope: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**envelope, **changes}).encode()


async def test_what_was_changed_does_not_verify(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    path = bill(tmp_path)
    envelope = await signed(tmp_path, path, private)
    key, content = read_verifying_key(public), path.read_bytes()
    [signature] = envelope["signatures"]
    assert verified(resealed(envelope), content, key) == ""
    assert (
        verified(resealed(envelope, payloadType="application/spdx+json"), content, key) == "no signature is of this key"
    )
    assert verified(resealed(envelope, payload=""), content, key) == "no signature is of this key"
    assert verified(resealed(envelope, signatures=[]), content, key) == "no signature is of this key"
    # The name of a key decides nothing, and one good signature among others does.
    named = {**signature, "keyid": "another"}
    assert (
        verified(resealed(envelope, signatures=[{"sig": "AAAA", "keyid": signature["keyid"]}, named]), content, key)
        == ""
    )
    assert "100 signatures" in verified(resealed(envelope, signatures=[signature] * 101), content, key)
    faults: list[dict[str, Any]] = [
        {"payload": "%"},
        {"payload": "\u00e4"},
        {"signatures": [{}]},
        {"payloadType": 1},
        {"signatures": [{"sig": "A"}]},
    ]
    for broken in faults:
        assert verified(resealed(envelope, **broken), content, key).startswith("the signature is no DSSE envelope")


@pytest.mark.parametrize("form", ["application/json", "application/spdx+json", ""])
async def test_a_bill_that_was_signed_as_something_else_does_not_verify(tmp_path: Path, form: str) -> None:
    private, public = write_keys(tmp_path)
    content = bill(tmp_path).read_bytes()
    signature = read_signing_key(private).sign(preauthenticated(form, content))
    envelope = {
        "payload": base64.b64encode(content).decode(), "payloadType": form, "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }  # fmt: skip
    reason = verified(json.dumps(envelope).encode(), content, read_verifying_key(public))
    assert reason == f"it was signed as {form!r}, which it is not"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_do_not_verify(tmp_path_factory: pytest.TempPathFactory, envelope: bytes, content: bytes) -> None:
    _, public = write_keys(tmp_path_factory.mktemp("keys"))
    assert verified(envelope, content, read_verifying_key(public))
    both = {
        "payload": base64.b64encode(content).decode(),
        "payloadType": "x",
        "signatures": [{"sig": base64.b64encode(envelope).decode()}],
    }
    assert verified(json.dumps(both).encode(), content, read_verifying_key(public)) == "no signature is of this key"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"bomFormat": 1}', '{"spdxVersion": "SPDX-3.0"}', '{"a": 1}'])
async def test_only_bills_are_signed(tmp_path: Path, content: str) -> None:
    private, _ = write_keys(tmp_path)
    path = tmp_path / "bom.json"
    path.write_text(content)
    params = SbomSignParams(path=str(path), key=str(private))
    with pytest.raises(UnsupportedError, match="no bill of materials"):
        await sbom_sign.plan(params, context(tmp_path))
    with pytest.raises(UnsupportedError, match="no bill of materials"):
        await sbom_sign.run(params, context(tmp_path))
    assert not Path(f"{path}.sig").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
async def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    private, _ = write_keys(tmp_path)
    private.chmod(mode)
    with pytest.raises(DeniedError, match=f"has mode 0{mode:o}") as caught:
        await signed(tmp_path, bill(tmp_path), private)
    assert caught.value.suggestions == [f"chmod 600 {private}"]


@pytest.mark.parametrize("kind", [P384, RSA], ids=["p384", "rsa"])
async def test_keys_of_other_kinds_are_refused(tmp_path: Path, kind: tuple[str, ...]) -> None:
    private, public = write_keys(tmp_path, kind)
    path = bill(tmp_path)
    with pytest.raises(InvalidConfigError, match="a key of another kind") as caught:
        await signed(tmp_path, path, private)
    assert str(private) not in caught.value.suggestions[0]  # what would be written there is lost
    Path(f"{path}.sig").write_text("{}")
    with pytest.raises(InvalidConfigError, match="a key of another kind"):
        await judged(tmp_path, path, public)


async def test_what_is_no_key_is_told_without_a_piece_of_it(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    path = bill(tmp_path)
    await signed(tmp_path, path, private)
    secret = "".join(key_pair(ED25519)[0].decode().splitlines()[1:-1])
    locked = tmp_path / "locked.pem"
    locked.touch(0o600)
    locked.write_bytes(openssl("pkcs8", "-topk8", "-passout", "pass:word", "-in", private).stdout)
    huge = tmp_path / "huge.pem"
    huge.touch(0o600)
    huge.write_bytes(b"x" * 70_000)
    for key in (public, locked, huge):
        key.chmod(0o600)
        with pytest.raises(InvalidConfigError) as caught:
            await signed(tmp_path, path, key)
        assert secret not in str(caught.value.body())
        assert ("pkey -in" in caught.value.suggestions[0]) == (key == locked)
    with pytest.raises(InvalidConfigError) as caught:
        await judged(tmp_path, path, private)
    assert secret not in str(caught.value.body())
    for missing in (tmp_path / "none.pem",):
        with pytest.raises(NotFoundError):
            await signed(tmp_path, path, missing)
        with pytest.raises(NotFoundError):
            await judged(tmp_path, path, missing)


async def test_a_plan_says_what_would_be_signed_and_changes_nothing(tmp_path: Path) -> None:
    private, _ = write_keys(tmp_path)
    path = bill(tmp_path)
    params = SbomSignParams(path=str(path), key=str(private))
    change = await sbom_sign.plan(params, context(tmp_path))
    assert change.target == f"file/{path}.sig"
    assert [(one.before, str(one.after).partition(",")[0]) for one in change.difference] == [
        (None, "application/vnd.cyclonedx+json")
    ]
    assert not Path(f"{path}.sig").exists()
    await sbom_sign.run(params, context(tmp_path, preconditions=change.preconditions))
    with pytest.raises(PreconditionFailedError, match=r"bom\.json\.sig: it changed since the plan was made"):
        await sbom_sign.run(params, context(tmp_path, preconditions=change.preconditions))
    again = await sbom_sign.plan(params, context(tmp_path))
    assert again.difference[0].before == "another one"
    path.write_text(path.read_text() + " ")
    with pytest.raises(PreconditionFailedError, match=r"bom\.json: it changed"):
        await sbom_sign.run(params, context(tmp_path, preconditions=again.preconditions))


async def test_what_is_missing_is_told(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    path = bill(tmp_path)
    with pytest.raises(NotFoundError, match=r"bom\.json\.sig"):
        await judged(tmp_path, path, public)
    with pytest.raises(NotFoundError, match=r"none\.json"):
        await signed(tmp_path, tmp_path / "none.json", private)
    Path(f"{path}.sig").mkdir()
    with pytest.raises(NotFoundError, match="cannot be read"):
        await judged(tmp_path, path, public)
    with pytest.raises((NotFoundError, ExecutionFailedError)):
        await signed(tmp_path, path, private)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bom.json", "bom.json.sig", "key-0.pem", "key-0.pub"]
