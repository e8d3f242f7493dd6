"""`outrider cluster`: a real one-node Kubernetes on this machine."""

import asyncio
import functools
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.local.cluster import bundle as bundles
from outrider.local.cluster.build import build_programs
from outrider.local.cluster.images import archive_images, import_command
from outrider.local.cluster.layout import Addresses, ClusterState, known_clusters
from outrider.local.cluster.lifecycle import Cluster
from outrider.local.cluster.programs import KUBERNETES_VERSION, missing_programs, programs_folder
from outrider.local.cluster.requirements import check_machine
from outrider.ports.kube.kubeconfig import kubeconfig_files
from outrider.ports.kube.kubeconfig_file import check_file
from outrider.ports.process.parent import parent_watched
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import FINDINGS, note

KEEPER = "keeper"
_PATH = click.Path(path_type=Path)


class ClusterReport(msgspec.Struct, kw_only=True):
    """A cluster, as it is shown.

    Attributes:
        phase: `starting`, `ready`, `failed` or `stopped`.
        server: Address of its API server.
        seconds: How long it took to be ready.
        components: Process ids on this machine.
    """

    name: str
    phase: str
    context: str
    server: str
    kubeconfig: Path
    version: str = ""
    seconds: float = 0.0
    problem: str = ""
    components: dict[str, int] = {}


class LoadedImages(msgspec.Struct):
    """What an archive has brought."""

    cluster: str
    images: list[str]


@click.group()
def cluster() -> None:
    """Run a real one-node Kubernetes on this machine, without a container engine."""


@cluster.command()
@click.argument("name", default="default")
@click.option(
    "--programs", type=_PATH, metavar="FOLDER", help="Take programs that are built, in place of building them."
)
@click.option(
    "--bundle",
    metavar="ADDRESS",
    help="Fetch the programs as a bundle: a file, or an address of http, with `#sha256=DIGEST`.",
)
@click.option(
    "--registry", default="", metavar="ADDRESS", help="Pull all images from this registry, as http://10.251.0.1:5000."
)
@click.option("--egress/--no-egress", default=True, show_default=True, help="Let pods reach what this machine reaches.")
@click.option("--audit", is_flag=True, help="Write down who asks the API server for what: outrider cluster logs audit.")
@click.option("--no-context", is_flag=True, help="Leave the kubeconfig of the user as it is.")
@click.option(
    "--ephemeral", is_flag=True, help="Stay, and remove the cluster when this command or its parent ends; for tests."
)
@output_option(ClusterReport)
def up(*, name: str, programs: Path | None, bundle: str | None, output: Output, **options: Any) -> int:
    """Start a cluster, and select its context. The first time its programs are built, which takes some minutes."""
    one, folder = Cluster(name), (programs or programs_folder()).absolute()
    check_machine()
    one.check_stopped()
    if not options["no_context"]:
        check_file(kubeconfig_files()[0])
    if programs is None:
        execute(provide_programs(folder, bundle))
    execute(_up(one, folder, output, Options(**options)))
    return 0


class Options(msgspec.Struct):
    """How a cluster is started."""

    registry: str
    egress: bool
    no_context: bool
    ephemeral: bool
    audit: bool


