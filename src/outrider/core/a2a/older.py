"""Between 1.0, in which everything here is thought, and 0.3. What has no place in the other version is left out."""

from collections.abc import Mapping
from typing import Any

from outrider.core.a2a.protocol import AGENT, TERMINAL, USER, full_state, short_state

Plain = dict[str, Any]
_ROLES = {USER: "user", AGENT: "agent"}
_ROLES_BACK = {short: full for full, short in _ROLES.items()}


def older_message(message: Mapping[str, Any]) -> Plain:
    """Return a message as 0.3 has it."""
    parts = [_older_part(part) for part in message.get("parts", [])]
    return {**message, "kind": "message", "role": _ROLES.get(message.get("role", ""), "agent"), "parts": parts}


def older_task(task: Mapping[str, Any]) -> Plain:
    """Return a task as 0.3 has it."""
    made = {**task, "kind": "task", "status": _older_status(task["status"])}
    if "artifacts" in task:
        made["artifacts"] = [_older_artifact(artifact) for artifact in task["artifacts"]]
    return made


def older_event(event: Mapping[str, Any]) -> Plain:
    """Return an event of a stream as 0.3 has it; it names its kind inside."""
    if "task" in event:
        return older_task(event["task"])
    if "statusUpdate" in event:
        update = event["statusUpdate"]
        final = update["status"]["state"] in TERMINAL
        return {**update, "kind": "status-update", "status": _older_status(update["status"]), "final": final}
    update = event["artifactUpdate"]
    return {**update, "kind": "artifact-update", "artifact": _older_artifact(update["artifact"])}


def older_params(params: Mapping[str, Any]) -> Plain:
    """Return the parameters of a message to be sent as 0.3 has them."""
    made = dict(params)
    if "message" in params:
        made["message"] = older_message(params["message"])
    if "configuration" in params:
        given = dict(params["configuration"])
        blocking = not given.pop("returnImmediately", False)
        made["configuration"] = {**given, "blocking": blocking}
    return made


def newer_params(params: Mapping[str, Any]) -> Plain:
    """Return the parameters of 0.3 as 1.0 has them; what is of the wrong form stays as it is, for others to refuse."""
    made = dict(params)
    if isinstance(params.get("message"), dict):
        made["message"] = newer_message(params["message"])
    configuration = params.get("configuration")
    if isinstance(configuration, dict):
        made["configuration"] = dict(configuration)
        if configuration.get("blocking") is not None:
            made["configuration"]["returnImmediately"] = not configuration["blocking"]
        if configuration.get("pushNotificationConfig") is not None:
            made["configuration"]["taskPushNotificationConfig"] = configuration["pushNotificationConfig"]
    return made


def newer_message(message: Mapping[str, Any]) -> Plain:
    """Return a message of 0.3 as 1.0 has it."""
    role = message.get("role")
    made = {**message, "role": _ROLES_BACK.get(role, role) if isinstance(role, str) else role}
    if isinstance(message.get("parts"), list):
        made["parts"] = [_newer_part(part) for part in message["parts"]]
    return made


def newer_task(task: Mapping[str, Any]) -> Plain:
    """Return a task of 0.3 as 1.0 has it; what is of the wrong form stays as it is."""
    made = dict(task)
    status = task.get("status")
    if isinstance(status, dict):
        made["status"] = {**status, "state": full_state(status.get("state"))}
        if isinstance(status.get("message"), dict):
            made["status"]["message"] = newer_message(status["message"])
    for name, turn in (("artifacts", _newer_artifact), ("history", newer_message)):
        if isinstance(task.get(name), list):
            made[name] = [turn(one) if isinstance(one, dict) else one for one in task[name]]
    return made


def newer_result(result: Mapping[str, Any]) -> Plain:
    """Return what answers a message in 0.3, a task or a message, as 1.0 has it."""
    if result.get("kind") == "message":
        return {"message": newer_message(result)}
    return {"task": newer_task(result)}


def _older_status(status: Mapping[str, Any]) -> Plain:
    made = {**status, "state": short_state(status["state"])}
    if "message" in status:
        made["message"] = older_message(status["message"])
    return made


def _older_artifact(artifact: Mapping[str, Any]) -> Plain:
    return {**artifact, "parts": [_older_part(part) for part in artifact["parts"]]}


def _newer_artifact(artifact: Mapping[str, Any]) -> Plain:
    parts = artifact.get("parts")
    return {**artifact, "parts": [_newer_part(part) for part in parts]} if isinstance(parts, list) else dict(artifact)


def _older_part(part: Mapping[str, Any]) -> Plain:
    if "text" in part:
        return {"kind": "text", "text": part["text"]}
    data = part.get("data")
    return {"kind": "data", "data": data if isinstance(data, dict) else {"value": data}}


def _newer_part(part: Any) -> Any:
    if not isinstance(part, dict) or "kind" not in part:
        return part
    kind, file = part["kind"], part.get("file")
    if kind != "file" or not isinstance(file, dict):
        return {name: part[name] for name in (kind, "metadata") if name in part}
    named = {"bytes": "raw", "uri": "url", "name": "filename", "mimeType": "mediaType"}
    return {new: file[old] for old, new in named.items() if old in file}
