"""One request to the registry, with who sends it, and what is common to all ecosystems in answering it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from outrider.core.errors import DeniedError, NotFoundError, UnauthenticatedError
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.serving.accounts import Accounts, Caller, Scope
from outrider.operators.packages.serving.answers import Served, download_response, file_response
from outrider.operators.packages.serving.attempts import host_of
from outrider.operators.packages.serving.documents import StoredDocument, content_of
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.negotiation import accepted
from outrider.operators.packages.serving.tables import Account, KeptFile


class Visit:
    """A request.

    Args:
        request: What is asked.
        segments: Of its path, decoded, behind that of the ecosystem.
        caller: Who asks.
        accounts: For those who log in.

    Attributes:
        answered: The document that was the answer, so that the next one who asks for the same gets it at once.
        intent: What the request is to change, and of what; None where it changes nothing.
    """

    def __init__(self, request: Request, segments: Sequence[str], caller: Caller, accounts: Accounts) -> None:
        self.request, self.segments, self.caller, self._accounts = request, segments, caller, accounts
        self.answered: tuple[Hub, str, str, Served] | None = None
        self.intent: tuple[str, str] | None = None

    def may_change(self, hub: Hub, action: str, name: str, version: str = "") -> None:
        """Refuse who may not publish a package, or one that is not private; allowed or not, it is written down.

        Args:
            hub: Has the package.
            action: What is to be done: `publish`, `yank`.
            name: Of the package.
            version: Of it, where it is about one.

        Raises:
            UnauthenticatedError, DeniedError: As `require` and `Hub.require_private`.
        """
        self.intent = action, f"package/{hub.ecosystem}/{name}{f'/{version}' if version else ''}"
        self.require("publish", hub.ecosystem, name)
        hub.require_private(name)

    def nothing(self, publishing: str = "") -> NotFoundError:
        """Return the error for a path or a method that means nothing.

        Args:
            publishing: What may have been meant where something is sent.
        """
        method, path = self.request.method, self.request.path
        if method in ("GET", "HEAD"):
            return NotFoundError(f"there is nothing at {path}", found=path)
        return NotFoundError(
            f"there is nothing at {path} for {method}",
            found=f"{method} {path}",
            suggestions=[publishing] if publishing else [],
        )

    async def log_in(self, name: str, password: str, now: float) -> Account:
        """Return a user who shows a password; right or wrong, it is written down.

        Raises:
            OutriderError: As `Accounts.user`.
        """
        self.intent = "login", f"user/{name[:100]}"
        return await self._accounts.user(name, password, host_of(self.request), now)

    def require(self, scope: Scope, ecosystem: str, name: str) -> None:
        """Refuse who may not do something with a package.

        Raises:
            UnauthenticatedError: They show nothing, and might be somebody who may.
            DeniedError: They are somebody, and may not.
        """
        if self.caller.may(scope, f"{ecosystem}:{name}"):
            return
        if not self.caller.name:
            raise UnauthenticatedError(
                f"{ecosystem} {name}: to {scope} it you have to show a token", found="none", expected=f"a token with the scope {scope}",
                suggestions=["ask whoever runs the registry for one"],
            )  # fmt: skip
        raise DeniedError(
            f"{ecosystem} {name}: {self.caller.name} may not {scope} it", found=" ".join(sorted(self.caller.scopes)),
            expected=f"the scope {scope}, for {ecosystem}:{name}", suggestions=["ask whoever runs the registry for a token that may"],
        )  # fmt: skip

    async def document(
        self, hub: Hub, name: str, kind: str, served: Callable[[StoredDocument, str, bytes], Served] = Served
    ) -> Response:
        """Answer with a document of a package.

        Args:
            hub: Has the package.
            name: Of the package.
            kind: Of the document.
            served: Makes an answer of a document, an encoding and the content in it.

        Raises:
            OutriderError: As `Hub.document`, and who may not read it is refused.
        """
        self.require("read", hub.ecosystem, name)
        headers = self.request.headers
        stored = await hub.document(name, kind)
        encoding = accepted(headers.get("accept-encoding"), stored.encodings())
        if encoding is None:
            return Response(406)
        content = content_of(stored, encoding, hub.store.blobs)
        if content is None:
            await hub.lost(name)
            stored = await hub.document(name, kind)
            content = content_of(stored, encoding, hub.store.blobs) or b""
        made = served(stored, encoding, content)
        self.answered = (hub, name, kind, made)
        return made.response(headers)

    async def file(self, hub: Hub, name: str, file: str, media: str = "application/octet-stream") -> Response:
        """Answer with a file of a package.

        Raises:
            OutriderError: As `Hub.file`, and who may not read it is refused.
        """
        self.require("read", hub.ecosystem, name)
        found = await hub.file(name, file)
        if isinstance(found, Download):
            return await download_response(self.request, found, hub.store.blobs, media)
        return self.kept(hub, found, media)

    def kept(self, hub: Hub, kept: KeptFile, media: str) -> Response:
        """Answer with a file that is here."""
        return file_response(self.request, hub.store.blobs.path(kept.digest), kept.digest, kept.size, media)


class EcosystemServer(Protocol):
    """The protocol of one ecosystem."""

    hub: Hub

    async def answer(self, visit: Visit) -> Response:
        """Answer a request.

        Raises:
            OutriderError: What is wrong; `refusal` makes an answer of it.
        """

    def refusal(self, status: int, message: str) -> Response:
        """Return an answer that the clients of the ecosystem show to people.

        Args:
            status: Of HTTP.
            message: What is wrong.
        """
