"""The agent's certificate: asked for with a one-time token, renewed over the connection that it secures."""

import sys
from pathlib import Path

from outrider.core.errors import ExecutionFailedError, UnauthenticatedError
from outrider.core.events import EnrolmentAnswer, EnrolmentRequest
from outrider.edge.settings import AgentSettings
from outrider.ports.certificates.tls import client_context
from outrider.ports.certificates.tokens import fingerprint, split_token
from outrider.ports.clock import Clock
from outrider.ports.http.client import Client
from outrider.ports.http.failover import FailoverClient
from outrider.ports.process import run
from outrider.ports.secrets.private_files import write_private
from outrider.runtime.client import read_authority

LIFETIME = 3600.0
RENEW_AT = 2 / 3
REQUEST_SECONDS = 15.0
# In the state of the agent; key and certificate in one.
IDENTITY_FILE = "identity.pem"
_EXPIRY = "not-after: "


class Certificate:
    """Key and certificate of one agent, in one file, so that they always fit together."""

    def __init__(self, settings: AgentSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.identity = settings.state / IDENTITY_FILE

    def valid(self) -> bool:
        """Return whether there is a certificate that has not expired."""
        return self._not_after() > self._clock.now()

    def seconds_until_renewal(self) -> float:
        """Return how long until two thirds of its life have passed."""
        return self._not_after() - self._clock.now() - LIFETIME * (1 - RENEW_AT)

    def _not_after(self) -> float:
        """Read the end of the certificate from the file's first line, which TLS skips."""
        try:
            with self.identity.open() as file:
                return float(file.readline().removeprefix(_EXPIRY))
        except (OSError, ValueError):
            return 0.0

    async def enrol(self) -> None:
        """Use the token up and keep the certificate.

        Raises:
            UnauthenticatedError: There is no token, or it is not accepted.
        """
        if not self._settings.token:
            raise UnauthenticatedError(
                f"agent '{self._settings.name}' has no valid certificate and no enrolment token",
                suggestions=[f"make a token: outrider agents token {self._settings.name}"],
            )
        authority = read_authority(self._settings.authority)
        if fingerprint(authority) != split_token(self._settings.token)[0]:
            raise UnauthenticatedError(
                "the enrolment token was made by another platform",
                found=str(self._settings.authority),
                expected="the authority that the token names",
                suggestions=[f"make a token there: outrider agents token {self._settings.name}"],
            )
        client = FailoverClient(self._settings.orchestrator.split(","), tls=client_context(authority))
        try:
            body = EnrolmentRequest(self._settings.token, await self._new_request())
            answer = await client.request_json("POST", "/agents/v1/enroll", body, EnrolmentAnswer)
        finally:
            await client.close()
        self._keep(answer)

    async def renew(self, client: Client) -> None:
        """Replace the certificate over the connection that the present one secures."""
        path = f"/agents/v1/{self._settings.name}/certificates/renew"
        body = EnrolmentRequest("", await self._new_request())
        self._keep(await client.request_json("POST", path, body, EnrolmentAnswer))

    async def _new_request(self) -> str:
        """Return a signing request, made in a short-lived process: this one stays free of the library's memory."""
        command = [sys.executable, "-m", "outrider.ports.certificates.request", str(self._next_key)]
        done = await run(command, timeout=REQUEST_SECONDS)
        if done.exit_code != 0:
            raise ExecutionFailedError(
                "no certificate request could be made", found=done.stderr.decode("utf-8", "replace")[-400:]
            )
        return done.stdout.decode()

    @property
    def _next_key(self) -> Path:
        return self._settings.state / "next.key"

    def _keep(self, answer: EnrolmentAnswer) -> None:
        key = self._next_key.read_text()
        write_private(self.identity, f"{_EXPIRY}{answer.not_after}\n{answer.certificate_chain}{key}".encode())
        self._next_key.unlink()
