"""A Python index, advisories and a project for the examples, and how this process finds them."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.writing import write_store
from outrider.operators.packages.pypi.serving.documents import Uploaded
from outrider.operators.packages.sboms.envelopes import sealed
from outrider.operators.packages.sboms.signed_files import signature_path
from outrider.operators.packages.serving.accounts import new_token
from outrider.operators.packages.serving.bundles import chosen, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Account, PackageState, Release, Tables
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record, zipped
from outrider.operators.packages.tests.exploit_files import epss_file
from outrider.operators.packages.tests.key_files import write_keys
from outrider.operators.packages.tests.npm_registry import packed
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.root_files import DEBIAN, made, paragraph
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.vex_documents import openvex_document, statement
from outrider.operators.packages.tests.wheels import Wheel
from outrider.ports.certificates.signing_keys import read_signing_key
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Environment
from tests.servers.git_http import git


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Environment, dict[str, Any]]]:
    """Yield the environment for an invoker, and what stands for the words in braces of the examples."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-")))
        index = await stack.enter_async_context(PythonIndex())
        fill(index)
        project = root / "files" / "project"
        project.mkdir(parents=True)
        (project / "requirements.txt").write_text("web==1.0\ncore==1.4\n")
        (root / "home").mkdir()
        stack.enter_context(variables(settings(index.url, root)))
        environment = Environment(clock=SystemClock(), state=root / "state", secrets=Resolver({}))
        await _registry(root / "registry", root / "packages.tar")
        running = await stack.enter_async_context(_running(root))
        stack.enter_context(variables(await _publishing(running, root / "home")))
        yield (
            environment,
            {
                "folder": str(root / "files"),
                "index": index.url,
                "project": str(project),
                "repository": str(_repository(root / "files" / "repository")),
                "registry": str(root / "registry"),
                "bundle": str(root / "packages.tar"),
                "token": "ana",
                **_built(root / "files" / "built"),
                "policy": str(_policy(root / "files")),
                "advisories": str(_advisories(root, environment.clock.now())),
                "scores": str(epss_file(root / "epss_scores.csv.gz", ("CVE-2026-1001", 0.94, 0.99))),
                "vex": str(_statements(root / "files")),
                "root": str(
                    made(
                        root / "files" / "root",
                        {"etc/os-release": DEBIAN, "var/lib/dpkg/status": paragraph("curl", "7.88.1-10")},
                    )
                ),
                **_bills(root / "files" / "bills"),
            },
        )


def _running(root: Path) -> RunningRegistry:
    """Return a registry that takes packages."""
    return RunningRegistry(
        root / "running", {"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "PIP_CONFIG_FILE": os.devnull}, cache_only=True,
        private=["npm:@acme/*", "pypi:acme-*"], ecosystems=["npm", "pypi"],
    )  # fmt: skip


async def _publishing(registry: RunningRegistry, home: Path) -> dict[str, str]:
    """Return the variables with which native clients publish there, and write their settings."""
    token = await registry.token("read", "publish")
    (home / ".npmrc").write_text(f"{registry.url.removeprefix('http:')}/npm/:_authToken={token}\n")
    return {
        "npm_config_registry": f"{registry.url}/npm/", "UV_PUBLISH_URL": f"{registry.url}/pypi/legacy/", "UV_PUBLISH_TOKEN": token,
    }  # fmt: skip


def _built(folder: Path) -> dict[str, str]:
    """Return files that may be published."""
    folder.mkdir()
    wheel, tarball = Wheel(project="acme-web", version="1.0"), folder / "acme-web-1.0.0.tgz"
    (folder / wheel.name).write_bytes(wheel.packed())
    tarball.write_bytes(packed({"package.json": {"name": "@acme/web", "version": "1.0.0"}}))
    return {"wheel": str(folder / wheel.name), "tarball": str(tarball)}


def _advisories(root: Path, now: float) -> Path:
    """Return a file of advisories, which were taken in already."""
    bad = record("PYSEC-1", affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0"))))
    debian = affected(
        ecosystem_range(("introduced", "0"), ("fixed", "7.88.1-10+deb12u1")), name="curl", ecosystem="Debian:12"
    )
    source = zipped(root / "all.zip", bad, record("DEBIAN-CVE-2026-1001", debian, upstream=["CVE-2026-1001"]))
    write_store(store_path(), read_source(source), str(source), now)
    return source


def _repository(folder: Path) -> Path:
    """Return a git repository with a lock file of what is vulnerable."""
    folder.mkdir()
    (folder / "requirements.txt").write_text("web==1.0\ncore==1.4\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "as it is")
    return folder


def _statements(folder: Path) -> Path:
    """Return a file that states that the advisory is no danger."""
    path = folder / "shop.openvex.json"
    product = {"@id": "pkg:pypi/web@1.0"}
    path.write_bytes(msgspec.json.encode(openvex_document(statement("PYSEC-1", product, "fixed"))))
    return path


def _bills(folder: Path) -> dict[str, str]:
    """Return a bill, one that was signed, and the keys."""
    folder.mkdir()
    bill, signed = folder / "bom.json", folder / "signed.json"
    for path in (bill, signed):
        path.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1}')
    private, public = write_keys(folder)
    signature_path(str(signed)).write_bytes(sealed(signed.read_bytes(), read_signing_key(private)))
    return {"bill": str(bill), "signed_bill": str(signed), "private_key": str(private), "public_key": str(public)}


def _policy(folder: Path) -> Path:
    """Return a file with a policy."""
    path = folder / "packages-policy.yaml"
    path.write_text(
        "apiVersion: outrider.dev/v1alpha1\n"
        "kind: PackagePolicy\n"
        "metadata: {name: shop}\n"
        "spec:\n"
        "  deny: ['pypi:web@<2']\n"
        "  advisories: {least: high}\n"
        "  licences: {allow: [MIT, Apache-2.0], deny: ['AGPL-*']}\n"
    )
    return path


async def _registry(folder: Path, bundle: Path) -> None:
    """Have a registry in which something was published, and the same as a bundle."""
    store = Store(folder)
    content = b"a wheel"
    release = Release(
        file="acme_web-1.0-py3-none-any.whl", version="1.0", digest=store.blobs.put(content), size=len(content), published=1.0,
        said=msgspec.msgpack.encode(Uploaded({}, "")), publisher="ana",
    )  # fmt: skip
    _, token = new_token("ana", ["read"], [])

    def work(tables: Tables) -> None:
        tables.put_release("pypi", "acme-web", release)
        tables.put_state("pypi", "acme-web", PackageState(hosted=True))
        tables.put_token(token, "ana", 1.0)
        tables.put_user(Account("bo", "", "read", []))

    await store.write(work)
    write_bundle(bundle, chosen(store.tables, ["pypi"], []), store.blobs)
    await store.close()


def fill(index: PythonIndex) -> None:
    """Have the project of the examples."""
    index.add("web", "1.0", "core>=1", python=">=3.8")
    index.add("web", "2.0", "core>=1,<2", "colors>=1; extra == 'pretty'", extras=["pretty"], python=">=3.8")
    index.add("core", "1.4")
    index.add("core", "2.0")
    index.add("colors", "1.0")


def settings(url: str, root: Path) -> dict[str, str]:
    """Return the variables with which a process finds an index, and nothing of its user."""
    return {
        "PIP_INDEX_URL": url,
        "PIP_CONFIG_FILE": os.devnull,
        "XDG_CACHE_HOME": str(root / "cache"),
        "XDG_CONFIG_HOME": str(root / "home" / ".config"),
        "HOME": str(root / "home"),
    }


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Have variables of this process be others for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
