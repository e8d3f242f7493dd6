"""The registry as a process: `outrider packages serve`."""

import argparse
import asyncio
import ctypes
import os
import signal
import ssl
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import msgspec
import uvloop

from outrider.core.errors import InvalidConfigError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.package_registries import PackageRegistrySpec
from outrider.operators.packages.policies.opening import check_policy
from outrider.operators.packages.serving.application import Application
from outrider.operators.packages.serving.folders import default_folder
from outrider.operators.packages.serving.opening import Surroundings, opened_registry
from outrider.ports.clock import SystemClock
from outrider.ports.http.server import Server
from outrider.ports.process import LIFELINE_VARIABLE, watch_lifeline
from outrider.ports.telemetry import configure_logging
from outrider.runtime.contexts import cache_folder
from outrider.runtime.discovery import registry
from outrider.runtime.documents import read_file
from outrider.runtime.objects import parse_object

_KIND, _POLICY = "PackageRegistry", "PackagePolicy"
# Of mallopt(3).
_ARENA_MAX, _TRIM_THRESHOLD = -8, -1
_DRAIN_SECONDS = 10.0
# A package that is published comes as a whole, that of npm in Base64.
_LIMITS = Limits(body=512 << 20)
_MOST_CONNECTIONS = 4096
_LAST_PORT = 65535


class RegistryService(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served.

    Attributes:
        name: Of the registry.
        spec: Its settings.
        policies: All that count, by what they are called in reasons.
        folder: Where packages are kept.
    """

    name: str
    spec: PackageRegistrySpec
    policies: dict[str, PackagePolicySpec] = {}
    folder: Path


def serve(arguments: list[str]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OutriderError: The settings, the address or the folder cannot be used.
    """
    os.umask(0o077)
    _give_memory_back()
    service = service_of(_parsed(arguments))
    configure_logging()
    uvloop.run(_main(service))


def _give_memory_back() -> None:
    """Have memory that large documents took while they were made go back to the system: glibc keeps it for each thread.

    After 1,300 packages of npm in a row that is 65 MB of memory in place of 125.
    """
    with suppress(OSError, AttributeError):  # another library of C, which has its own ways
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_TRIM_THRESHOLD, 128 * 1024)


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="outrider packages serve", description="Serve packages to their own clients.")
    parser.add_argument(
        "file", nargs="?", type=Path, help="a file with a PackageRegistry; without it, the options alone count"
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help="address; port 0 is a free one (127.0.0.1:7090)")
    parser.add_argument("--folder", type=Path, help="where packages are kept (in the user's state folder)")
    parser.add_argument(
        "--private", action="append", metavar="ECOSYSTEM:NAME", help="what is published here; may be given again"
    )
    parser.add_argument("--cache-only", action="store_true", default=None, help="ask no other registry")
    return parser.parse_args(arguments)


def service_of(options: argparse.Namespace) -> RegistryService:
    """Return what options and the file that they name come to.

    Raises:
        OutriderError: They cannot be used.
    """
    service = RegistryService(name="registry", spec=PackageRegistrySpec(), folder=default_folder())
    if options.file is not None:
        service = read_registry(options.file)
    if options.listen is not None and not _is_address(options.listen):
        raise InvalidConfigError(
            f"--listen: {options.listen!r} is no address", path="--listen", found=options.listen, expected="HOST:PORT, with a port up to 65535",
            suggestions=["write for example 127.0.0.1:7090"],
        )  # fmt: skip
    given = {"listen": options.listen, "private": options.private, "cache_only": options.cache_only}
    spec = msgspec.structs.replace(service.spec, **{key: value for key, value in given.items() if value is not None})
    return msgspec.structs.replace(service, spec=spec, folder=options.folder or service.folder)


def _is_address(text: str) -> bool:
    """Return whether a text is `HOST:PORT`; otherwise than of a file, nothing has looked at it."""
    host, _, port = text.rpartition(":")
    return host != "" and port.isascii() and port.isdecimal() and len(port) < 6 and int(port) <= _LAST_PORT


