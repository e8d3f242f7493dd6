"""Where models are asked: what an entry of a route and a ModelProvider have in common."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError, did_you_mean
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import Dialect

# Providers whose address everybody knows; OpenAI's base holds the version, as its SDKs want it.
KNOWN: dict[str, tuple[Dialect, str]] = {
    "openai": ("openai", "https://api.openai.com/v1"),
    "anthropic": ("anthropic", "https://api.anthropic.com"),
    "gemini": ("gemini", "https://generativelanguage.googleapis.com"),
}


class ModelEndpoint(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server that answers for models.

    Attributes:
        provider: Its name, as prices, ledger and metrics show it; `openai`, `anthropic` and `gemini` need no address.
        dialect: Which it speaks; that of the provider, else `openai`, as vLLM, Ollama and most others do.
        url: Its address; in OpenAI's dialect with the version, such as `http://127.0.0.1:8000/v1`.
        key: Secret with its key.
        ca: File with the authorities to trust, in place of the machine's.
    """

    provider: str = ""
    dialect: Dialect | None = None
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^/?#@\s]+[^?#\s]*)?$")] = ""
    key: SecretRef | None = None
    ca: str = ""

    def place(self) -> tuple[Dialect, str]:
        """Return dialect and address.

        Raises:
            InvalidConfigError: The address is neither given nor known.
        """
        dialect, url = KNOWN.get(self.provider, (None, ""))
        found = self.url or url
        if not found:
            raise InvalidConfigError(
                f"the address of provider '{self.provider}' is not known", path="url", found="no url",
                expected=f"a url, or one of the providers {', '.join(KNOWN)}",
                suggestions=did_you_mean(self.provider, KNOWN) or ["add url: https://HOST/v1"],
            )  # fmt: skip
        return self.dialect or dialect or "openai", found.rstrip("/")
