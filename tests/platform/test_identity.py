"""Who may come in, tried against a running platform."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outrider.core.codec import decode
from outrider.core.errors import OutriderError, UnauthenticatedError
from outrider.core.http.headers import Headers
from outrider.edge.enrolment import Certificate
from outrider.edge.link import Link
from outrider.edge.settings import AgentSettings
from outrider.ports.certificates.tls import client_context
from outrider.ports.clock import SystemClock
from outrider.ports.http.client import Client
from tests.platform.harness import Platform, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

OBJECTS = """
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {name: hands}
spec: {plugins: [service-restart]}
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {name: others}
spec: {plugins: [service-restart]}
"""


class Intruder:
    """Speaks to a running platform with the identity of one of its agents, or with none."""

    def __init__(self, platform: Platform, tmp_path: Path, name: str = "hands") -> None:
        state = platform.folder / ".outrider"
        self.settings = decode((state / f"agent-{name}.json").read_bytes(), AgentSettings)
        # A copy, so that the agent itself is not disturbed.
        shutil.copytree(self.settings.state, tmp_path / name)
        self.settings.state = tmp_path / name
        self.certificate = Certificate(self.settings, SystemClock())
        self.authority = self.settings.authority.read_text()

    def client(self, *, identity: bool = True) -> Client:
        return Client(
            self.settings.orchestrator,
            tls=client_context(self.authority, self.certificate.identity if identity else None),
        )


async def refusal(call: Callable[[], Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await call()
    return caught.value


async def test_identities(platform: Platform, tmp_path: Path) -> None:
    platform.write(OBJECTS)
    with running(platform):
        await agents_act_for_themselves_only(Intruder(platform, tmp_path / "a"))
        await a_certificate_is_renewed(Intruder(platform, tmp_path / "b"))
        await a_token_works_once(platform, Intruder(platform, tmp_path / "c"))
        await users_need_the_token(Intruder(platform, tmp_path / "d"))
        await a_revoked_agent_is_refused_on_its_open_connection(platform, Intruder(platform, tmp_path / "e"))


async def agents_act_for_themselves_only(intruder: Intruder) -> None:
    client, nobody = intruder.client(), intruder.client(identity=False)
    own, foreign, anonymous = Link(client, "hands"), Link(client, "others"), Link(nobody, "hands")
    assert (await own.config()).plugins
    assert (await refusal(foreign.config)).code == "DENIED"
    assert (await refusal(anonymous.config)).code == "UNAUTHENTICATED"
    await client.close()
    await nobody.close()


async def a_certificate_is_renewed(intruder: Intruder) -> None:
    before = intruder.certificate.identity.read_text()
    client = intruder.client()
    await intruder.certificate.renew(client)
    await client.close()
    assert intruder.certificate.identity.read_text() != before
    assert intruder.certificate.valid()
    again = intruder.client()
    assert (await Link(again, "hands").config()).plugins
    await again.close()


async def a_token_works_once(platform: Platform, intruder: Intruder) -> None:
    intruder.settings.token = platform.command("agents", "token", "hands").stdout.strip()
    await intruder.certificate.enrol()
    assert intruder.certificate.valid()
    assert (await refusal(intruder.certificate.enrol)).code == "UNAUTHENTICATED"
    digest, _, secret = intruder.settings.token.partition(".")
    intruder.settings.token = f"{'0' * len(digest)}.{secret}"
    with pytest.raises(UnauthenticatedError, match="another platform"):
        await intruder.certificate.enrol()


async def users_need_the_token(intruder: Intruder) -> None:
    client = intruder.client()
    for headers in (Headers(), Headers([("authorization", "Bearer wrong")])):
        answer = await client.request("GET", "/v1/status", headers=headers)
        assert answer.status == 401
        assert isinstance(answer.body, bytes)
        assert json.loads(answer.body)["error"]["code"] == "UNAUTHENTICATED"
    assert (await client.request("GET", "/health")).status == 200
    metrics = await client.request("GET", "/metrics")
    assert b"outrider_transaction_seconds" in (metrics.body if isinstance(metrics.body, bytes) else b"")
    await client.close()


async def a_revoked_agent_is_refused_on_its_open_connection(platform: Platform, intruder: Intruder) -> None:
    client = intruder.client()
    link = Link(client, "hands")
    await link.config()
    assert platform.command("agents", "revoke", "hands").returncode == 0
    assert (await refusal(link.config)).code == "UNAUTHENTICATED"
    assert platform.command("agents", "restore", "hands").returncode == 0
    assert (await link.config()).plugins
    await client.close()