async def _up(one: Cluster, programs: Path, output: Output, options: Options) -> None:
    if not options.ephemeral:
        await _start(one, programs, output, options)
        return
    # Before anything is there: whoever wants it may end while it starts.
    async with parent_watched() as ended:
        starting = asyncio.create_task(_start(one, programs, output, options))
        try:
            await asyncio.wait((starting, ended), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await ended
        finally:
            starting.cancel()
            await asyncio.wait((starting,))
            with suppress(NotFoundError):
                await one.down()


async def _start(one: Cluster, programs: Path, output: Output, options: Options) -> None:
    began = time.monotonic()
    state = await one.up(
        programs, egress=options.egress, registry=options.registry, ephemeral=options.ephemeral, audit=options.audit
    )
    if not options.no_context:
        one.select()
    if output.for_people:
        selected = "" if options.no_context else f" · context {one.layout.context}"
        seconds = time.monotonic() - began
        sys.stdout.write(
            f"cluster '{state.name}' ready in {seconds:.1f} s · Kubernetes {state.node.version}{selected}\n"
        )
        if options.no_context:
            note(f"export KUBECONFIG={one.layout.kubeconfig}")
    else:
        show(_report(one, state), output)
    sys.stdout.flush()


@cluster.command()
@click.argument("name", default="default")
@click.option("--keep", is_flag=True, help="Keep its objects and images for the next time.")
def down(*, name: str, keep: bool) -> int:
    """End a cluster, and remove it without a trace."""
    execute(Cluster(name).down(keep=keep))
    sys.stdout.write(f"cluster '{name}' {'stopped' if keep else 'removed'}\n")
    return 0


@cluster.command()
@click.argument("name", default="")
@output_option(list[ClusterReport])
def status(*, name: str, output: Output) -> int:
    """Say which clusters there are and how they are, or how one is; exit 6 where one has failed or was killed."""
    names = [name] if name else [state.name for state in known_clusters()]
    reports = [_found(one) for one in names]
    if output.for_people:
        sys.stdout.write(printable("".join(map(_described, reports)) or "no cluster: outrider cluster up\n"))
    else:
        show(reports, output)
    return FINDINGS if any(report.problem for report in reports) else 0


@cluster.command("load-image")
@click.argument("archive", type=_PATH)
@click.argument("name", default="default")
@output_option(LoadedImages)
def load_image(*, archive: Path, name: str, output: Output) -> int:
    """Give a cluster an image, from an archive as `docker save` and `podman save` write it."""
    loaded = LoadedImages(name, execute(load_archive(Cluster(name), archive)))
    if output.for_people:
        sys.stdout.write("".join(f"{image}\n" for image in loaded.images) or "an image without a name\n")
    else:
        show(loaded, output)
    return 0


@cluster.command()
@click.argument("component")
@click.argument("name", default="default")
@click.option("--lines", type=click.IntRange(min=1), default=200, show_default=True, help="How many, the last ones.")
def logs(*, component: str, name: str, lines: int) -> int:
    """Print what a component has logged: keeper, etcd, kube-apiserver, kubelet, containerd and so on."""
    one = Cluster(name)
    one.state()
    files = {file.stem: file for file in one.layout.logs.glob("*") if file.suffix in (".log", ".jsonl")}
    there = sorted(files)
    file = one.layout.folder / "keeper.log" if component == KEEPER else files.get(component)
    if file is None or not file.exists():
        raise NotFoundError(
            f"the cluster '{name}' has no log of '{component}'", found=component, expected=", ".join([KEEPER, *there]),
            suggestions=[f"outrider cluster logs {KEEPER} {name}"],
        )  # fmt: skip
    for line in file.read_text(errors="replace").splitlines()[-lines:]:
        sys.stdout.write(printable(line) + "\n")
    return 0


@cluster.command()
@click.argument("file", type=_PATH)
@output_option(bundles.Bundle)
def bundle(*, file: Path, output: Output) -> int:
    """Write the programs of a cluster into one file, for machines that are not to build them."""
    folder = programs_folder()
    execute(provide_programs(folder, None))
    made = bundles.write_bundle(folder, file)
    if output.for_people:
        sys.stdout.write(f"{file}: {made.size / 2**20:.0f} MiB\n")
        note(f"outrider cluster up --bundle {file}#sha256={made.sha256}")
    else:
        show(made, output)
    return 0


async def provide_programs(folder: Path, bundle: str | None) -> None:
    """Have the programs in a folder, from a bundle where its address is given, or built.

    Raises:
        OutriderError: They cannot be fetched or built.
    """
    if not missing_programs(folder):
        return
    if bundle:
        note(f"fetches {bundle.partition('#')[0]}")
        await bundles.read_bundle(bundle, folder)
        return
    note(f"builds the programs of Kubernetes {KUBERNETES_VERSION}, once: about 9 minutes on two cores, into {folder}")
    await build_programs(folder, note)


async def load_archive(one: Cluster, archive: Path) -> list[str]:
    """Give a cluster the images of an archive, and return their names.

    Raises:
        NotFoundError: There is no such archive.
        ExecutionFailedError: The container runtime does not take it.
    """
    inside, images = one.inside(), archive_images(archive)
    # Its own mounts hide files of the machine, so that the archive goes in through the standard input.
    command = [*inside, *import_command(one.state().programs / "ctr", "-")]
    try:
        with archive.open("rb") as content:
            started = functools.partial(
                subprocess.run, command, stdin=content, capture_output=True, text=True, errors="replace", check=False
            )
            done = await asyncio.to_thread(started)
    except OSError as error:
        raise NotFoundError(
            f"{archive}: {error.strerror}", found=str(archive), expected="an archive of an image"
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip().rpartition("\n")[2][-500:]
        raise ExecutionFailedError(
            f"{archive}: containerd does not take it: {said}", found=said,
            expected="an archive as `docker save` or `podman save` writes it", suggestions=[f"tar tf {archive} | head"],
        )  # fmt: skip
    return images


def _report(one: Cluster, state: ClusterState) -> ClusterReport:
    running = one.processes()
    missing = [name for name in state.node.components if name not in running]
    problem = state.node.problem or (f"{', '.join(missing)} ended, and will be started again" if missing else "")
    return ClusterReport(
        name=state.name, phase=state.node.phase, context=one.layout.context, server=Addresses(state.place).server,
        kubeconfig=one.layout.kubeconfig, version=state.node.version, seconds=state.node.seconds, problem=problem, components=running,
    )  # fmt: skip


def _found(name: str) -> ClusterReport:
    one = Cluster(name)
    try:
        return _report(one, one.state())
    except InvalidConfigError as error:
        return ClusterReport(
            name=name, phase="failed", context=one.layout.context, server="", kubeconfig=one.layout.kubeconfig,
            problem=f"{error.message} · outrider cluster down {name}",
        )  # fmt: skip


def _described(report: ClusterReport) -> str:
    lines = [
        f"{report.name}  {report.phase}"
        + (f" · Kubernetes {report.version} · {report.server} · context {report.context}" if report.version else "")
    ]
    if report.components:
        lines.append("  " + " · ".join(f"{name} {pid}" for name, pid in report.components.items()))
    if report.problem:
        lines.append(f"  problem: {report.problem}")
    return "\n".join(lines) + "\n"
