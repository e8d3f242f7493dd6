"""Charts with their values, and what `helm` makes of them for a release."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.kubernetes.helm_records import Chart, ChartMetadata, Record, decode_record, objects_of
from outrider.operators.kubernetes.helm_releases import ReleaseParams
from outrider.operators.kubernetes.shown import Object
from outrider.ports.helm import Helm

ChartName = Annotated[
    str, msgspec.Meta(pattern=r"^[^-\s][^\n]{0,1000}(?!\n)$", examples=["./chart", "oci://registry.example.org/charts/web"])
]  # fmt: skip
ChartVersion = Annotated[str, msgspec.Meta(pattern=r"^[^\n]{0,100}(?!\n)$", examples=["1.2.3", "^1.2"])]
_YAML: dict[str, Any] = {"contentMediaType": "application/yaml"}
# What helm says where an object of the chart is of a kind that the chart itself defines.
_UNDEFINED = "ensure CRDs are installed first"


class ChartParams(ReleaseParams, kw_only=True):
    """Which chart, with which values.

    Attributes:
        chart: A folder, an archive, REPOSITORY/CHART of a repository that helm knows, or an address (oci, https).
        version: Of the chart, or a range such as ^1.2; the newest if empty.
        values: Values; they win over those of values_file.
        values_file: YAML of values; on the command line @FILE, or @- for standard input.
        wait: Until all is ready; what is not ready in time is rolled back, for which half of the timeout is kept.
        override_owner: Change it although git declares it, and would set it back.
    """

    chart: ChartName
    version: ChartVersion = ""
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    values_file: Annotated[str, msgspec.Meta(extra_json_schema=_YAML)] = ""
    wait: bool = True
    override_owner: bool = False

    def __post_init__(self) -> None:
        """Refuse a name of a file where its content is meant.

        Raises:
            InvalidConfigError: It is one.
        """
        if self.values_file and ":" not in self.values_file:
            raise InvalidConfigError(
                "values_file: no YAML of values", path="values_file", found=self.values_file[:80], expected="the values themselves: NAME: VALUE",
                suggestions=[f"on the command line: --values-file @{self.values_file.strip()[:80]}"],
            )  # fmt: skip

    @property
    def verb(self) -> str:
        """Of helm."""
        return "upgrade"

    def flags(self) -> list[str]:
        """Return its flags for this verb, without values."""
        return [f"--version={self.version}"] if self.version else []


class InstallParams(ChartParams, kw_only=True):
    """What is installed.

    Attributes:
        create_namespace: Make the namespace where it is not there.
    """

    create_namespace: bool = False

    @property
    def verb(self) -> str:
        """Of helm."""
        return "install"

    def flags(self) -> list[str]:
        """Return its flags for this verb, without values."""
        # Of a release that was uninstalled, and whose history was kept, the name is free.
        return [*super().flags(), "--replace", *(["--create-namespace"] if self.create_namespace else [])]


class UpgradeParams(ChartParams, kw_only=True):
    """What is upgraded.

    Attributes:
        reuse_values: Keep the values of the release that are not given anew. Else they are kept only where none are given at all.
    """

    reuse_values: bool = False

    def flags(self) -> list[str]:
        """Return its flags for this verb, without values."""
        return [*super().flags(), *(["--reset-then-reuse-values"] if self.reuse_values else [])]


class Rendered(msgspec.Struct, frozen=True):
    """What helm makes of a chart.

    Attributes:
        record: The revision that would come of it.
        definitions: Of kinds: an installation makes those first that are not there.
    """

    record: Record
    definitions: list[Object]


@contextmanager
def value_flags(params: ChartParams) -> Iterator[list[str]]:
    """Yield the flags by which helm finds the values; they may be secrets, which have no place on a command line."""
    texts = [params.values_file.encode(), encode(params.values) if params.values else b""]
    with tempfile.TemporaryDirectory(prefix="outrider-helm-") as folder:
        files = [Path(folder) / f"{number}.yaml" for number, _ in enumerate(texts)]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text)
        yield [f"--values={file}" for file, text in zip(files, texts, strict=True) if text]


async def render(params: ChartParams, helm: Helm, seconds: float) -> Rendered:
    """Let helm render a chart for a release, as the cluster is now.

    Args:
        params: Which, for which release.
        helm: By whom.
        seconds: For each step.

    Raises:
        ExecutionFailedError: The chart cannot be had, or not be rendered with these values.
    """
    definitions: list[Object] = []
    if isinstance(params, InstallParams):
        version = [flag for flag in params.flags() if flag.startswith("--version=")]
        definitions = objects_of(await helm.run("show crds", params.chart, flags=version, timeout=seconds))
    with value_flags(params) as values:
        flags, words = [*params.flags(), *values], (params.release, params.chart)
        try:
            said = await helm.run(
                params.verb, *words, flags=[*flags, "--dry-run=server", "--output=json"], timeout=seconds
            )
            return Rendered(decode_record(said, params.release), definitions)
        except ExecutionFailedError as error:
            if _UNDEFINED not in error.message or not definitions:
                raise
        manifest = await helm.run("template", *words, flags=[*flags, "--no-hooks"], timeout=seconds)
    chart = Chart(ChartMetadata(name=params.chart, version=params.version))
    method = "ssa" if helm.major > 3 else "csa"
    record = Record(params.release, helm.namespace, 1, chart=chart, manifest=manifest, apply_method=method)
    return Rendered(record, definitions)
