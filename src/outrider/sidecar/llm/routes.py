"""Who may answer for a model: by priority, by weight among equals, past those that fail."""

import random
from collections.abc import Callable
from urllib.parse import urlsplit

from outrider.core.errors import InvalidConfigError
from outrider.core.model_endpoints import check_hosting
from outrider.core.secrets import SecretRef, SecretValue
from outrider.core.sidecar_settings import Dialect, ProviderSettings, RouteSettings
from outrider.sidecar.llm.circuit import Circuit
from outrider.sidecar.llm.dialects import Endpoint
from outrider.sidecar.llm.hosting.direct import Direct
from outrider.sidecar.llm.hosting.host import Host, Outgoing
from outrider.sidecar.llm.prices import Price
from outrider.sidecar.proxy.messages import Field
from outrider.sidecar.proxy.pool import Target

# Between these calls are translated.
TRANSLATED: frozenset[Dialect] = frozenset({"openai", "anthropic"})
TargetMaker = Callable[[str, int, ProviderSettings], Target]


class Provider:
    """One model of a provider.

    Args:
        settings: What it is.
        target: Where it is.
        price: Of the model; None where it is not known.
        host: How it is asked.
    """

    __slots__ = ("circuit", "dialect", "host", "model", "name", "price", "priority", "target", "weight")

    def __init__(self, settings: ProviderSettings, target: Target, price: Price | None, host: Host) -> None:
        self.name = settings.provider
        self.dialect: Dialect = settings.dialect
        self.model = settings.model
        self.priority, self.weight = settings.priority, settings.weight
        self.target, self.price, self.host = target, price, host
        self.circuit = Circuit()

    def use_key(self, key: SecretValue) -> None:
        """Take a key from the next call on.

        Raises:
            InvalidConfigError: It cannot stand in a header, or is none of the host's.
        """
        self.host.use_key(key.reveal().strip())  # files of secrets end with a line break

    def outgoing(self, path: bytes, fields: list[Field], body: bytes, *, model: str, moment: float) -> Outgoing:
        """Return what is sent to it.

        Args:
            path: As a client of its dialect calls it, with its query.
            fields: Of the call, without a key.
            body: In its dialect.
            model: As it names it.
            moment: Seconds since the epoch.

        Raises:
            OutriderError: Its host cannot be asked this.
        """
        asked = self.host.request(path, fields, body, model=model)
        asked.fields = [*asked.fields, *self.host.fields_at_send(asked, self.target.authority, moment)]
        return asked


class Route:
    """The providers of one alias.

    Args:
        alias: The name that the agent uses.
        providers: Who may answer.
    """

    def __init__(self, alias: str, providers: list[Provider]) -> None:
        self.alias = alias
        self.providers = providers
        self._able: dict[Dialect, list[Provider]] = {}
        for one in providers:
            self._able.setdefault(one.dialect, []).append(one)
        self._translatable = [one for one in providers if one.dialect in TRANSLATED]

    def order(self, endpoint: Endpoint, chance: Callable[[], float] = random.random) -> list[Provider]:
        """Return the providers that can answer at an endpoint, in the order in which they are to be asked.

        Args:
            endpoint: Of the call.
            chance: Returns a number from 0 to 1; of providers of one priority the share of each is its weight.
        """
        able = self._translatable if endpoint.crosses else self._able.get(endpoint.dialect, [])
        if len(able) <= 1:
            return able.copy()
        found: list[Provider] = []
        for priority in sorted({one.priority for one in able}):
            group = [one for one in able if one.priority == priority]
            while group:
                chosen = _drawn(group, chance())
                group.remove(chosen)
                found.append(chosen)
        return found


def _drawn(group: list[Provider], chance: float) -> Provider:
    mark = chance * sum(one.weight for one in group)
    for one in group:
        mark -= one.weight
        if mark < 0:
            return one
    return group[-1]


def make_provider(settings: ProviderSettings, make_target: TargetMaker, price: Price | None) -> Provider:
    """Return a provider.

    Args:
        settings: What it is.
        make_target: Returns the target of a host and a port.
        price: Of its model.

    Raises:
        InvalidConfigError: Its address is none, or says too little for its host.
    """
    try:
        parts = urlsplit(settings.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise InvalidConfigError(
            f"provider {settings.provider}: not an address", path="url", found=settings.url, expected="https://HOST/PATH",
            suggestions=["write for example https://api.openai.com/v1"],
        )  # fmt: skip
    check_hosting(settings.hosting, settings.dialect, api_version=settings.api_version, region=settings.region)
    base = parts.path.rstrip("/").encode()
    host = _host(settings, parts.hostname, base)
    return Provider(settings, make_target(parts.hostname, port, settings), price, host)


def _host(settings: ProviderSettings, name: str, base: bytes) -> Host:
    if settings.hosting is None:
        return Direct(settings.provider, settings.dialect, base)
    from outrider.sidecar.llm.hosting.azure import Azure  # noqa: PLC0415 - most gateways ask no cloud
    from outrider.sidecar.llm.hosting.bedrock import Bedrock, Signed  # noqa: PLC0415

    if settings.hosting == "azure":
        return Azure(base, settings.api_version)
    if settings.hosting == "bedrock":
        return Bedrock(name, base, region=settings.region)
    return Signed(settings.dialect, name, base, region=settings.region)


def secrets_of(routes: list[RouteSettings]) -> list[SecretRef]:
    """Return the secrets that routes name."""
    return [one.key for route in routes for one in route.providers if one.key is not None]
