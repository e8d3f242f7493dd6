"""The languages of model providers: which paths clients call, where keys and models stand, and how an error looks."""

import re

import msgspec

from outrider.core.codec import encode
from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.proxy.messages import Field

_GEMINI = re.compile(
    rb"/v1(?:beta)?/models/([^/:?]+):(generateContent|streamGenerateContent|countTokens|embedContent)$"
)


# The newest version of Anthropic's dialect that is spoken here.
ANTHROPIC_VERSION = "2026-10-21"


class Endpoint(msgspec.Struct, frozen=True):
    """Something that clients ask for.

    Attributes:
        name: As ledger and metrics show it.
        dialect: Whose.
        charged: Whether it uses tokens.
        streams: Whether the path itself says that the answer comes in pieces.
        usage_on_request: Whether a stream tells its usage only when it is asked to.
        crosses: Whether its calls can be translated for providers of another dialect.
        media: Whether it is about images or sound, whose cost tokens do not always tell.
        form: Whether its calls are forms with files in them.
    """

    name: str
    dialect: Dialect
    charged: bool = True
    streams: bool = False
    usage_on_request: bool = False
    crosses: bool = False
    media: bool = False
    form: bool = False


MODELS = Endpoint("models", "openai", charged=False)
HEALTH = Endpoint("health", "openai", charged=False)
STATUS = Endpoint("status", "openai", charged=False)
_READ = {b"/v1/models": MODELS, b"/health": HEALTH, b"/status": STATUS}
_ENDPOINTS = {
    b"/v1/chat/completions": Endpoint("chat", "openai", usage_on_request=True, crosses=True),
    b"/v1/completions": Endpoint("completions", "openai", usage_on_request=True),
    b"/v1/responses": Endpoint("responses", "openai", crosses=True),
    b"/v1/embeddings": Endpoint("embeddings", "openai"),
    b"/v1/moderations": Endpoint("moderations", "openai", charged=False),
    b"/v1/images/generations": Endpoint("images", "openai", media=True),
    b"/v1/images/edits": Endpoint("images", "openai", media=True, form=True),
    b"/v1/images/variations": Endpoint("images", "openai", media=True, form=True),
    b"/v1/audio/speech": Endpoint("speech", "openai", media=True),
    b"/v1/audio/transcriptions": Endpoint("transcriptions", "openai", media=True, form=True),
    b"/v1/audio/translations": Endpoint("transcriptions", "openai", media=True, form=True),
    b"/v1/messages": Endpoint("messages", "anthropic", crosses=True),
    b"/v1/messages/count_tokens": Endpoint("count_tokens", "anthropic", charged=False),
}
_GEMINI_ENDPOINTS = {
    b"generateContent": Endpoint("generate_content", "gemini"),
    b"streamGenerateContent": Endpoint("stream_generate_content", "gemini", streams=True),
    b"countTokens": Endpoint("count_tokens", "gemini", charged=False),
    b"embedContent": Endpoint("embed_content", "gemini"),
}


def endpoint_of(method: bytes, path: bytes) -> tuple[Endpoint, bytes] | None:
    """Return what a request asks for, and the model where the path names it; None for what is not offered."""
    if method == b"GET":
        read = _READ.get(path)
        return (read, b"") if read is not None else None
    if method != b"POST":
        return None
    found = _ENDPOINTS.get(path)
    if found is not None:
        return found, b""
    match = _GEMINI.match(path)
    return (_GEMINI_ENDPOINTS[match[2]], match[1]) if match else None


def provider_path(dialect: Dialect, base: bytes, path: bytes, model: str) -> bytes:
    """Return the path at a provider.

    Args:
        dialect: The provider's.
        base: Path of its address, without a slash at its end; that of OpenAI's dialect holds the version.
        path: As the client called it, with its query.
        model: As the provider names it.
    """
    if dialect == "openai":
        return base + path.removeprefix(b"/v1")
    if dialect == "gemini":
        head, _, rest = path.partition(b"/models/")
        return b"%s%s/models/%s:%s" % (base, head, model.encode(), rest.partition(b":")[2])
    return base + path


def key_fields(dialect: Dialect, key: str) -> list[Field]:
    """Return the fields that carry a provider's key."""
    name, prefix = {
        "openai": (b"authorization", "Bearer "),
        "anthropic": (b"x-api-key", ""),
        "gemini": (b"x-goog-api-key", ""),
    }[dialect]
    return [(name, (prefix + key).encode())]


def client_key(value: bytes) -> bytes:
    """Return the key in the value of a field that identifies a client."""
    scheme, _, rest = value.partition(b" ")
    return rest.strip() if scheme.lower() == b"bearer" and rest else value.strip()


_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error",
}  # fmt: skip
_GEMINI_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


def error_document(dialect: Dialect, status: int, code: str, message: str) -> bytes:
    """Return an error as clients of a dialect read it."""
    if dialect == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "api_error")
        return encode({"type": "error", "error": {"type": kind, "message": message}})
    if dialect == "gemini":
        return encode({"error": {"code": status, "message": message, "status": _GEMINI_STATUS.get(status, "INTERNAL")}})
    return encode({"error": {"message": message, "type": code, "code": code, "param": None}})


def error_event(dialect: Dialect, message: str) -> bytes:
    """Return the event that ends a stream with a reason."""
    name = b"event: error\n" if dialect == "anthropic" else b""
    return b"%sdata: %s\n\n" % (name, error_document(dialect, 500, "stream_ended", message))
