"""By what a caller is known to an API server: tokens that change, programs that give them, certificates."""

import asyncio
import base64
import binascii
import json
import os
from datetime import datetime
from pathlib import Path

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import (
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
)
from outrider.ports.clock import Clock
from outrider.ports.kube.kubeconfig import Cluster, ExecPlugin, Target, User
from outrider.ports.kube.tls import Identity
from outrider.ports.process.command import run

# The token of a pod is renewed long before it ends; client-go reads it again as often.
TOKEN_SECONDS = 60.0
# What a program gave is asked for anew a little before it ends.
EARLY_SECONDS = 30.0
PLUGIN_SECONDS = 30.0
# Seconds between two questions, where what was given is still good.
_PATIENCE = 5.0


class Proof(msgspec.Struct, frozen=True):
    """What is shown with a request.

    Attributes:
        authorization: Value of the header; empty for none.
        identity: Certificate and key; None for none.
        until: Seconds of the monotonic clock at which it is looked for again; None for never.
        good_until: Until when it may be shown where no other is to be had; None where `until` says that.
    """

    authorization: str = ""
    identity: Identity | None = None
    until: float | None = None
    good_until: float | None = None


class Credentials:
    """The credentials of one target.

    Args:
        target: Whom requests go to, and as whom.
        clock: For what ends.
    """

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target, self._clock = target, clock
        self._proof: Proof | None = None
        self._asking: asyncio.Future[Proof] | None = None
        self._asked_at = float("-inf")

    async def proof(self) -> Proof:
        """Return what is shown now, looked for again where that has ended.

        Raises:
            InvalidConfigError: A file or value of the kubeconfig cannot be used.
            UnauthenticatedError: The program that gives credentials failed.
            MissingRequirementError: It is not installed.
        """
        proof, now = self._proof, self._clock.monotonic()
        if proof is not None and (proof.until is None or now < proof.until):
            return proof
        if (
            proof is not None
            and proof.good_until is not None
            and now < min(proof.good_until, self._asked_at + _PATIENCE)
        ):
            return proof  # asked for a moment ago, and still good
        # One question for all who wait, whoever of them gives up.
        if self._asking is None or self._asking.done():
            self._asked_at = now
            self._asking = asyncio.ensure_future(self._find())
        try:
            self._proof = await asyncio.shield(self._asking)
        except OutriderError:
            if proof is not None and proof.good_until is not None and now < proof.good_until:
                return proof
            raise
        return self._proof

    def renew(self, refused: Proof, *, by_server: bool = False) -> bool:
        """Look again the next time, as the server refused what was shown; return whether that may help."""
        if self._proof is refused:
            self._proof = None
        user = self._target.user
        return bool(
            user.exec is not None
            or user.token_file
            or user.client_certificate
            or (self._target.cluster.certificate_authority and not by_server)
        )

    async def _find(self) -> Proof:
        user = self._target.user
        if user.exec is not None:
            return await _ask(user.exec, self._target.cluster, self._clock)
        identity = _identity(user)
        if user.token_file:
            token = _text(_read(user.token_file, "tokenFile"), "tokenFile").strip()
            return Proof(f"Bearer {token}", identity, self._clock.monotonic() + TOKEN_SECONDS)
        if user.token:
            return Proof(f"Bearer {user.token}", identity)
        if user.username:
            pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            return Proof(f"Basic {pair}", identity)
        return Proof(identity=identity)


def authorities(cluster: Cluster) -> str | None:
    """Return the certificates of whom is trusted for a server; None for those of the machine.

    Raises:
        InvalidConfigError: The file or value cannot be used.
    """
    data = _bytes(cluster.certificate_authority_data, cluster.certificate_authority, "certificate-authority")
    return _text(data, "certificate-authority") if data else None


def _text(data: bytes, field: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:  # that error holds the value
        raise InvalidConfigError(
            f"{field} of the kubeconfig is no text", path=field, expected="UTF-8; certificates in PEM form"
        ) from None


def _identity(user: User) -> Identity | None:
    certificate = _bytes(user.client_certificate_data, user.client_certificate, "client-certificate")
    key = _bytes(user.client_key_data, user.client_key, "client-key")
    return Identity(certificate, key) if certificate else None


def _bytes(data: str, file: str, field: str) -> bytes:
    if not data:
        return _read(file, field) if file else b""
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidConfigError(
            f"{field}-data of the kubeconfig is no base64: {error}", path=f"{field}-data"
        ) from error


def _read(file: str, field: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InvalidConfigError(
            f"{field} of the kubeconfig: {file}: {error.strerror}",
            path=field,
            found=file,
            expected="a file that may be read",
        ) from error


class _Answer(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    status: _Answer | None = None


async def _ask(plugin: ExecPlugin, cluster: Cluster, clock: Clock) -> Proof:
    """Run a program that gives credentials (client.authentication.k8s.io)."""
    environment = {**os.environ, **{one.name: one.value for one in plugin.env or ()}}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(_question(plugin, cluster))
    try:
        completed = await run([plugin.command, *(plugin.args or ())], timeout=PLUGIN_SECONDS, env=environment)
    except NotFoundError as error:
        raise MissingRequirementError(
            f"the kubeconfig gets its credentials from {plugin.command}, which is not installed", found=plugin.command,
            expected="a program in PATH", suggestions=[plugin.install_hint.strip()[:300]] if plugin.install_hint else [],
        ) from error  # fmt: skip
    except OutriderError as error:
        raise _failed(plugin, error.message) from error
    if completed.exit_code != 0:
        said = completed.stderr.decode(errors="replace").strip().rpartition("\n")[2][:300]
        raise _failed(plugin, f"exit code {completed.exit_code}" + (f": {said}" if said else ""))
    try:
        status = decode(completed.stdout, _ExecCredential).status
    except InvalidConfigError as error:
        raise _failed(plugin, "it gave no ExecCredential") from error
    if status is None or not (status.token or status.client_certificate_data):
        raise _failed(plugin, "its ExecCredential has no status with a token or a certificate")
    return Proof(
        f"Bearer {status.token}" if status.token else "",
        Identity(status.client_certificate_data.encode(), (status.client_key_data or "").encode()) if status.client_certificate_data else None,
        _until(status.expiration_timestamp, clock, EARLY_SECONDS),
        _until(status.expiration_timestamp, clock, 0.0),
    )  # fmt: skip


def _question(plugin: ExecPlugin, cluster: Cluster) -> dict[str, object]:
    spec: dict[str, object] = {"interactive": False}
    if plugin.provide_cluster_info:
        authority = authorities(cluster)
        told = {
            "server": cluster.server,
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            "proxy-url": cluster.proxy_url,
            "config": next(
                (one.extension for one in cluster.extensions or () if one.name == "client.authentication.k8s.io/exec"),
                None,
            ),
            "certificate-authority-data": base64.b64encode(authority.encode()).decode() if authority else "",
        }
        spec["cluster"] = {name: value for name, value in told.items() if value}
    return {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}


def _until(end: datetime | None, clock: Clock, early: float) -> float | None:
    return None if end is None else clock.monotonic() + end.timestamp() - clock.now() - early


def _failed(plugin: ExecPlugin, reason: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"{plugin.command}, which gives the credentials of the kubeconfig, failed: {reason}", found=reason,
        expected="an ExecCredential with a status", suggestions=[f"run {plugin.command} by hand, with the arguments of the kubeconfig"],
    )  # fmt: skip
