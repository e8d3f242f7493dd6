"""Errors as the API server tells them: a body of `kind: Status`."""

from typing import Any

from tests.servers.kube_api.kinds import Kind

Document = dict[str, Any]


class ApiError(Exception):
    """What is answered in place of an object.

    Args:
        code: Status of the answer.
        reason: In one word, such as `Conflict`; empty for none.
        message: For people.
        details: Of the Status.
        plain: The answer is the message alone.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Document | None = None, *, plain: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.plain = plain
        self.status: Document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({"details": details} if details is not None else {}),
            "code": code,
        }


def details_of(kind: Kind, name: str, **more: Any) -> Document:
    """Return the details that name an object."""
    details = {"name": name, "group": kind.group, "kind": kind.plural, **more}
    return {field: value for field, value in details.items() if value}


def no_such_path() -> ApiError:
    """Return the answer for what is no path of any group; the real one is no Status either."""
    return ApiError(404, "NotFound", "404 page not found\n", plain=True)


def no_such_resource() -> ApiError:
    """Return the answer for a path that a group of the server itself does not have."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def not_found(kind: Kind, name: str) -> ApiError:
    """Return the error for an object that is not there."""
    return ApiError(404, "NotFound", f'{kind.title} "{name}" not found', details_of(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """Return the error for a name that is taken."""
    return ApiError(409, "AlreadyExists", f'{kind.title} "{name}" already exists', details_of(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """Return the error for an object that is not as the request says."""
    message = f'Operation cannot be fulfilled on {kind.title} "{name}": {why}'
    return ApiError(409, "Conflict", message, details_of(kind, name))


def modified(kind: Kind, name: str) -> ApiError:
    """Return the error for a version that is no longer the last one."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(kind, name, why)


def other_uid(kind: Kind, name: str, wanted: str, found: str) -> ApiError:
    """Return the error for a write to what is another object."""
    return conflict(kind, name, f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}")


def invalid(title: str, group: str, name: str, field: str, why: str) -> ApiError:
    """Return the error for a field that cannot be taken.

    Args:
        title: The kind, `Widget` or `Widget.GROUP` in messages.
        group: That of the kind.
        name: Of the object.
        field: Its path.
        why: Such as `Forbidden: ...` or `Required value: ...`.
    """
    reason = {"Forbidden": "FieldValueForbidden", "Required value": "FieldValueRequired"}
    word = why.partition(":")[0]
    cause = {"reason": reason.get(word, "FieldValueInvalid"), "message": why, "field": field}
    full = f"{title}.{group}" if group else title
    details = {"name": name, "group": group, "kind": title, "causes": [cause]}
    message = f'{full} "{name}" is invalid: {field}: {why}'
    return ApiError(422, "Invalid", message, {key: value for key, value in details.items() if value})


def invalid_field(kind: Kind, name: str, field: str, why: str) -> ApiError:
    """Return the error for a field of an object that cannot be taken."""
    return invalid(kind.kind, kind.group, name, field, why)


def version_required(kind: Kind, name: str) -> ApiError:
    """Return the error for a PUT that does not say which version it replaces."""
    why = "Invalid value: 0: must be specified for an update"
    return invalid(kind.plural, kind.group, name, "metadata.resourceVersion", why)


def version_given() -> ApiError:
    """Return the error for a new object that has a version; the real one is an internal error too."""
    return ApiError(500, "", "resourceVersion should not be set on objects to be created")


def other_record(kind: Kind, name: str, field: str, wanted: str, found: str) -> ApiError:
    """Return the error for a deletion of what is another object, or another version of it.

    Args:
        kind: That of the object.
        name: Its name.
        field: `UID` or `ResourceVersion`.
        wanted: What the precondition says.
        found: What the object has.
    """
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    might = "deleted and then recreated" if field == "UID" else "modified"
    message = (
        f'Operation cannot be fulfilled on {title} "{name}": the {field} in the precondition ({wanted}) does not match '
        f"the {field} in record ({found}). The object might have been {might}"
    )
    return ApiError(409, "Conflict", message, {**details_of(kind, name), "kind": kind.kind})


def bad_request(message: str) -> ApiError:
    """Return the error for a request that makes no sense."""
    return ApiError(400, "BadRequest", message)


def method_not_allowed() -> ApiError:
    """Return the error for a method that is not possible there."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unsupported_media_type(accepted: str) -> ApiError:
    """Return the error for a body of a type that is not read here."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def expired(asked: int, oldest: int) -> ApiError:
    """Return the error for a version that is forgotten."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def too_large_version(asked: int, current: int) -> ApiError:
    """Return the error for a version that is not reached yet."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return ApiError(504, "Timeout", f"Timeout: Too large resource version: {asked}, current: {current}", details)
