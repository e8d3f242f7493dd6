"""Registries of packages that a platform declares: each is a service of it."""

import sys

from outrider.core.codec import digest, encode
from outrider.core.package_registries import PackageRegistrySpec
from outrider.kinds.platform.model import Service
from outrider.local.layout import Layout
from outrider.ports.secrets.private_files import write_private
from outrider.runtime.objects import ObjectSet

_KIND, _POLICY = "PackageRegistry", "PackagePolicy"


def registry_services(objects: ObjectSet, layout: Layout) -> list[Service]:
    """Return the services that serve packages, with their settings written down; every policy of the platform counts for each.

    Raises:
        ExecutionFailedError: Settings cannot be written.
    """
    policies = [item.document() for item in objects.of_kind(_POLICY)]
    return [_service(item.name, item.spec, [item.document(), *policies], layout) for item in objects.of_kind(_KIND)]


def _service(name: str, spec: PackageRegistrySpec, documents: list[object], layout: Layout) -> Service:
    # Another name where anything has changed: what has not goes on undisturbed.
    settings = layout.state / f"registry-{name}-{digest(documents)[-12:]}.yaml"
    write_private(settings, b"---\n".join(encode(one) + b"\n" for one in documents))
    folder = layout.folder / spec.folder if spec.folder else layout.state / "packages" / name
    command = [sys.executable, "-m", "outrider", "packages", "serve", str(settings), "--folder", str(folder)]
    return Service(name=f"registry-{name}", command=command, restart="always")
