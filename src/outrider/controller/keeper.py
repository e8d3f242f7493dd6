"""Keeps the certificates of the webhooks in a Secret, and has the API server trust them; servers load what it keeps."""

import binascii
import ssl
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from outrider.controller.certificates import Held, Issued, next_look, rotated
from outrider.ports.certificates.in_memory import load_pair, serving_context
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.cache import Change
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.objects import KubeObject, plain
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import CRDS, MUTATING_WEBHOOKS, SECRETS, Resource
from outrider.ports.telemetry import logger

NAME = "outrider-controller"
SECRET = f"{NAME}-webhooks"
_LONGEST = 3600.0
_FIELDS = ("tls.crt", "tls.key", "ca.crt")
_NEXT, _SINCE, _PREVIOUS = "next-", "next-since", "previous-ca.crt"
_log = logger(__name__)


class CertificateKeeper:
    """The certificates of the webhooks of one installation. Where it has no webhooks there are no certificates.

    Args:
        client: Who is asked.
        manager: Whose caches are used.
        namespace: Of the Secret and of the Service by which the API server calls.
        kinds: Names of the definitions of kinds that have several versions, which are converted here.
        metrics: Where it is counted.
        clock: For the certificates.

    Attributes:
        context: What a server speaks TLS with; it shows what is held, as soon as that is known.
        loaded: Whether it shows anything.
    """

    def __init__(
        self,
        client: KubeClient,
        manager: Manager,
        namespace: str,
        *,
        kinds: Sequence[str] = (),
        metrics: ControllerMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._kinds = kinds
        self.context: ssl.SSLContext = serving_context()
        self.loaded = False
        self._client, self._namespace, self._clock = client, namespace, clock or SystemClock()
        self._secrets = manager.informer(SECRETS, selection=Selection(namespace, fields=f"metadata.name={SECRET}"))
        self._webhooks = manager.informer(MUTATING_WEBHOOKS, selection=Selection(fields=f"metadata.name={NAME}"))
        self.controller = manager.add(Controller("webhooks", self._reconcile, metrics=metrics, workers=1))
        for informer in (self._secrets, self._webhooks):
            self.controller.follow(informer, lambda _: [NAME])
        self._secrets.on_change(self._load)

    @property
    def ready(self) -> bool:
        """Whether webhooks can be answered, or there are none."""
        return self.loaded or NAME not in self._webhooks.cache

    @property
    def host(self) -> str:
        """The name by which the API server calls."""
        return f"{NAME}.{self._namespace}.svc"

    async def _reconcile(self, _: Work) -> After | None:
        webhooks = self._webhooks.cache.get(NAME)
        if webhooks is None:
            return None
        secret, now = self._secrets.cache.get(f"{self._namespace}/{SECRET}"), self._clock.now()
        before = held_in(secret)
        held = rotated(before, self.host, now)
        if held is not before:
            await self._write(secret, held)
        await self._trust(held)
        return After(min(next_look(held, now), _LONGEST))

    async def _write(self, secret: KubeObject | None, held: Held) -> None:
        metadata: dict[str, Any] = {"name": SECRET, "namespace": self._namespace}
        content = {"metadata": metadata, "type": "Opaque", "data": secret_data(held)}
        if secret is None:
            await self._client.create(SECRETS, content, self._namespace)
        else:
            metadata["resourceVersion"] = secret.metadata.resource_version
            await self._client.replace(SECRETS, content)
        _log.info("certificates of webhooks written", extra={"secret": f"{self._namespace}/{SECRET}"})

    async def _trust(self, held: Held) -> None:
        """Have the API server trust who vouches for the webhooks."""
        bundle = b64encode(held.trusted.encode()).decode()
        trust = {"clientConfig": {"caBundle": bundle}}
        webhooks = await self._client.get(MUTATING_WEBHOOKS, NAME)
        wanted = [{"name": one["name"], **trust} for one in webhooks.get("webhooks", ())]
        await self._say(MUTATING_WEBHOOKS, webhooks, {"webhooks": wanted})
        for name in self._kinds:
            kind = await self._client.get(CRDS, name)
            await self._say(CRDS, kind, {"spec": {"conversion": {"strategy": "Webhook", "webhook": trust}}})

    async def _say(self, resource: Resource, there: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Have what we say of an object of others be so; that it is so already changes nothing."""
        metadata = {"name": there["metadata"]["name"], "uid": there["metadata"]["uid"]}
        await self._client.apply(resource, {"metadata": metadata, **wanted}, manager=f"{NAME}-trust", force=True)

    def _load(self, change: Change, first: bool) -> None:
        del first
        held = held_in(change.after)
        if held is not None:
            load_pair(self.context, held.current.pair)
            self.loaded = True


def held_in(secret: KubeObject | None) -> Held | None:
    """Return what a Secret holds; None where that cannot be used."""
    if secret is None:
        return None
    try:
        data = {name: b64decode(value, validate=True).decode() for name, value in plain(secret.data).items()}
        current = _issued(data, "")
        since = float(data.get(_SINCE) or 0)
        following = _issued(data, _NEXT) if f"{_NEXT}tls.crt" in data else None
    except (KeyError, ValueError, TypeError, binascii.Error):
        return None
    return Held(current, following, since, data.get(_PREVIOUS, ""))


def _issued(data: dict[str, str], prefix: str) -> Issued:
    certificate, key, authority = (data[prefix + field] for field in _FIELDS)
    return Issued(KeyPair(certificate, key), authority)


def secret_data(held: Held) -> dict[str, str]:
    """Return what a Secret says of what is held, as `held_in` reads it."""
    data = dict(zip(_FIELDS, _texts(held.current), strict=True))
    if held.next is not None:
        data |= dict(zip([_NEXT + field for field in _FIELDS], _texts(held.next), strict=True))
        data[_SINCE] = repr(held.next_since)
    if held.previous:
        data[_PREVIOUS] = held.previous
    return {name: b64encode(value.encode()).decode() for name, value in data.items()}


def _texts(issued: Issued) -> tuple[str, str, str]:
    return issued.pair.certificate, issued.pair.key, issued.authority
