"""A provider that is asked as its dialect says."""

from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.llm.dialects import key_fields, provider_path
from outrider.sidecar.llm.hosting.host import Host, Outgoing, check_key
from outrider.sidecar.proxy.messages import Field


class Direct(Host):
    """A provider's own server, or one that speaks as it does.

    Args:
        name: Of the provider.
        dialect: Which it speaks.
        base: Path of its address; that of OpenAI's dialect holds the version.
    """

    def __init__(self, name: str, dialect: Dialect, base: bytes) -> None:
        self._name, self._dialect, self._base = name, dialect, base
        self._key: list[Field] = []

    def use_key(self, key: str) -> None:
        """Take a key as its dialect carries it."""
        check_key(key, f"the key of provider '{self._name}' cannot be sent")
        self._key = key_fields(self._dialect, key)

    def request(self, path: bytes, fields: list[Field], body: bytes, *, model: str) -> Outgoing:
        """Return the call with its path at the provider."""
        return Outgoing(provider_path(self._dialect, self._base, path, model), fields, body)

    def fields_at_send(self, asked: Outgoing, authority: bytes, moment: float) -> list[Field]:
        """Return the field with the key."""
        del asked, authority, moment
        return self._key
