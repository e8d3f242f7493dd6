"""Where models are asked: what an entry of a route and a ModelProvider have in common."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError, did_you_mean
from outrider.core.mutual_tls import MutualTls, check_mutual_tls
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import Dialect, Hosting


class ModelAddress(msgspec.Struct, frozen=True):
    """Where models are asked, and how."""

    dialect: Dialect
    url: str
    hosting: Hosting | None = None


# Providers whose address everybody knows; OpenAI's base holds the version, as its SDKs want it. Of the clouds it depends.
KNOWN = {
    "openai": ModelAddress("openai", "https://api.openai.com/v1"),
    "anthropic": ModelAddress("anthropic", "https://api.anthropic.com"),
    "gemini": ModelAddress("gemini", "https://generativelanguage.googleapis.com"),
    "azure": ModelAddress("openai", "", "azure"),
    "bedrock": ModelAddress("anthropic", "", "bedrock"),
}
# What each cloud is asked in; the first where nothing else is said.
_DIALECTS: dict[Hosting, tuple[Dialect, ...]] = {
    "azure": ("openai",), "bedrock": ("anthropic",), "aws": ("anthropic", "openai"),
}  # fmt: skip
_ADDRESSES: dict[Hosting, str] = {
    "azure": "add url: https://RESOURCE.openai.azure.com",
    "bedrock": "add region: eu-west-1, or another one",
    "aws": "add url: https://bedrock-runtime.REGION.amazonaws.com/anthropic",
}
# Of AWS, and of Azure's API.
REGION_PATTERN, VERSION_PATTERN = r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", r"[A-Za-z0-9][A-Za-z0-9.-]*"


def check_hosting(hosting: Hosting | None, dialect: Dialect, *, api_version: str, region: str) -> None:
    """Check that what is said of a cloud goes together.

    Raises:
        InvalidConfigError: It does not.
    """
    if hosting is not None and dialect not in _DIALECTS[hosting]:
        raise InvalidConfigError(
            f"models at {hosting} are not asked in this dialect", path="dialect", found=dialect, expected=" or ".join(_DIALECTS[hosting]),
            suggestions=["leave dialect out: calls are translated"],
        )  # fmt: skip
    if api_version and hosting != "azure":
        raise InvalidConfigError(
            "only Azure has versions of its API",
            path="apiVersion",
            found=api_version,
            suggestions=["leave it out", "add hosting: azure"],
        )
    if region and hosting not in ("bedrock", "aws"):
        raise InvalidConfigError(
            "only AWS wants to know the region",
            path="region",
            found=region,
            suggestions=["leave it out", "add hosting: bedrock"],
        )


class ModelEndpoint(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server that answers for models.

    Attributes:
        provider: Its name, as prices, ledger and metrics show it; `openai`, `anthropic` and `gemini` need no address, `bedrock` only a region.
        dialect: Which it speaks; that of the provider, else `openai`, as vLLM, Ollama and most others do.
        url: Its address; in OpenAI's dialect with the version, such as `http://127.0.0.1:8000/v1`.
        key: Secret with its key.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: The sidecar shows the agent's certificate.
        hosting: The cloud that hosts the models: `azure` (OpenAI's), `bedrock` (Anthropic's, by InvokeModel), or `aws` for an endpoint of
            Amazon that speaks the dialect itself. That of the provider where it is called `azure` or `bedrock`.
        api_version: Of Azure's API before v1, such as `2024-10-21`, where the model is asked by that.
        region: Of AWS, where the address does not say it.
    """

    provider: str = ""
    dialect: Dialect | None = None
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^/?#@\s]+[^?#\s]*)?$")] = ""
    key: SecretRef | None = None
    ca: str = ""
    mutual_tls: MutualTls | None = None
    hosting: Hosting | None = None
    api_version: Annotated[str, msgspec.Meta(pattern=rf"^({VERSION_PATTERN})?$")] = ""
    region: Annotated[str, msgspec.Meta(pattern=rf"^({REGION_PATTERN})?$", examples=["eu-west-1"])] = ""

    def __post_init__(self) -> None:
        check_mutual_tls(self.mutual_tls, self.url)

    def place(self) -> ModelAddress:
        """Return where and how it is asked.

        Raises:
            InvalidConfigError: The address is neither given nor known, or the dialect is none of the cloud's.
        """
        known = KNOWN.get(self.provider)
        hosting = self.hosting or (known.hosting if known is not None else None)
        usual = _DIALECTS[hosting][0] if hosting is not None else known.dialect if known is not None else "openai"
        dialect = self.dialect or usual
        check_hosting(hosting, dialect, api_version=self.api_version, region=self.region)
        found = self.url or (known.url if known is not None else "")
        if not found and hosting == "bedrock" and self.region:
            found = f"https://bedrock-runtime.{self.region}.amazonaws.com"
        if not found:
            raise InvalidConfigError(
                f"the address of provider '{self.provider}' is not known", path="url", found="no url",
                expected=f"a url, or one of the providers {', '.join(name for name, one in KNOWN.items() if one.url)}",
                suggestions=[_ADDRESSES[hosting]] if hosting is not None else did_you_mean(self.provider, KNOWN) or ["add url: https://HOST/v1"],
            )  # fmt: skip
        return ModelAddress(dialect, found.rstrip("/"), hosting)
