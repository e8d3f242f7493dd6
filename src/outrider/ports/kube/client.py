"""Requests to a Kubernetes API server, by verb: objects in, objects out, and errors that say what to do."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from copy import copy
from typing import Any, Literal, Self

import msgspec

from outrider.core.codec import decode, decode_plain, encode
from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.ports.clock import Clock
from outrider.ports.kube.answers import Access, Object, Page, PlainPage, Snapshot, Written
from outrider.ports.kube.kubeconfig import Target, find_target
from outrider.ports.kube.resources import Resource, query
from outrider.ports.kube.transport import Call, ContentType, Transport

PAGE = 500
# For all attempts of a request.
SECONDS = 30.0
Propagation = Literal["Background", "Foreground", "Orphan"]
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class KubeClient:
    """Asks one API server.

    Args:
        target: Whom requests go to, and as whom; what kubeconfig or pod say if None.
        component: Who asks: for the user agent, and for what is not said otherwise, the name of the field manager.
        max_connections: For bulk work; urgent requests and watches have others.
        clock: For pauses and deadlines.
        on_access: Is told what each request needs to be allowed.

    Attributes:
        validation: Whether a field that is not known is an error, or is only remarked.

    Raises:
        NotFoundError: No cluster is selected.
        InvalidConfigError: The kubeconfig cannot be used.
    """

    def __init__(
        self,
        target: Target | None = None,
        *,
        component: str = "cli",
        max_connections: int = 32,
        clock: Clock | None = None,
        on_access: Callable[[Access], None] | None = None,
    ) -> None:
        self.target = target or find_target()
        self.manager = f"outrider-{component}"
        self.transport = Transport(self.target, component=component, max_connections=max_connections, clock=clock)
        self._on_access = on_access
        self.validation: Literal["Strict", "Warn"] = "Strict"

    def lenient(self) -> "KubeClient":
        """Return the same client for objects that others have written: a field that is not known is only remarked."""
        other = copy(self)
        other.validation = "Warn"
        return other

    async def close(self) -> None:
        """Drop all connections."""
        await self.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        part: str = "",
        urgent: bool = False,
        timeout: float = SECONDS,
    ) -> Object:
        """Return an object.

        Raises:
            NotFoundError: It is not there; `KindGoneError` where its kind is not.
            OutriderError: What else the server says.
        """
        _check_name(resource, name, namespace)
        self._tell("get", resource, namespace, name, part)
        call = self._call(
            "GET",
            resource.path(namespace, name, part),
            "get",
            resource,
            namespace,
            name,
            urgent=urgent,
            timeout=timeout,
        )
        return _object((await self.transport.send(call)).content)

    async def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", most: int | None = None
    ) -> "list[Object]":
        """Return the objects of a namespace or of all, as selectors narrow them.

        Args:
            resource: Their kind.
            namespace: Where they are; empty for all.
            labels: A label selector.
            fields: A field selector.
            most: After how many the rest is not asked for; all if None.

        Raises:
            OutriderError: What the server says.
        """
        return (await self.snapshot(resource, namespace, labels=labels, fields=fields, most=most)).objects

    async def snapshot(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", most: int | None = None
    ) -> Snapshot:
        """Return the same, with the version from which a watch goes on.

        Raises:
            OutriderError: What the server says.
        """
        found: list[Object] = []
        version = ""
        async for content in self._pages(resource, namespace, labels, fields):
            page = decode(content, PlainPage)
            version = page.metadata.resource_version
            # In lists of built-in kinds the objects do not say what they are.
            found += (_typed(resource, one) for one in page.items or ())
            if most is not None and len(found) >= most:
                return Snapshot(found[:most], version)
        return Snapshot(found, version)

    async def pages(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Page]:
        """Give all objects page by page, read thin.

        Raises:
            ExpiredError: The rest of the list is no longer to be had: begin anew.
            OutriderError: What else the server says.
        """
        async for content in self._pages(resource, namespace, labels, fields):
            yield decode(content, Page)

    async def watch(
        self,
        resource: Resource,
        receive: Callable[[bytes], None],
        namespace: str = "",
        *,
        parameters: Mapping[str, str | int | bool | None],
    ) -> None:
        """Follow what happens to objects: hand the pieces of the answer over until the server ends it.

        Raises:
            ExpiredError: The version to begin with is too old.
            OutriderError: What else the server says, or that the connection failed.
        """
        self._tell("watch", resource, namespace)
        path = resource.path(namespace) + query(watch=True, **parameters)
        await self.transport.stream(self._call("GET", path, "watch", resource, namespace), receive)

    async def create(
        self, resource: Resource, content: Mapping[str, Any], namespace: str = "", *, part: str = "", name: str = "", dry_run: bool = False,
        urgent: bool = False,
        timeout: float = SECONDS,
    ) -> Written:  # fmt: skip
        """Make an object; with `part`, post to a part of the object `name`, as an eviction.

        Raises:
            ConflictError: It is there already.
            OutriderError: What else the server says.
        """
        self._tell("create", resource, namespace, name, part)
        path = resource.path(namespace, name, part) + self._write_query(dry_run=dry_run)
        body = content if part else _typed(resource, content)
        shown = name or str(content.get("metadata", {}).get("name", ""))
        call = self._call(
            "POST", path, "create", resource, namespace, shown, body=encode(body), urgent=urgent, timeout=timeout
        )
        return await self._written(call)

    async def replace(
        self,
        resource: Resource,
        content: Mapping[str, Any],
        *,
        part: str = "",
        dry_run: bool = False,
        urgent: bool = False,
        timeout: float = SECONDS,
    ) -> Written:
        """Put an object in the place of the version that it names.

        Raises:
            ConflictError: It has changed since.
            OutriderError: What else the server says.
        """
        namespace, name = _place(content)
        self._tell("update", resource, namespace, name, part)
        path = resource.path(namespace, name, part) + self._write_query(dry_run=dry_run)
        return await self._written(
            self._call(
                "PUT",
                path,
                "replace",
                resource,
                namespace,
                name,
                body=encode(_typed(resource, content)),
                urgent=urgent,
                timeout=timeout,
            )
        )

    async def apply(
        self, resource: Resource, content: Mapping[str, Any], *, manager: str = "", force: bool = False, dry_run: bool = False, part: str = "",
    ) -> Written:  # fmt: skip
        """Have what we want of an object be so (server-side apply): fields that were wanted before and are no longer go away.

        Where `metadata.uid` is named, that very object is meant, and none is made in its place.

        Args:
            resource: Its kind.
            content: Only what is wanted, with `metadata.name`.
            manager: By which name the fields are owned; the client's if empty.
            force: Take fields over that others own.
            dry_run: Let the server say what would come of it.
            part: `status`, or another part.

        Raises:
            ConflictError: Others own fields that it wants otherwise; `context["owners"]` says who and which.
            OutriderError: What else the server says.
        """
        namespace, name = _place(content)
        self._tell("patch", resource, namespace, name, part)
        if not part and not content["metadata"].get("uid"):
            # It may come to that: where the object is not there, the server wants this too.
            self._tell("create", resource, namespace)
        body = _typed(resource, content)
        path = resource.path(namespace, name, part) + self._write_query(manager=manager, force=force, dry_run=dry_run)
        call = self._call(
            "PATCH",
            path,
            "apply",
            resource,
            namespace,
            name,
            body=encode(body),
            content_type="application/apply-patch+yaml",
            repeatable=True,
        )
        return await self._written(call)

    async def patch(
        self, resource: Resource, name: str, namespace: str, change: Any, *, part: str = "", dry_run: bool = False,
        content_type: ContentType = "application/merge-patch+json",
    ) -> Written:  # fmt: skip
        """Change an object in a few places.

        Raises:
            InvalidConfigError: A test of a JSON patch has failed, or the server takes the change for a fault.
            OutriderError: What else the server says.
        """
        _check_name(resource, name, namespace)
        self._tell("patch", resource, namespace, name, part)
        path = resource.path(namespace, name, part) + self._write_query(dry_run=dry_run)
        return await self._written(
            self._call(
                "PATCH", path, "patch", resource, namespace, name, body=encode(change), content_type=content_type
            )
        )

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, uid: str = "", propagation: Propagation = "Background",
        grace: int | None = None, dry_run: bool = False,
    ) -> None:  # fmt: skip
        """Delete an object.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: Where it is.
            uid: Of the very object that is meant; one that has taken its name stays.
            propagation: What becomes of what it owns.
            grace: Seconds that a pod has to end; what it says itself if None.
            dry_run: Let the server say what would come of it.

        Raises:
            NotFoundError: It is not there.
            ConflictError: Another object has its name.
            OutriderError: What else the server says.
        """
        _check_name(resource, name, namespace)
        self._tell("delete", resource, namespace, name)
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if dry_run:
            # In the body: of a request that has one, the server reads nothing else.
            options["dryRun"] = ["All"]
        path = resource.path(namespace, name)
        call = self._call(
            "DELETE", path, "delete", resource, namespace, name, body=encode(options), repeatable=bool(uid)
        )
        await self.transport.send(call)

    async def raw(self, path: str, *, shown: str = "", accept: str = "application/json, */*") -> bytes:
        """Return what a path answers, such as `/readyz` or a log.

        Args:
            path: With its query.
            shown: As errors name the request.
            accept: Which forms of the answer are wanted (RFC 9110 section 12.5.1).

        Raises:
            OutriderError: What the server says.
        """
        call = Call("GET", path, shown or f"get {path}", accept=accept, repeatable=True)
        return (await self.transport.send(call)).content

    async def _pages(self, resource: Resource, namespace: str, labels: str, fields: str) -> AsyncIterator[bytes]:
        self._tell("list", resource, namespace)
        rest = ""
        while True:
            path = resource.path(namespace) + query(
                limit=PAGE, labelSelector=labels, fieldSelector=fields, **{"continue": rest}
            )
            content = (await self.transport.send(self._call("GET", path, "list", resource, namespace))).content
            yield content
            rest = decode(content, _Rest).metadata.rest
            if not rest:
                return

    async def _written(self, call: Call) -> Written:
        response = await self.transport.send(call)
        return Written(_object(response.content), response.status == 201, _warnings(response.headers))

    def _write_query(self, *, manager: str = "", force: bool = False, dry_run: bool = False) -> str:
        # Strict: a field that is not known is an error, not a field that vanishes.
        return query(
            fieldManager=manager or self.manager,
            force=force,
            dryRun="All" if dry_run else None,
            fieldValidation=self.validation,
        )

    def _call(self, method: str, path: str, verb: str, resource: Resource, *place: str, **more: Any) -> Call:
        more.setdefault("repeatable", method == "GET")
        shown = place if resource.namespaced else place[1:]
        return Call(method, path, f"{verb} {resource.kind} {'/'.join(filter(None, shown))}".rstrip(), **more)

    def _tell(self, verb: str, resource: Resource, namespace: str = "", name: str = "", part: str = "") -> None:
        if self._on_access is not None:
            plural = f"{resource.plural}/{part}" if part else resource.plural
            self._on_access(Access(verb, resource.group, plural, namespace, name))


class _Rest(msgspec.Struct):
    metadata: Page.Metadata


def _typed(resource: Resource, content: Mapping[str, Any]) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **content}


def _check_name(resource: Resource, name: str, namespace: str) -> None:
    """Refuse a request for one object that would be one for all of them."""
    if not name:
        raise InvalidConfigError(f"no {resource.kind} is named", path="name", expected="the name of an object")
    if resource.namespaced and not namespace:
        raise InvalidConfigError(
            f"{resource.kind} {name}: no namespace is named", path="namespace", expected="its namespace"
        )


def _place(content: Mapping[str, Any]) -> tuple[str, str]:
    metadata = content.get("metadata") or {}
    name = str(metadata.get("name") or "")
    if not name:
        raise InvalidConfigError("metadata.name is missing", path="metadata.name", expected="the name of an object")
    return str(metadata.get("namespace") or ""), name


def _object(content: bytes) -> Object:
    found = decode_plain(content)
    return found if isinstance(found, dict) else {}


def _warnings(headers: Headers) -> "list[str]":
    """Return what the server remarks (RFC 7234 section 5.5, code 299)."""
    return [
        re.sub(r"\\(.)", r"\1", text).encode("latin-1").decode(errors="replace")
        for name, value in headers
        if name == "warning"
        for text in _WARNING.findall(value)
    ]
