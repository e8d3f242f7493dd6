"""OpenAI's models as Azure hosts them.

The v1 API is OpenAI's below another path (learn.microsoft.com/azure/foundry/openai/api-version-lifecycle); the one before names the
deployment in the path and wants a version (openai/lib/azure.py).
"""

import re
from urllib.parse import quote, unquote_to_bytes

from outrider.core.errors import InvalidConfigError
from outrider.core.model_endpoints import VERSION_PATTERN
from outrider.sidecar.llm.hosting.host import Host, Outgoing, check_key
from outrider.sidecar.proxy.messages import Field

# The only ones of which the older API has the deployment in the path (`_deployments_endpoints` of the SDK).
_OF_DEPLOYMENTS = frozenset({b"/chat/completions", b"/completions", b"/embeddings"})
_VERSION = re.compile(VERSION_PATTERN)
# Bases as they are written down for one API or the other.
_BASE = re.compile(rb"(/openai(/v1|/deployments/[^/]*)?)?/*$")
_TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*", re.ASCII)


def azure_path(base: bytes, path: bytes, *, model: str, api_version: str) -> bytes:
    """Return the path at Azure.

    Args:
        base: Path of the address, up to `/openai` or the version behind it.
        path: As a client of OpenAI calls it, with its query.
        model: Name of the deployment.
        api_version: Of the older API, such as `2024-10-21`. Empty for the v1 API; a name, such as `preview`, asks that for one.
    """
    called, _, query = path.partition(b"?")
    called = called.removeprefix(b"/v1")
    root = _BASE.sub(b"", base) + b"/openai"
    if not api_version[:1].isdigit():
        root += b"/v1"
    elif called in _OF_DEPLOYMENTS:
        root += b"/deployments/" + quote(model, safe="").encode()
    # The version is the operator's choice.
    kept = [one for one in query.split(b"&") if one and unquote_to_bytes(one.partition(b"=")[0]) != b"api-version"]
    if api_version:
        kept.append(b"api-version=" + api_version.encode())
    return root + called + (b"?" + b"&".join(kept) if kept else b"")


def azure_key_fields(key: str) -> list[Field]:
    """Return the fields that carry a key of the resource, or a token of Entra ID, which is a JWT and has dots in it."""
    if _TOKEN.fullmatch(key):
        return [(b"authorization", b"Bearer " + key.encode())]
    return [(b"api-key", key.encode())]


class Azure(Host):
    """A deployment at Azure OpenAI.

    Args:
        base: Path of the address.
        api_version: Of the API; empty for the v1 API.

    Raises:
        InvalidConfigError: That is no version.
    """

    def __init__(self, base: bytes, api_version: str = "") -> None:
        if api_version and not _VERSION.fullmatch(api_version):
            raise InvalidConfigError(
                "not a version of Azure's API", path="apiVersion", found=api_version,
                expected="a date such as 2024-10-21, or nothing for the v1 API", suggestions=["leave it out"],
            )  # fmt: skip
        self._base, self._api_version = base, api_version
        self._key: list[Field] = []

    def use_key(self, key: str) -> None:
        """Take a key of the resource, or a token of Entra ID."""
        value = key.strip()
        check_key(
            value,
            "the key cannot be sent",
            remedies=("store a key of the Azure OpenAI resource, or a token of Entra ID",),
        )
        self._key = azure_key_fields(value)

    def request(self, path: bytes, fields: list[Field], body: bytes, *, model: str) -> Outgoing:
        """Return the call with its path at Azure; the body stays, with the deployment as its model."""
        if model in ("", ".", ".."):
            raise InvalidConfigError(
                "not the name of a deployment", path="model", found=model, expected="a name", suggestions=["set model"]
            )
        return Outgoing(azure_path(self._base, path, model=model, api_version=self._api_version), fields, body)

    def fields_at_send(self, asked: Outgoing, authority: bytes, moment: float) -> list[Field]:
        """Return the field with the key."""
        del asked, authority, moment
        return self._key
