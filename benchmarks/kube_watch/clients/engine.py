"""What the clients that use our engine share."""

import gc
import sys
from typing import NamedTuple

from benchmarks.kube_watch import samples
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.kube.resources import Resource

AGENTS = Resource(samples.GROUP, samples.VERSION, samples.PLURAL, samples.KIND)


class Arguments(NamedTuple):
    """Of the command line."""

    url: str
    objects: int
    authority: str


def arguments() -> Arguments:
    """Read the command line."""
    url, count, *rest = sys.argv[1:]
    return Arguments(url, int(count), rest[0] if rest else "")


def begin(given: Arguments) -> KubeClient:
    """Return a client, in a process whose garbage collector is set as one with large caches sets it."""
    gc.set_threshold(200_000, 50, 1_000)
    cluster = Cluster(server=given.url, certificate_authority=given.authority)
    return KubeClient(Target("bench", cluster, User()), component="bench")
