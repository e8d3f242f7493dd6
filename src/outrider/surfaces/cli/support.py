"""`outrider support-bundle`."""

import sys
import time
from pathlib import Path

import click

from outrider.core.errors import OutriderError
from outrider.core.timestamps import timestamp
from outrider.local import support_bundle as bundles
from outrider.local.layout import Layout
from outrider.surfaces.cli.audit import verify_platform
from outrider.surfaces.cli.doctor import look
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import execute, selected
from outrider.surfaces.cli.settings import note
from outrider.surfaces.cli.status import find_status
from outrider.surfaces.python.calls import platform_spec


@click.command("support-bundle")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@output_option(list[bundles.BundleFile])
@click.pass_context
def support_bundle(ctx: click.Context, file: Path | None, output: Output) -> int:
    """Gather status, objects, newest events and runs, logs and findings of the selected platform in FILE, secrets masked.

    The platform may be running or not. Look into the file before you give it away: what nobody declared as a secret is
    masked only where its surroundings say what it is.
    """
    context = selected(ctx)
    layout = Layout(context.folder, context.state)
    now = time.time()
    stamp = timestamp(now)[:19].replace(":", "").replace("-", "")
    target = file or Path(f"outrider-support-{context.name}-{stamp}.tar.gz")
    reports = {
        "status.json": execute(find_status(context, layout)),
        "doctor.json": look(),
        "audit.json": _audit(ctx),
    }
    sources = platform_spec(context).secrets
    made = bundles.make(layout, target, reports, now=now, sources=sources)
    if output.for_people:
        sys.stdout.write(
            f"{target}: {len(made)} files, {sum(part.size for part in made) / 2**20:.1f} MiB before compression\n"
        )
        note("secrets are masked; look into it before you give it away")
    else:
        show(made, output)
    return 0


def _audit(ctx: click.Context) -> dict[str, object]:
    try:
        rows, faults = verify_platform(selected(ctx))
    except OutriderError as error:
        return {"error": error.body()}
    return {"chains": rows, "faults": [fault.body() for fault in faults]}
