"""What a diagnosis says: causes, each with its evidence and what to do."""

import shlex
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Severity = Literal["error", "warning"]


class Remedy(msgspec.Struct, kw_only=True):
    """What to do.

    Attributes:
        text: For people.
        operation: That does it, such as kubernetes.rollback; empty where a person must.
        params: Of the operation.
        command: The same on the command line.
        safe: Whether it may be done unattended: it brings back what was seen to work, or removes what nobody needs.
    """

    text: str
    operation: str = ""
    params: dict[str, Any] = {}
    command: str = ""
    safe: bool = False


class Finding(msgspec.Struct, kw_only=True):
    """A cause.

    Attributes:
        cause: In one word, such as OOMKilled; where Kubernetes has a word for it, that one.
        severity: A warning hinders nothing now.
        message: What is wrong, with the figures that show it.
        objects: Where: `pod/web-5c9f`.
        container: In which container.
        evidence: By what it is known.
    """

    cause: str
    severity: Severity = "error"
    message: str
    objects: list[str] = []
    container: str = ""
    evidence: list[str] = []
    remedies: list[Remedy] = []


class Address(msgspec.Struct, frozen=True):
    """Where the objects of remedies are, as the caller has named it."""

    cluster: str
    namespace: str

    def params(self) -> dict[str, str]:
        """Return it as parameters of an operation."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}


def by_hand(text: str) -> Remedy:
    """Return a remedy that is a person's work."""
    return Remedy(text=text)


def by_call(
    text: str, verb: str, target: str, address: Address, /, *, safe: bool = False, **params: str | int | bool
) -> Remedy:
    """Return a remedy that is a call of an operation of this family on `target`."""
    given = {**params, **address.params()}
    options = [
        part
        for name, value in given.items()
        for part in (f"--{name.replace('_', '-')}", *(() if value is True else (str(value),)))
    ]
    return Remedy(
        text=text,
        operation=f"kubernetes.{verb}",
        params={"target": target, **given},
        command=f"outrider kubernetes {verb} {shlex.join([target, *options])}",
        safe=safe,
    )


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without repetition: what is the same in several pods is one, which names them; errors first."""
    found: dict[tuple[str, str, str], Finding] = {}
    for one in findings:
        key = (one.cause, one.container, _without_names(one))
        if (first := found.get(key)) is None:
            found[key] = one
        else:
            first.objects += [name for name in one.objects if name not in first.objects]
    return sorted(found.values(), key=lambda one: one.severity != "error")


def _without_names(finding: Finding) -> str:
    text = finding.message
    for name in finding.objects:
        text = text.replace(name.partition("/")[2], "")
    return text
