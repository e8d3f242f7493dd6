"""pip, uv and twine."""

import sys
from pathlib import Path

from outrider.operators.packages.tests.clients.table import Bench, shows
from outrider.operators.packages.tests.wheels import Wheel
from tests.peers.environments import PROGRAMS, install

PIP = (sys.executable, "-m", "pip")


def wheel(folder: Path, version: str = "1.0", project: str = "acme-web", python: str = ">=3.8") -> Path:
    """Write a wheel."""
    made = Wheel(project=project, version=version, python=python)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / made.name
    path.write_bytes(made.packed())
    return path


async def published(bench: Bench, version: str = "1.0", project: str = "acme-web") -> None:
    """Publish a wheel with twine."""
    twine = install("twine", PROGRAMS["twine"]) / "twine"
    where = ["--repository-url", f"{bench.url}/pypi/legacy/", "-u", "__token__", "-p", await bench.token()]
    await bench.done(twine, "upload", *where, wheel(bench.folder, version, project))


@shows("twine", "publish")
async def twine_publishes(bench: Bench) -> None:
    twine = install("twine", PROGRAMS["twine"]) / "twine"
    where = ["--repository-url", f"{bench.url}/pypi/legacy/", "--non-interactive", "-u", "__token__"]
    token = await bench.token()
    wrong = await bench.run(twine, "upload", *where, "-p", "outrider_wrong", wheel(bench.folder))
    assert "there is no such token" in wrong.output
    await bench.done(twine, "upload", *where, "-p", token, wheel(bench.folder))
    await bench.done(twine, "upload", *where, "-p", token, wheel(bench.folder))  # the same bytes again
    changed = await bench.run(twine, "upload", *where, "-p", token, wheel(bench.folder / "other", python=">=3.9"))
    assert "File already exists" in changed.output
    foreign = await bench.run(twine, "upload", *where, "-p", token, wheel(bench.folder, project="requests"))
    assert "its name is not among those that are private" in foreign.output


@shows("uv", "publish")
async def uv_publishes(bench: Bench) -> None:
    uv = install("uv", PROGRAMS["uv"]) / "uv"
    where = ["--publish-url", f"{bench.url}/pypi/legacy/", "--token", await bench.token()]
    await bench.done(uv, "publish", *where, wheel(bench.folder, "2.0"))
    assert "2.0" in await bench.done(*PIP, "index", "versions", "acme-web", "--index-url", f"{bench.url}/pypi/simple/")


@shows("pip", "install")
async def pip_installs(bench: Bench) -> None:
    await published(bench)
    await published(bench, "1.1")
    where = ["--disable-pip-version-check", "--index-url", f"{bench.url}/pypi/simple/", "--target", "t"]
    await bench.done(*PIP, "install", *where, "acme_web<1.1")
    assert (bench.folder / "t" / "acme_web-1.0.dist-info").is_dir()


@shows("pip", "log in")
async def pip_shows_a_token_or_a_password(bench: Bench) -> None:
    await bench.user()
    reader = await bench.registry.token("read", patterns=["pypi:acme-web"])
    await published(bench)
    await published(bench, project="acme-core")

    async def works(login: str, project: str) -> bool:
        index = f"http://{login}{bench.host}/pypi/simple/"
        where = ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--index-url", index, "--target", "t"]
        return (await bench.run(*PIP, "install", *where, project)).status == 0

    bench.registry.close_to_nobody()
    assert not await works("", "acme-web")
    assert not await works("__token__:outrider_x@", "acme-web")
    assert not await works("ana:wrong-horse@", "acme-web")
    assert await works(f"__token__:{reader}@", "acme-web")
    assert not await works(f"__token__:{reader}@", "acme-core")
    assert await works("ana:correct%20horse@", "acme-core")


@shows("uv", "install")
async def uv_installs(bench: Bench) -> None:
    uv = install("uv", PROGRAMS["uv"]) / "uv"
    await published(bench)
    where = ["--python", sys.executable, "--index-url", f"{bench.url}/pypi/simple/", "--target", "t"]
    await bench.done(uv, "pip", "install", *where, "acme-web")
    assert (bench.folder / "t" / "acme_web.py").is_file()


@shows("uv", "log in")
async def uv_shows_a_token(bench: Bench) -> None:
    uv = install("uv", PROGRAMS["uv"]) / "uv"
    await published(bench)
    bench.registry.close_to_nobody()
    where = [
        "pip",
        "install",
        "--python",
        sys.executable,
        "--index-url",
        f"{bench.url}/pypi/simple/",
        "--target",
        "t",
        "acme-web",
    ]
    refused = await bench.run(uv, *where)
    assert "401" in refused.output
    where[5] = f"http://__token__:{await bench.token()}@{bench.host}/pypi/simple/"
    await bench.done(uv, *where)
