"""Calls to an API server as they were recorded: lines of its audit log, or what our own client has told of its calls.

Audit log: one `Event` of audit.k8s.io/v1 a line (Kubernetes, "Auditing"). Our own: one line with verb, group, resource, namespace, name.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.operators.kubernetes.rules import Rule, allows
from outrider.operators.kubernetes.subjects import Subject, identity_of, user_subject
from outrider.ports.kube.answers import Access

Recording = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/jsonl"})]
_FORBIDDEN, _CREATED = 403, 201
_SHOWN_USERS = 5
# What every authenticated user may do in a cluster with its default roles (system:discovery, system:public-info-viewer,
# system:basic-user): it needs no role of one's own.
_COMMON = (
    Rule(
        verbs=("get",),
        urls=(
            "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/",
        ),
    ),
    Rule(
        verbs=("create",), groups=("authorization.k8s.io",), resources=("selfsubjectaccessreviews", "selfsubjectrulesreviews")
    ),
    Rule(verbs=("create",), groups=("authentication.k8s.io",), resources=("selfsubjectreviews",)),
)  # fmt: skip


class Recorded(msgspec.Struct):
    """What a subject did.

    Attributes:
        calls: Each once.
        refused: Those that the server refused, and never allowed.
        common: How many of its calls every user may make anyway.
    """

    calls: set[Access]
    refused: set[Access]
    common: int = 0


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    groups: list[str] = []


class _Reference(msgspec.Struct, rename="camel"):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    subresource: str = ""


class _Response(msgspec.Struct):
    code: int = 0


class _Line(msgspec.Struct, rename="camel"):
    """An event of the audit log; of our own lines, verb and what they have on top."""

    verb: str
    kind: str = ""
    stage: str = ""
    request_uri: str = msgspec.field(name="requestURI", default="")
    user: _User = _User()
    impersonated_user: _User | None = None
    object_ref: _Reference | None = None
    response_status: _Response | None = None
    annotations: dict[str, str] = {}
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


def read_recording(text: str, subject: Subject) -> Recorded:
    """Return what a subject did according to a recording; our own lines, which name no user, are taken for its own.

    Raises:
        InvalidConfigError: A line is none.
        NotFoundError: It did nothing.
    """
    calls: set[Access] = set()
    refused: set[Access] = set()
    common = 0
    users: Counter[str] = Counter()
    wanted = identity_of(subject, [])
    for line in _lines(text):
        users[line.user.username] += 1
        for call in _calls(line):
            if not _is_by(subject, wanted.user, call.who):
                continue
            if any(allows(rule, call.access) for rule in _COMMON):
                common += 1
            else:
                (refused if call.refused else calls).add(call.access)
    if not calls and not refused and not common:
        raise _nothing(subject, users)
    return Recorded(calls, refused - calls, common)


def _lines(text: str) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidConfigError(
                f"no call: {error}", path="recording", source=f"recording:{number}", found=line[:80],
                expected="an Event of audit.k8s.io/v1 as JSON on each line",
            ) from error  # fmt: skip
        # Of a request that was just received nobody knows yet whether it is allowed; it comes once more when that is known.
        if found.stage != "RequestReceived":
            yield found


def _is_refused(line: _Line) -> bool:
    decision = line.annotations.get("authorization.k8s.io/decision")
    if decision is None:
        return line.response_status is not None and line.response_status.code == _FORBIDDEN
    return decision == "forbid"


def _is_by(subject: Subject, user: str, who: _User | None) -> bool:
    if who is None:
        return True
    return subject.name in who.groups if subject.kind == "Group" else who.username == user


class _Call(msgspec.Struct):
    """What somebody needed to be allowed; in lines of ours nobody is named."""

    who: _User | None
    access: Access
    refused: bool = False


def _calls(line: _Line) -> Iterator[_Call]:
    if line.kind != "Event":
        if line.resource:
            yield _Call(None, Access(line.verb, line.group, line.resource, line.namespace, line.name))
        return
    acting = line.user
    if line.impersonated_user is not None:
        # It is named only where the server has allowed it.
        acting = line.impersonated_user
        for access in _impersonations(acting):
            yield _Call(line.user, access)
    for access in _requested(line):
        yield _Call(acting, access, _is_refused(line))


def _requested(line: _Line) -> Iterator[Access]:
    reference = line.object_ref
    if reference is None or not reference.resource:
        yield Access(line.verb, "", line.request_uri.partition("?")[0])
        return
    resource = "/".join(filter(None, (reference.resource, reference.subresource)))
    # The log has the name of what was created from the answer; when the server decided it did not know it.
    name = "" if line.verb == "create" and not reference.subresource else reference.name
    yield Access(line.verb, reference.api_group, resource, reference.namespace, name)
    if line.verb in ("patch", "update") and line.response_status is not None and line.response_status.code == _CREATED:
        yield Access("create", reference.api_group, resource, reference.namespace)


def _impersonations(who: _User) -> Iterator[Access]:
    subject = user_subject(who.username)
    resource = "serviceaccounts" if subject.kind == "ServiceAccount" else "users"
    yield Access("impersonate", "", resource, subject.namespace, subject.name)
    given = identity_of(subject, []).groups
    yield from (Access("impersonate", "", "groups", name=group) for group in who.groups if group not in given)


def _nothing(subject: Subject, users: Counter[str]) -> NotFoundError:
    names = {user_subject(name).word for name, _ in users.most_common() if name}
    shown = ", ".join(user_subject(name).word for name, _ in users.most_common(_SHOWN_USERS) if name)
    return NotFoundError(
        f"recording: no call of {subject.word}", path="subject", found=subject.word,
        expected=f"one of those who called: {shown}" if shown else "calls", suggestions=did_you_mean(subject.word, names) if shown else (),
    )  # fmt: skip
