"""Tells Outrider where the packages of an ecosystem come from, where the settings of its own client do not say it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.locks.writing.files import digest_of, refuse_changed, text_or_none, write_text
from outrider.operators.packages.registries.own_file import read_addresses, written
from outrider.operators.packages.registries.own_settings import own_path
from outrider.operators.packages.registries.registry import registry_at
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class SetupParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which registry.

    Attributes:
        ecosystem: Of its packages.
        url: Its address, as the ecosystem's own client takes it; empty to forget the one that is set. Credentials belong into `.netrc`.
    """

    ecosystem: Ecosystem
    url: str = ""


class SetupResult(msgspec.Struct, kw_only=True):
    """What is set now.

    Attributes:
        file: Where.
        registries: Addresses by ecosystem.
    """

    file: str
    registries: dict[str, str]


class _Draft(NamedTuple):
    path: Path
    text: str | None
    before: dict[str, str]
    after: dict[str, str]


async def plan(params: SetupParams, context: Context) -> Change:
    """Say what would be set; the errors are those of `run`."""
    del context
    draft = _draft(params)
    before, after = draft.before.get(params.ecosystem), draft.after.get(params.ecosystem)
    difference = [] if before == after else [Difference(f"registries.{params.ecosystem}", before, after)]
    return Change(
        target=f"file/{draft.path}", difference=difference, warnings=[], preconditions={str(draft.path): digest_of(draft.text)}
    )  # fmt: skip


async def run(params: SetupParams, context: Context) -> SetupResult:
    """Write the file.

    Raises:
        InvalidConfigError: The address is none, or has credentials; or the file cannot be read.
        PreconditionFailedError: The file is another one than when the plan was made.
        ExecutionFailedError: It cannot be written.
    """
    draft = _draft(params)
    refuse_changed(context.preconditions, {str(draft.path): digest_of(draft.text)})
    if draft.after != draft.before:
        try:
            draft.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidConfigError(
                f"{draft.path.parent}: it cannot be made: {error.strerror}", path="file", found=str(error.strerror), expected="a folder",
                suggestions=["set XDG_CONFIG_HOME to a folder that can be written"],
            ) from error  # fmt: skip
        write_text(draft.path, written(draft.after))
    return SetupResult(file=str(draft.path), registries=draft.after)


def _draft(params: SetupParams) -> _Draft:
    path = own_path(os.environ)
    text = text_or_none(path)
    before = read_addresses(text, path)
    after = {name: url for name, url in before.items() if name != params.ecosystem}
    if params.url:
        after[params.ecosystem] = _checked(params.url)
    return _Draft(path, text, before, after)


def _checked(url: str) -> str:
    """Return an address that may stand in the file.

    Raises:
        InvalidConfigError: It is none, has credentials, or more than a path.
    """
    try:
        registry_at(url.strip().removeprefix("sparse+"), "url", environment={})
    except InvalidConfigError as error:
        error.path, error.suggestions = "url", ["give it as the client of that ecosystem takes it"]
        raise
    parts = urlsplit(url.strip())
    if parts.query or parts.fragment:
        raise InvalidConfigError(
            "url: nothing behind its path would be sent", path="url", found="a query or a fragment", expected="https://HOST/PATH",
            suggestions=[f"leave out what follows {urlunsplit((*parts[:3], '', '')).rpartition('@')[2]}"],
        )  # fmt: skip
    if "@" in parts.netloc:
        raise InvalidConfigError(
            "url: it has credentials, which would be kept in plain text", path="url", found="a user or a password", expected="an address alone",
            suggestions=["write them into ~/.netrc: machine HOST login USER password PASSWORD"],
        )  # fmt: skip
    return url.strip()


def _text(result: SetupResult) -> Iterable[str]:
    yield result.file
    yield from (f"  {ecosystem}  {url}" for ecosystem, url in sorted(result.registries.items()))


OPERATION = Implementation(
    params=SetupParams,
    result=SetupResult,
    run=run,
    plan=plan,
    target=lambda params: f"registry/{params.ecosystem}",
    text=_text,
)
