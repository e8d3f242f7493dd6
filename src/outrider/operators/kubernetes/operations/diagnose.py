"""Why something does not run: cause, evidence and remedy."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import msgspec

from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.diagnosis.findings import Address, Finding
from outrider.operators.kubernetes.diagnosis.gathering import Surroundings, all_cases, one_case, surroundings
from outrider.operators.kubernetes.diagnosis.report import Diagnosis, diagnosed, told
from outrider.operators.kubernetes.kinds import OptionalTargetWord
from outrider.operators.kubernetes.places import ALL, Failure, Place, PlacesOrTarget, in_each, places
from outrider.ports.kube.resources import PODS, query
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

# Whose containers have written before their end what may say why.
_WRITTEN = ("CrashLoopBackOff", "Error", "Killed", "LivenessProbeFailed", "OOMKilled", "Completed")
_MOST_LOGS = 10
# What the kubelet answers, with status 200, where the runtime has removed the log.
_GONE = "unable to retrieve container logs"


class DiagnoseParams(PlacesOrTarget, kw_only=True):
    """What is looked at.

    Attributes:
        target: Such as deployment/web, pod/web-5c9f, service/web, node/n1; all that runs in the namespace if empty.
        log_lines: How many of the last lines of a container that crashed are shown as evidence.
    """

    target: OptionalTargetWord = ""
    log_lines: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5


class DiagnoseResult(msgspec.Struct, kw_only=True):
    """What was found; where no target was named, only of those objects with which something is wrong.

    Attributes:
        looked_at: How many objects.
        unread: What could not be read, so that causes there stay unknown.
        failed: Clusters and namespaces that could not be looked at, and why.
    """

    items: list[Diagnosis]
    looked_at: int
    unread: list[str] = []
    failed: list[Failure] = []


async def run(params: DiagnoseParams, context: Context) -> DiagnoseResult:
    """Look at it and what stands around it.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: A target is named, and all namespaces.
    """
    async with places(params, context, every=not params.target) as here:
        done, failed = await in_each(here, lambda place: _looked(params, place, context))
    return DiagnoseResult(
        items=[item for items, _, _ in done for item in items],
        looked_at=sum(count for _, count, _ in done),
        unread=[line for _, _, around in done for line in around.unread],
        failed=failed,
    )


async def _looked(params: DiagnoseParams, place: Place, context: Context) -> tuple[list[Diagnosis], int, Surroundings]:
    address = Address(place.cluster.name if params.cluster else "", "" if place.namespace == ALL else place.namespace)
    everywhere = params.target.startswith("node/") or place.namespace == ALL
    around = await surroundings(place, address, context.clock.now(), everywhere=everywhere)
    if params.target:
        items = [diagnosed(await one_case(params.target, place, around), params.target, place.cluster.name)]
        count = 1
    else:
        cases = await all_cases(place, around)
        found = [diagnosed(case, case.target, place.cluster.name) for case in cases]
        items, count = [one for one in found if one.findings or not one.healthy], len(found)
    await _add_logs(items, place, params.log_lines)
    return items, count, around


async def _add_logs(items: list[Diagnosis], place: Place, lines: int) -> None:
    crashed = [(item, one) for item in items for one in item.findings if one.cause in _WRITTEN and one.container]
    if lines:
        await asyncio.gather(*(_add_log(item, one, place, lines) for item, one in crashed[:_MOST_LOGS]))


async def _add_log(item: Diagnosis, finding: Finding, place: Place, lines: int) -> None:
    name = finding.objects[0].partition("/")[2]
    for previous in (True, False):
        fields = query(container=finding.container, previous=previous, tailLines=lines, limitBytes=4096)
        try:
            data = await place.client.raw(PODS.path(item.namespace, name, "log") + fields, shown=f"read the log of {name}",
                                          accept="text/plain, */*")  # fmt: skip
        except OutriderError:  # there is none, or it may not be read: the finding stands without it
            continue
        text = data.decode("utf-8", "replace").strip()
        if text and not text.startswith(_GONE):
            finding.evidence += [f"log: {line}" for line in text.splitlines()[-lines:]]
            return


def _text(result: DiagnoseResult) -> Iterator[str]:
    for item in result.items:
        yield from told(item)
    if not result.items:
        yield f"nothing is wrong with {result.looked_at} objects"
    for line in result.unread:
        yield f"not read: {line}"
    for place in result.failed:
        yield f"failed: {place.cluster}/{place.namespace}: {place.message}"


OPERATION = Implementation(
    params=DiagnoseParams,
    result=DiagnoseResult,
    run=run,
    target=lambda params: params.target or f"namespace/{params.namespace or ALL}",
    text=_text,
)
