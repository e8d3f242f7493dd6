"""Where what an agent measures and traces goes."""

from typing import Annotated

import msgspec

from outrider.core.secrets import HeaderFields


class OtlpEndpoint(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A collector that speaks OTLP over HTTP.

    Attributes:
        url: Its address, without `/v1/traces`.
        headers: Fields that it wants to see, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$", examples=["https://otel.internal:4318"])
    ]
    headers: HeaderFields = {}
    ca: str = ""


class Telemetry(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What the program itself sends of traces, metrics and logs.

    Attributes:
        otlp: Where its sidecar hands that on to; the program finds the sidecar in OTEL_EXPORTER_OTLP_ENDPOINT.
    """

    otlp: OtlpEndpoint | None = None
