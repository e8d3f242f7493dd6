"""What a caller sends: a JSON-RPC request, and the message in it."""

from typing import Any, NamedTuple

from outrider.core.a2a.older import newer_params
from outrider.core.a2a.protocol import (
    CONTENT_TYPE,
    CURRENT,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NO_PUSH,
    OLDER,
    OLDER_NAMES,
    PARSE_ERROR,
    VERSION_HEADER,
    VERSION_NOT_SUPPORTED,
    A2aError,
)
from outrider.core.codec import decode_plain, digest
from outrider.core.errors import OutriderError

RequestId = str | int | None
_NEWER_NAMES = {old: new for new, old in OLDER_NAMES.items()}
_NEWER = frozenset({*OLDER_NAMES, "ListTasks"})
LONGEST_CONTEXT = 256
# From here on not every integer is a float.
_EXACT = 2**53


class Call(NamedTuple):
    """A request, as 1.0 has it; `older` says that its caller wants to be answered as 0.3 does."""

    method: str
    params: dict[str, Any]
    older: bool


class Said(NamedTuple):
    """A message.

    Attributes:
        key: The same for the same message, sent again.
        given: Input of the task.
        context: The conversation; empty where it begins one.
        task: An earlier task that it goes on with.
        immediately: Whether its sender does not wait for the end.
    """

    key: str
    given: dict[str, Any]
    context: str
    task: str
    immediately: bool


def read_body(body: bytes) -> tuple[dict[str, Any], RequestId]:
    """Return a JSON-RPC message and its id.

    Raises:
        A2aError: It is no JSON, or a batch, or its id is none.
    """
    try:
        found = decode_plain(body)
    except OutriderError as error:
        raise A2aError(PARSE_ERROR, error.message) from error
    if not isinstance(found, dict):
        raise A2aError(INVALID_REQUEST, "a request is one JSON object; a batch is not taken")
    number = found.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int | None):
        raise A2aError(INVALID_REQUEST, "id: expected text or an integer")
    return found, number


def read_call(found: dict[str, Any], version: str) -> Call:
    """Return the request in a message. Its method says in which version it is written; the header must not contradict.

    Args:
        found: The message.
        version: What `A2A-Version` says; empty where it is absent.

    Raises:
        A2aError: It is no request, or its method or version is not known.
    """
    method, params = found.get("method"), found.get("params", {})
    if found.get("jsonrpc") != "2.0":
        raise A2aError(INVALID_REQUEST, 'jsonrpc: expected "2.0"')
    if not isinstance(method, str):
        raise A2aError(INVALID_REQUEST, "method: expected text")
    if not isinstance(params, dict):
        raise A2aError(INVALID_PARAMS, "params: expected an object")
    if version and not _is(version, CURRENT) and not _is(version, OLDER):
        raise A2aError(
            VERSION_NOT_SUPPORTED,
            f"{VERSION_HEADER}: version {version[:20]} is not spoken here",
            expected=f"{CURRENT}, {OLDER}",
        )
    if method in _NEWER_NAMES:
        return Call(_NEWER_NAMES[method], newer_params(params), older=True)
    if method not in _NEWER:
        raise A2aError(METHOD_NOT_FOUND, f"method: there is no '{method[:80]}'", expected=", ".join(sorted(_NEWER)))
    return Call(method, params, older=False)


def read_id(params: dict[str, Any]) -> str:
    """Return the task that is meant.

    Raises:
        A2aError: None is named.
    """
    found = params.get("id")
    if not isinstance(found, str) or not found:
        raise A2aError(INVALID_PARAMS, "id: expected the id of a task")
    return found


def read_said(params: dict[str, Any]) -> Said:
    """Return the message to be sent.

    Raises:
        A2aError: There is none, or it holds something else than text and data.
    """
    message, configuration = params.get("message"), params.get("configuration") or {}
    if not isinstance(message, dict):
        raise A2aError(INVALID_PARAMS, "message: expected an object")
    if not isinstance(configuration, dict):
        raise A2aError(INVALID_PARAMS, "configuration: expected an object")
    if configuration.get("taskPushNotificationConfig"):
        raise A2aError(NO_PUSH, "configuration: an agent of this platform calls nobody back; wait, stream or ask")
    ids = {name: _text(message, name) for name in ("messageId", "contextId", "taskId")}
    if not ids["messageId"]:
        raise A2aError(INVALID_PARAMS, "message.messageId: expected text")
    context = ids["contextId"]
    if len(context) > LONGEST_CONTEXT or not all("!" <= one <= "~" for one in context):
        raise A2aError(
            INVALID_PARAMS, f"message.contextId: expected at most {LONGEST_CONTEXT} printable ASCII characters"
        )
    immediately = configuration.get("returnImmediately") is True
    return Said(f"a2a-{digest(ids)}", _given(message.get("parts")), context, ids["taskId"], immediately)


def _given(parts: object) -> dict[str, Any]:
    """Return parts as the input of a task: the fields of data, and text as `input`, as a task by hand has it."""
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise A2aError(INVALID_PARAMS, "message.parts: expected at least one part")
    texts, given = [], dict[str, Any]()
    for number, part in enumerate(parts):
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part.get("data"), dict):
            _merge(given, _whole(part["data"]), f"message.parts[{number}].data")
        elif "data" in part:
            _merge(given, {"input": _whole(part["data"])}, f"message.parts[{number}].data")
        else:
            raise A2aError(CONTENT_TYPE, f"message.parts[{number}]: agents of this platform take text and data")
    if texts:
        _merge(given, {"input": "\n\n".join(texts)}, "message.parts")
    return given


def _merge(given: dict[str, Any], more: dict[str, Any], place: str) -> None:
    twice = sorted(given.keys() & more.keys())
    if twice:
        raise A2aError(INVALID_PARAMS, f"{place}: '{twice[0][:80]}' is given twice; text is given as 'input'")
    given.update(more)


def _whole(value: Any) -> Any:
    """Return data whose whole numbers are integers again: callers on protobuf know floats only, and write 1 as 1.0."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value


def _text(message: dict[str, Any], name: str) -> str:
    found = message.get(name) or ""
    if not isinstance(found, str):
        raise A2aError(INVALID_PARAMS, f"message.{name}: expected text")
    return found


def _is(version: str, spoken: str) -> bool:
    return version == spoken or version.startswith(f"{spoken}.")
