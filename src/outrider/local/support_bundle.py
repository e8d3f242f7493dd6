"""A support bundle: what somebody needs who helps from afar, without what must not leave the house."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import ConflictError, ExecutionFailedError, OutriderError
from outrider.core.masking import mask_fields, mask_text
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.secrets import SecretValue, mask
from outrider.local.layout import Layout
from outrider.orchestrator import queries
from outrider.orchestrator.opening import open_to_read
from outrider.ports.secrets import Resolver, SecretSource
from outrider.ports.secrets.store import SecretStore
from outrider.ports.store import Connection
from outrider.version import __version__

LOG_BYTES = 256 * 1024
AUDIT_BYTES = 256 * 1024
ROWS = 200
RUNS_IN_DETAIL = 20
_SHORTEST_SECRET = 4  # a shorter value would be found in half of all words


class BundleFile(msgspec.Struct, frozen=True):
    """A file of a bundle."""

    path: str
    size: int


def make(
    layout: Layout, target: Path, reports: Mapping[str, Any], *, now: float, sources: Mapping[str, SecretSource]
) -> list[BundleFile]:
    """Write a support bundle and return what is in it.

    Args:
        layout: The platform, be it running or not.
        target: The file; mode 0600. It must not be there yet.
        reports: What the caller found out, such as the status; plain data by file name.
        now: Seconds since the epoch.
        sources: Where the platform's secrets come from, so that their values can be taken out.

    Raises:
        ConflictError: The file is there.
        ExecutionFailedError: It cannot be written.
    """
    values = list(_known_values(layout, sources))
    found = (*_reports(reports), *_store(layout), *_tails(layout), _listing(layout))
    files = {name: mask(text, values).encode("utf-8", "replace") for name, text in found}
    files["about.json"] = encode({"version": __version__, "created": now, "files": sorted(files)})
    if target.exists():
        raise ConflictError(f"{target} is there already", found=str(target), suggestions=["name another file"])
    try:
        with tempfile.TemporaryDirectory(prefix=".outrider-support-", dir=target.resolve().parent) as folder:
            made = Path(folder) / "bundle"
            _pack(files, made, now)
            made.rename(target)
    except OSError as error:
        raise ExecutionFailedError(
            f"the support bundle cannot be written: {error.strerror}", found=str(target),
            suggestions=[f"check space and mode of {target.resolve().parent}"],
        ) from error  # fmt: skip
    return [BundleFile(name, len(content)) for name, content in sorted(files.items())]


def _known_values(layout: Layout, sources: Mapping[str, SecretSource]) -> Iterator[SecretValue]:
    """Yield every secret that the platform can open, in the forms in which it may stand in a text."""
    texts = [layout.token.read_text().strip()] if layout.token.is_file() else []
    resolver = Resolver(sources, folder=layout.folder, store=layout.secrets)
    stored: list[str] = []
    with suppress(OutriderError):
        stored = SecretStore(layout.secrets).list() if layout.secrets.is_dir() else []
    for name in dict.fromkeys((*sources, *stored)):
        with suppress(OutriderError):  # what cannot be opened here cannot be known here; its name says what it is
            texts.append(resolver.resolve(name).reveal())
    parts = [part for text in texts for part in (text, *text.split("\n"), *_entries(text))]
    for text in dict.fromkeys(form for part in parts for form in (part.strip(), quote(part.strip(), safe=""))):
        if len(text) >= _SHORTEST_SECRET:
            yield SecretValue(text)


def _entries(text: str) -> list[str]:
    """Return the single values of a secret that is a JSON object or lines of `KEY=value`."""
    with suppress(OutriderError):
        data = decode_plain(text)
        if isinstance(data, dict):
            return [value for value in data.values() if isinstance(value, str)]
    return [line.partition("=")[2].strip("\"'") for line in text.splitlines() if "=" in line]


def _reports(reports: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, report in reports.items():
        yield name, msgspec.json.format(encode(mask_fields(decode_plain(encode(report))))).decode()


def _store(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield what the store says: objects, newest events and runs, and how much there is of each."""
    try:
        store = open_to_read(layout.orchestrator, layout.orchestrator_settings)
        try:
            found = store.read_now(_read)
        finally:
            store.close_now()
    except OutriderError as error:
        found = {"store-error": error.body()}
    yield from _reports({f"store/{name}.json": rows for name, rows in found.items()})


def _read(connection: Connection) -> dict[str, Any]:
    runs = queries.list_runs(connection, DEFAULT_TENANT, limit=ROWS)
    wrong = [run for run in runs if run.state != "completed"][:RUNS_IN_DETAIL]
    return {
        "objects": queries.list_objects(connection, DEFAULT_TENANT),
        "events": queries.list_events(connection, DEFAULT_TENANT, limit=ROWS),
        "runs": runs,
        "runs-in-detail": [queries.show_run(connection, DEFAULT_TENANT, run.id) for run in wrong],
        "agents": queries.list_agents(connection, DEFAULT_TENANT),
        "approvals": queries.list_approvals(connection, DEFAULT_TENANT, all_states=True),
        "schedules": queries.list_schedules(connection, DEFAULT_TENANT),
        "rows": queries.table_sizes(connection),
    }


def _tails(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield the ends of logs and audit chains."""
    logs = [(path, LOG_BYTES) for path in sorted(layout.logs.glob("*.log*"))]
    chains = [(path, AUDIT_BYTES) for path in sorted(layout.state.glob("**/audit.jsonl"))]
    for path, most in (*logs, *chains):
        with suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most))
            text = file.read(most).decode("utf-8", "replace")
            yield path.relative_to(layout.state).as_posix(), _masked_lines(text)


def _masked_lines(text: str) -> str:
    """Return a log without what looks like a secret; lines of JSON are looked at field by field."""
    whole = mask_text(text) if "PRIVATE KEY-----" in text else text  # a key goes over several lines
    return "".join(f"{_masked_line(line)}\n" for line in whole.splitlines())


def _masked_line(line: str) -> str:
    if line.startswith("{"):
        with suppress(OutriderError):
            return encode(mask_fields(decode_plain(line))).decode()
    return mask_text(line)


def _listing(layout: Layout) -> tuple[str, str]:
    """Return the files of the state folder with mode and size."""
    lines = []
    for folder, _, names in os.walk(layout.state):
        for name in sorted(names):
            path = Path(folder) / name
            with suppress(OSError):
                status = path.lstat()
                lines.append(f"{status.st_mode & 0o7777:04o} {status.st_size:>12} {path.relative_to(layout.state)}")
    return "files.txt", "\n".join(lines)


def _pack(files: Mapping[str, bytes], target: Path, now: float) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o600, int(now)
            archive.addfile(member, io.BytesIO(content))
