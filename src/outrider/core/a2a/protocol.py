"""Names and numbers of A2A. Sources: its specification 1.0 (sections 3, 5 and 9, and a2a.proto), and 0.3 for the older names."""

from typing import Any

import msgspec

CARD_PATH = "/.well-known/agent-card.json"
VERSION_HEADER = "A2A-Version"
CURRENT, OLDER = "1.0", "0.3"
JSONRPC = "JSONRPC"

# Methods by the names of 1.0 and of 0.3.
SEND, STREAM, GET, CANCEL = "SendMessage", "SendStreamingMessage", "GetTask", "CancelTask"
SUBSCRIBE, LIST, EXTENDED_CARD = "SubscribeToTask", "ListTasks", "GetExtendedAgentCard"
PUSH_METHODS = frozenset(
    f"{verb}TaskPushNotificationConfig{'s' if verb == 'List' else ''}" for verb in ("Create", "Get", "List", "Delete")
)
OLDER_NAMES = {
    SEND: "message/send",
    STREAM: "message/stream",
    GET: "tasks/get",
    CANCEL: "tasks/cancel",
    SUBSCRIBE: "tasks/resubscribe",
    EXTENDED_CARD: "agent/getAuthenticatedExtendedCard",
    "CreateTaskPushNotificationConfig": "tasks/pushNotificationConfig/set",
    "GetTaskPushNotificationConfig": "tasks/pushNotificationConfig/get",
    "ListTaskPushNotificationConfigs": "tasks/pushNotificationConfig/list",
    "DeleteTaskPushNotificationConfig": "tasks/pushNotificationConfig/delete",
}

# States of a task; in 0.3 they are the words after the prefix, in small letters and with hyphens.
STATE_PREFIX = "TASK_STATE_"
SUBMITTED, WORKING, COMPLETED = "TASK_STATE_SUBMITTED", "TASK_STATE_WORKING", "TASK_STATE_COMPLETED"
FAILED, CANCELED, REJECTED = "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"
INPUT_REQUIRED, AUTH_REQUIRED = "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"
TERMINAL = frozenset({COMPLETED, FAILED, CANCELED, REJECTED})
STATES = TERMINAL | {SUBMITTED, WORKING, INPUT_REQUIRED, AUTH_REQUIRED}
USER, AGENT = "ROLE_USER", "ROLE_AGENT"

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
TASK_NOT_FOUND, NOT_CANCELABLE, NO_PUSH, UNSUPPORTED, CONTENT_TYPE = -32001, -32002, -32003, -32004, -32005
VERSION_NOT_SUPPORTED = -32009
REASONS = {
    PARSE_ERROR: "INVALID_JSON",
    INVALID_REQUEST: "INVALID_REQUEST",
    METHOD_NOT_FOUND: "METHOD_NOT_FOUND",
    INVALID_PARAMS: "INVALID_PARAMS",
    INTERNAL: "INTERNAL_ERROR",
    TASK_NOT_FOUND: "TASK_NOT_FOUND",
    NOT_CANCELABLE: "TASK_NOT_CANCELABLE",
    NO_PUSH: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    UNSUPPORTED: "UNSUPPORTED_OPERATION",
    CONTENT_TYPE: "CONTENT_TYPE_NOT_SUPPORTED",
    VERSION_NOT_SUPPORTED: "VERSION_NOT_SUPPORTED",
}
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_DOMAIN = "a2a-protocol.org"


class A2aError(Exception):
    """An error of the protocol.

    Args:
        code: Of JSON-RPC or A2A.
        message: What is wrong.
        details: Further facts, as text.
    """

    def __init__(self, code: int, message: str, /, **details: str) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details

    def body(self) -> dict[str, Any]:
        """Return the error object (specification 1.0, section 9.5)."""
        info = {"@type": _ERROR_INFO, "reason": REASONS[self.code], "domain": _DOMAIN, "metadata": self.details}
        return {"code": self.code, "message": self.message, "data": [info]}


def short_state(state: str) -> str:
    """Return a state as 0.3 writes it, such as `input-required`."""
    return state.removeprefix(STATE_PREFIX).lower().replace("_", "-")


def full_state(state: object) -> str:
    """Return a state as 1.0 writes it, from either form; one that is not known counts as working."""
    text = state if isinstance(state, str) else ""
    found = text if text.startswith(STATE_PREFIX) else STATE_PREFIX + text.upper().replace("-", "_")
    return found if found in STATES else WORKING


class Interface(msgspec.Struct, frozen=True):
    """Where and how an agent is called.

    Attributes:
        url: Its address.
        older: Whether it speaks 0.3.
        tenant: Sent with every request; empty for none.
    """

    url: str
    older: bool = False
    tenant: str = ""
