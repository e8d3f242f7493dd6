"""Questions to a Prometheus server (its HTTP API, v1), at an address or through the API server of the cluster that it runs in."""

import math
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError, UnavailableError
from outrider.core.http.limits import Limits
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.usage import Remark
from outrider.ports.http.client import Client
from outrider.runtime.context import Context

_SERVICE = r"[a-z0-9-]+/(https?:)?[a-z0-9-]+:[a-z0-9-]+"
PrometheusAddress = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(https?://[^\s?#@]+|{_SERVICE})?(?!\n)$",
        examples=["http://127.0.0.1:9090", "monitoring/prometheus:9090"],
    ),
]
Matchers = Annotated[
    str, msgspec.Meta(pattern=r"^[^{}\r\n]*(?!\n)$", max_length=1000, examples=['cluster="production"'])
]
_MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 30.0
# With these there is an answer, or an error, of the API.
_STATUSES = (200, 400, 422)


class Series(msgspec.Struct, frozen=True):
    """Values over time.

    Attributes:
        labels: What tells it from others.
        points: Seconds since the epoch, and the value; values that are no numbers are left out.
    """

    labels: dict[str, str]
    points: list[tuple[float, float]]


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error_type: str = ""
    error: str = ""
    warnings: list[str] = []


class _Entry(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct, rename="camel"):
    result: list[_Entry]


class Prometheus:
    """One server.

    Args:
        address: `http://HOST:PORT`, `https://HOST:PORT`, either with a path, or `NAMESPACE/SERVICE:PORT` for a service of the
            cluster, which the API server leads to with the rights of the caller.
        matchers: Further label matchers for every question, where the server has the series of several clusters.
        place: The cluster.
        context: The call.

    Attributes:
        remarks: What the server warns of, such as that a part of the data may be missing.
    """

    def __init__(self, address: str, matchers: str, place: Place, context: Context) -> None:
        self._address, self._place, self._context = address.rstrip("/"), place, context
        self._matchers = matchers.strip().strip(",")
        self.remarks: list[Remark] = []

    def selector(self, **labels: str) -> str:
        """Return label matchers in braces; values are expressions (RE2), and those that are empty are left out."""
        parts = [f"{name}=~{_quoted(value)}" for name, value in labels.items() if value]
        return "{" + ",".join(filter(None, [*parts, self._matchers])) + "}"

    async def instant(self, expression: str) -> list[Series]:
        """Return the values of an expression right now.

        Raises:
            ExecutionFailedError: The server cannot tell.
            OutriderError: It cannot be reached.
        """
        return await self._ask("query", query=expression, time=f"{self._context.clock.now():.3f}")

    async def history(self, expression: str, seconds: float, step: float) -> list[Series]:
        """Return the values of an expression over the last seconds, one each step.

        Raises:
            ExecutionFailedError: The server cannot tell.
            OutriderError: It cannot be reached.
        """
        # Whole steps, so that several questions have values at the same times.
        end = self._context.clock.now() // step * step
        return await self._ask("query_range", query=expression, start=f"{end - seconds:.3f}", end=f"{end:.3f}", step=f"{step:g}")  # fmt: skip

    async def _ask(self, what: str, **fields: str) -> list[Series]:
        path = f"/api/v1/{what}?{urlencode(fields)}"
        try:
            answer = decode(await self._get(path), _Answer)
            entries = decode(answer.data, _Data).result if answer.status == "success" else []
        except InvalidConfigError as error:
            raise self._stranger(error.message[:300]) from error
        if answer.status != "success":
            raise ExecutionFailedError(
                f"prometheus: {answer.error_type}: {answer.error}", path="prometheus", found=answer.error[:300], expected="an answer",
                suggestions=["correct the matchers", "ask for a shorter window"],
            )  # fmt: skip
        remarks = [Remark(self._place.cluster.name, f"prometheus: {text}") for text in answer.warnings]
        self.remarks += [one for one in remarks if one not in self.remarks]
        return [_series(entry) for entry in entries]

    async def _get(self, path: str) -> bytes:
        if not self._address.startswith(("http://", "https://")):
            namespace, _, service = self._address.partition("/")
            proxy = f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}"
            return await self._place.client.raw(proxy, shown=f"ask Prometheus {self._address}")
        scheme, _, rest = self._address.partition("://")
        host, slash, prefix = rest.partition("/")
        client = Client(f"{scheme}://{host}", limits=Limits(body=_MOST_BYTES))
        try:
            timeout = min(_SECONDS, self._context.remaining())
            response = await client.request("GET", f"{slash}{prefix}{path}", timeout=timeout)
        finally:
            await client.close()
        if response.status == 503:
            raise UnavailableError(
                f"prometheus: {self._address} cannot answer now: {response.content[:300].decode(errors='replace')}", path="prometheus",
                found="status 503", expected="a server that is ready", suggestions=["try it again", "ask for a shorter window"],
            )  # fmt: skip
        if response.status not in _STATUSES:
            raise self._stranger(f"status {response.status}")
        return response.content

    def _stranger(self, found: str) -> ExecutionFailedError:
        return ExecutionFailedError(
            f"prometheus: {self._address} gives no answer of the Prometheus API: {found}", path="prometheus", found=found,
            expected="the address of a Prometheus server", suggestions=["look at it: outrider host http_check ADDRESS/-/ready"],
        )  # fmt: skip


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _series(entry: _Entry) -> Series:
    points = [entry.value] if entry.value is not None else entry.values
    values = [(time, float(text)) for time, text in points]
    return Series(entry.metric, [(time, value) for time, value in values if math.isfinite(value)])
