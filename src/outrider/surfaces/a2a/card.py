"""The card by which others find an agent of the platform."""

from typing import Any

from outrider.core.a2a.protocol import CURRENT, JSONRPC, OLDER
from outrider.orchestrator.wire import ObjectRow

# Annotation of an AgentType with what others read of it.
DESCRIPTION = "outrider.dev/description"
_MODES = ["text/plain", "application/json"]
_SCHEME = "bearer"


def card_of(row: ObjectRow, url: str) -> dict[str, Any]:
    """Return the card of an AgentType, for readers of 1.0 and of 0.3: neither looks at the fields of the other.

    Args:
        row: The object.
        url: Where it is called.
    """
    name = row.name
    annotations = row.document.get("metadata", {}).get("annotations", {})
    description = (
        annotations.get(DESCRIPTION) or f"The AI agent {name}: takes a task as text or data, and returns its result."
    )
    skill = {"id": "task", "name": name, "description": description, "tags": ["task"]}
    interfaces = [{"url": url, "protocolBinding": JSONRPC, "protocolVersion": version} for version in (CURRENT, OLDER)]
    return {
        "name": name,
        "description": description,
        "version": str(row.generation),
        "supportedInterfaces": interfaces,
        "capabilities": {"streaming": True, "pushNotifications": False, "extendedAgentCard": False},
        "securitySchemes": {
            _SCHEME: {"httpAuthSecurityScheme": {"scheme": "Bearer"}, "type": "http", "scheme": "Bearer"}
        },
        "securityRequirements": [{"schemes": {_SCHEME: {"list": []}}}],
        "defaultInputModes": _MODES,
        "defaultOutputModes": _MODES,
        "skills": [skill],
        # From here on what 0.3 names otherwise.
        "url": url,
        "preferredTransport": JSONRPC,
        "protocolVersion": f"{OLDER}.0",
        "security": [{_SCHEME: []}],
    }
