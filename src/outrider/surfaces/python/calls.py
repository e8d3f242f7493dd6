"""Operations called from Python, in this process, as the user who runs it."""

import getpass
import os
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.core.identity import Principal
from outrider.core.objects import DEFAULT_TENANT
from outrider.kinds.platform.model import PlatformSpec
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.runtime.client import read_endpoint
from outrider.runtime.context import AllowedCommand, Environment
from outrider.runtime.contexts import Contexts, PlatformContext, user_state_folder
from outrider.runtime.discovery import registry
from outrider.runtime.invoker import CallOptions, Invoker


def user_name() -> str:
    """Return the name of this user; its number where no account has it, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def local_invoker(context: PlatformContext | None, spec: PlatformSpec) -> Invoker:
    """Return an invoker in this process.

    Args:
        context: The platform whose services and secrets are at hand, if any.
        spec: Its Platform object; defaults where there is none.
    """
    state = user_state_folder()
    endpoint = read_endpoint(context.state) if context else None
    environment = Environment(
        clock=SystemClock(),
        state=state,
        secrets=Resolver(
            spec.secrets,
            folder=context.folder if context else state,
            store=(context.state if context else state) / "secrets",
        ),
        supervisor=endpoint.supervisor if endpoint else None,
        commands={name: AllowedCommand(command.argv, command.arguments) for name, command in spec.commands.items()},
    )
    audit = AuditLog(state / "audit.jsonl", f"cli/{user_name()}", environment.clock)
    return Invoker(registry(), environment, audit)


def platform_spec(context: PlatformContext | None) -> PlatformSpec:
    """Return the Platform's spec where there is a valid one; the checks of its other objects do not concern us."""
    if context is not None:
        # All that reads objects, which takes as long to load as all else that a call needs.
        from outrider.runtime.folders import ObjectFolder

        try:
            platforms = ObjectFolder(context.folder, context.overlay).read().of_kind("Platform")
        except OutriderError:
            platforms = []
        if platforms:
            spec: PlatformSpec = platforms[0].spec
            return spec
    return PlatformSpec()


def local_options() -> CallOptions:
    """Return the options of a call by the user who runs this process."""
    return CallOptions(principal=Principal(DEFAULT_TENANT, "user", user_name()), owner=True)


async def call(name: str, *arguments: Any, timeout: float | None = None, **params: Any) -> Any:
    """Run an operation and return its result struct.

    Args:
        name: The family with or without `@`, or `family.operation`.
        arguments: The operation's name where `name` has none, then its positional parameters, as in every call form.
        timeout: Seconds.
        params: Its parameters by name.

    Raises:
        OutriderError: With code, suggestions and trace id.
    """
    given = [*arguments, params] if params else list(arguments)
    options = msgspec.structs.replace(local_options(), timeout=timeout)
    try:
        context = Contexts().select()
    except NotFoundError:
        context = None
    return await local_invoker(context, platform_spec(context)).call(name, *given, options=options)
