"""The registry as a whole: from a request to the ecosystem that it is for. What was asked for before is answered at once."""

import asyncio
from collections.abc import Mapping
from urllib.parse import unquote

from outrider.core.errors import CODES, InternalError, InvalidConfigError, OutriderError
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.serving.accounts import NOBODY, SHOWN, Accounts, Caller
from outrider.operators.packages.serving.answers import Served, for_visitors, message_of
from outrider.operators.packages.serving.attempts import Attempts, host_of
from outrider.operators.packages.serving.folders import registry_entry
from outrider.operators.packages.serving.gates import Gate
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.pages import Pages, refusal
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.visits import EcosystemServer, Visit
from outrider.ports.clock import Clock
from outrider.ports.http.routing import error_response
from outrider.ports.telemetry import logger
from outrider.runtime.audit import AuditLog

_log = logger(__name__)

# What is kept in memory of documents that are asked for again and again.
_MOST_BYTES = 32 << 20
_LARGEST = 8 << 20
_LOOK_SECONDS = 1.0
_WRITE_SECONDS = 60.0
_UNAUTHORIZED = 401

# A request for a document: its target, and what else the choice of the answer depends on.
_Key = tuple[str, str | None, str | None]


class _Ready:
    """A document that is ready to be sent again."""

    __slots__ = ("_changes", "_document", "_fresh", "_hub", "_kind", "_name", "_rules", "package", "served")

    def __init__(self, hub: Hub, name: str, kind: str, served: Served) -> None:
        self._hub, self._name, self._kind, self.served = hub, name, kind, served
        self._document = hub.store.tables.document(hub.ecosystem, name, kind)
        self._changes = -1
        self._fresh, self._rules = 0.0, ""
        self.package = f"{hub.ecosystem}:{name}"

    def usable(self, changes: int, rules: str, now: float) -> bool:
        """Return whether it is still what has to be sent."""
        if changes != self._changes:
            tables, ecosystem = self._hub.store.tables, self._hub.ecosystem
            state = tables.state(ecosystem, self._name)
            if state is None or not state.there or tables.document(ecosystem, self._name, self._kind) != self._document:
                return False
            self._fresh = float("inf") if state.hosted else state.fresh
            self._changes, self._rules = changes, state.rules
        return now < self._fresh and rules == self._rules


class Application:
    """Answers requests.

    Args:
        store: What is kept.
        servers: Those of the ecosystems, by the first part of the path.
        accounts: Who may do what.
        gate: What may be installed.
        audit: Where changes are written down.
        clock: For the age of what is kept.

    Attributes:
        accounts: Who may do what.
    """

    def __init__(
        self,
        store: Store,
        servers: Mapping[str, EcosystemServer],
        accounts: Accounts,
        *,
        gate: Gate,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._audit = audit
        self._store, self._servers, self.accounts, self._gate, self._clock = store, servers, accounts, gate, clock
        self._pages = Pages({name: server.hub for name, server in servers.items()})
        self._ready: dict[_Key, _Ready] = {}
        self._bytes = 0
        self._strangers = Attempts()

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        headers = request.headers
        changes, now = self._store.changes(), self._clock.now()
        prefix, _, rest = request.path[1:].partition("/")
        server = self._servers.get(prefix)
        try:
            caller = await self._caller(request, prefix, now, changes)
            if request.method == "GET":
                key = (request.target, headers.get("accept"), headers.get("accept-encoding"))
                ready = self._ready.get(key)
                if ready is not None:
                    if ready.usable(changes, self._gate.rules, now) and caller.may("read", ready.package):
                        return ready.served.response(headers)
                    self._drop(key)
            if server is None:
                return self._pages.answer(request, caller)
            visit = Visit(request, _segments(rest), caller, self.accounts)
            response = await self._answered(server, visit)
            if visit.answered is not None and request.method == "GET":
                self._have(key, _Ready(*visit.answered))
        except OutriderError as error:
            return self._refusal(request, server, for_visitors(error))
        return response

    async def _caller(self, request: Request, prefix: str, now: float, changes: int) -> Caller:
        """Return who sends a request; who shows what is wrong is written down, as long as they do not flood the chain."""
        try:
            return await self.accounts.caller(request, now, changes)
        except OutriderError as error:
            address = host_of(request)
            if SHOWN in error.context and not self._strangers.left(address, now):
                self._strangers.note(address, now)
                details = {"from": request.peer.address, "asked": f"{request.method} /{prefix}"}
                entry = registry_entry(NOBODY.principal, "login", str(error.context[SHOWN]), error.code, details)
                await self._audit.append_synced(entry)
            raise

    async def _answered(self, server: EcosystemServer, visit: Visit) -> Response:
        """Have a request answered; what it changes, or may not, is written down."""
        outcome = "ok"
        try:
            return await server.answer(visit)
        except OutriderError as error:
            outcome = error.code
            raise
        finally:
            if visit.intent is not None:
                action, target = visit.intent
                caller, details = visit.caller, {"from": visit.request.peer.address}
                if caller.token:
                    details["token"] = caller.token
                await self._audit.append_synced(registry_entry(caller.principal, action, target, outcome, details))

    def _refusal(self, request: Request, server: EcosystemServer | None, error: OutriderError) -> Response:
        if isinstance(error, InternalError):
            _log.error("request failed", exc_info=error)
        status = CODES[error.code].http
        if server is None:
            # Of a browser this asks for name and password.
            challenge = {"www-authenticate": 'Basic realm="packages"'} if status == _UNAUTHORIZED else {}
            if "text/html" in (request.headers.get("accept") or ""):
                return refusal(error, [*challenge.items()])
            return error_response(error, headers=challenge)
        return server.refusal(status, message_of(error))

    def _have(self, key: _Key, ready: _Ready) -> None:
        if ready.served.size > _LARGEST:
            return
        self._drop(key)
        while self._ready and self._bytes + ready.served.size > _MOST_BYTES:
            self._drop(next(iter(self._ready)))
        self._ready[key] = ready
        self._bytes += ready.served.size

    def _drop(self, key: _Key) -> None:
        ready = self._ready.pop(key, None)
        if ready is not None:
            self._bytes -= ready.served.size

    async def look(self) -> None:
        """Look now and then whether other advisories were imported, and write down what was used, until it is cancelled."""
        written = self._clock.monotonic()
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self._gate.look)
            if self._clock.monotonic() - written > _WRITE_SECONDS:
                written = self._clock.monotonic()
                for server in self._servers.values():
                    await server.hub.keep_used()


def _segments(path: str) -> list[str]:
    """Return the parts of a path, decoded; an encoded slash stays within its part.

    Raises:
        InvalidConfigError: It is not UTF-8 in percent form.
    """
    try:
        return [unquote(part, errors="strict") for part in path.split("/")]
    except UnicodeDecodeError as error:
        raise InvalidConfigError("the path is not UTF-8 in percent form", path="path", found=path[:200]) from error
