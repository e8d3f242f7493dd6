"""Anthropic's models as Amazon Bedrock hosts them.

`Bedrock` asks by InvokeModel (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html; what the body of
Anthropic's models differs in: anthropic/lib/bedrock/_client.py). `Signed` is for the endpoints of Amazon that speak a dialect
themselves (docs.aws.amazon.com/bedrock/latest/userguide/inference-messages-api.html): there only keys and errors are Amazon's.
"""

from urllib.parse import quote

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.sidecar.llm.dialects import provider_path
from outrider.sidecar.llm.hosting.amazon import OF_AMAZON, AmazonHost
from outrider.sidecar.llm.hosting.bedrock_events import EventReading
from outrider.sidecar.llm.hosting.host import Outgoing, Reading
from outrider.sidecar.proxy.messages import JSON, JSON_FIELDS, Field, with_content_type

# The one that the models with a version in their id know (platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock).
VERSION = "bedrock-2023-05-31"
EVENT_STREAM = b"application/vnd.amazon.eventstream"
# Fields that are written anew, or stand in the body here.
_NOT_KEPT = frozenset({b"accept", b"content-type", b"date"})
_OF_CLIENTS = (*OF_AMAZON, b"anthropic-", b"x-stainless-")
_BETA, _PROFILE = b"anthropic-beta", b"anthropic-user-profile-id"
_Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(_Members)
_encoder = msgspec.json.Encoder()


def invoke_path(base: bytes, model: str, *, stream: bool) -> bytes:
    """Return the path of a call.

    Raises:
        InvalidConfigError: The model would make it another path.
    """
    if model in ("", ".", ".."):
        raise InvalidConfigError(
            "not the id of a model", path="model", found=model, expected="an id or an ARN", suggestions=["set model"]
        )
    operation = b"invoke-with-response-stream" if stream else b"invoke"
    # As the SDK writes it: AWS takes the colon of a version as it is; the slashes of an ARN must be no slashes of the path.
    return b"%s/model/%s/%s" % (base, quote(model, safe=":").encode(), operation)


def invoke_body(body: bytes, fields: list[Field]) -> tuple[bytes, bool]:
    """Return the body of a call of Anthropic's messages as InvokeModel wants it, and whether it asks for a stream.

    All values stay as they are written.

    Args:
        body: Of the call.
        fields: Of the call; two of Anthropic's stand in the body here.

    Raises:
        InvalidConfigError: The body is no JSON object.
    """
    try:
        members = _members.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidConfigError(
            f"the body is not a call: {error}", found=f"{len(body)} bytes", expected="a JSON object"
        ) from error
    members.pop("model", None)
    stream = bytes(members.pop("stream", b"")) == b"true"
    members.setdefault("anthropic_version", _raw(VERSION))
    betas = [one.strip() for value in _values(fields, _BETA) for one in value.split(",") if one.strip()]
    if betas:
        members.setdefault("anthropic_beta", _raw(betas))
    for profile in _values(fields, _PROFILE)[:1]:
        members.setdefault("user_profile_id", _raw(profile))
    return _encoder.encode(members), stream


class Bedrock(AmazonHost):
    """A model that is asked by InvokeModel.

    Args:
        host: Name of the endpoint.
        base: Path of its address.
        region: Where it is; empty where the name says it.
    """

    # The models that are asked like this let calls say how tokens are chosen.
    anthropic_version = "2023-06-01"

    def __init__(self, host: str, base: bytes, *, region: str = "") -> None:
        super().__init__("anthropic", host, base, region=region)

    def request(self, path: bytes, fields: list[Field], body: bytes, *, model: str) -> Outgoing:
        """Return the call of InvokeModel for a call of Anthropic's messages; nothing else can be asked."""
        if path.partition(b"?")[0] != b"/v1/messages":
            raise UnsupportedError(
                f"{path.partition(b'?')[0].decode('latin-1')} cannot be asked of a model at Amazon Bedrock",
                expected="/v1/messages", suggestions=["give the route another provider for that"],
            )  # fmt: skip
        written, stream = invoke_body(body, fields)
        kept = [field for field in fields if field[0] not in _NOT_KEPT and not field[0].startswith(_OF_CLIENTS)]
        kept += [*JSON_FIELDS, (b"accept", JSON)]
        return Outgoing(invoke_path(self._base, model, stream=stream), kept, written)

    def read(self, status: int, fields: list[Field]) -> Reading | None:
        """Return what makes Anthropic's stream of Amazon's, or reads an error."""
        if not any(name == b"content-type" and value.lower().startswith(EVENT_STREAM) for name, value in fields):
            return super().read(status, fields)
        fields[:] = with_content_type(fields, b"text/event-stream; charset=utf-8")
        return EventReading()


class Signed(AmazonHost):
    """A model at an endpoint of Amazon that speaks the dialect itself, such as `https://bedrock-runtime.REGION.amazonaws.com/anthropic`.

    Args:
        dialect: Which.
        host: Name of the endpoint.
        base: Path of its address; that of OpenAI's dialect holds the version.
        region: Where it is; empty where the name says it.
    """

    def request(self, path: bytes, fields: list[Field], body: bytes, *, model: str) -> Outgoing:
        """Return the call as the dialect has it."""
        kept = [field for field in fields if not field[0].startswith(OF_AMAZON)]
        return Outgoing(provider_path(self._dialect, self._base, path, model), kept, body)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))


def _values(fields: list[Field], name: bytes) -> list[str]:
    return [value.decode("latin-1") for found, value in fields if found == name]