def read_registry(path: Path) -> RegistryService:
    """Return the one registry in a file, with the policies that stand beside it.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It cannot be read, or has not one registry, or a policy that names what is not there.
    """
    documents = read_file(path)
    items = [parse_object(one.data, registry(), one.source, str(one.position)) for one in documents]
    for item, document in zip(items, documents, strict=True):
        if item.kind == _POLICY:
            check_policy(item.spec, document.source)
        elif item.kind == _KIND and item.spec.policy is not None:
            check_policy(item.spec.policy, document.source, "spec.policy")
    found = [item for item in items if item.kind == _KIND]
    if len(found) != 1:
        raise InvalidConfigError(
            f"{path}: there are {len(found)} registries in it", path="kind", found=", ".join(item.kind for item in items) or "nothing",
            expected=f"one {_KIND}", suggestions=[f"write kind: {_KIND}, in a file of its own"],
        )  # fmt: skip
    name, spec = found[0].name, found[0].spec
    policies = {item.ref: item.spec for item in items if item.kind == _POLICY}
    if spec.policy is not None:
        policies[found[0].ref] = spec.policy
    folder = path.resolve().parent / spec.folder if spec.folder else default_folder()
    return RegistryService(name=name, spec=spec, policies=policies, folder=folder)


async def _main(service: RegistryService) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    lifeline = os.environ.pop(LIFELINE_VARIABLE, None)
    if lifeline is not None:
        watch_lifeline(loop, int(lifeline), stopping.set)
    await run(service, stopping)


async def run(service: RegistryService, stopping: asyncio.Event) -> None:
    """Serve until it is asked to stop; what is in flight is answered.

    Raises:
        OutriderError: As `serve`.
    """
    spec, clock = service.spec, SystemClock()
    host, _, port = spec.listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    tls = _tls(spec)
    _check_open(spec, host)
    opened: asyncio.Future[Application] = asyncio.get_running_loop().create_future()

    async def answer(request: Request) -> Response:
        # Its port is known before it can say where its files are.
        return await (opened.result() if opened.done() else await asyncio.shield(opened))(request)

    server = Server(answer, limits=_LIMITS, tls=tls, max_connections=_MOST_CONNECTIONS)
    bound = await server.start_tcp(host, int(port))
    base = spec.address(bound)
    surroundings = Surroundings(
        environment=os.environ, folder=Path.cwd(), cache=cache_folder() / "packages", base=base, clock=clock,
    )  # fmt: skip
    async with opened_registry(spec, service.folder, surroundings, service.policies) as application:
        opened.set_result(application)
        sys.stderr.write(f"serving packages at {base}, kept in {service.folder}\n")
        sys.stderr.flush()
        await stopping.wait()
        await server.stop(_DRAIN_SECONDS)


def _tls(spec: PackageRegistrySpec) -> ssl.SSLContext | None:
    if not spec.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for field, name in (("tlsCertificate", spec.tls_certificate), ("tlsKey", spec.tls_key)):
        if name and not Path(name).is_file():
            raise InvalidConfigError(
                f"{field}: there is no file {name}", path=f"spec.{field}", found=name, expected="a PEM file", suggestions=["check its path"],
            )  # fmt: skip
    try:
        context.load_cert_chain(spec.tls_certificate, spec.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidConfigError(
            f"tlsCertificate: it cannot be used: {error}", path="spec.tlsCertificate", found=spec.tls_certificate,
            expected="a PEM file with a certificate, and its key in it or in tlsKey", suggestions=["check both files, and who may read them"],
        ) from error  # fmt: skip
    return context


def _check_open(spec: PackageRegistrySpec, host: str) -> None:
    """Refuse to have tokens cross a network for everybody to read, and to name no address that clients can use."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    local = host == "localhost" if address is None else address.is_loopback
    if not local and not spec.tls_certificate and not spec.url.startswith("https://"):
        raise InvalidConfigError(
            f"listen: tokens would cross the network unprotected: {spec.listen} is not this machine alone", path="spec.listen",
            found=spec.listen, expected="tlsCertificate, or url with https where something before it speaks TLS",
            suggestions=["set tlsCertificate and tlsKey", "set url to the address of the proxy before it", "listen on 127.0.0.1"],
        )  # fmt: skip
    if address is not None and address.is_unspecified and not spec.url:
        # What a request calls this machine is no answer: documents are made once, for everybody.
        raise InvalidConfigError(
            f"url: {spec.listen} means all addresses of this machine, and documents name one by which clients fetch files", path="spec.url",
            found="nothing", expected="the address that clients know", suggestions=["set url, such as https://packages.example.com:7090"],
        )  # fmt: skip
