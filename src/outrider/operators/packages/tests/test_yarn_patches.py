"""The patches that Yarn 4 makes of its own: read, hashed and applied as it does, so that a lock with what it patches is its lock."""

import base64
import difflib
import json
import os
import shutil
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_lock_writing_npm import project, registry, settings
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.tests.yarn_clients import needs_node, set_up_yarn_4, yarn_4
from outrider.operators.packages.yarn.patch_applying import UnappliedError, UnmatchedError, applied
from outrider.operators.packages.yarn.patch_files import Effect, PatchError, hash_of, read_patch
from outrider.operators.packages.yarn.programs import NEWEST, patch_within
from outrider.operators.packages.yarn.ranges import has_version
from tests.peers.environments import NODE_CLIENTS, install_node

__all__ = ["registry"]

PATCH = """diff --git a/lib/tsc.js b/lib/tsc.js
index 0123..4567 100644
semver exclusivity >=5.0 <6
--- a/lib/tsc.js
+++ b/lib/tsc.js
@@ -2,3 +2,4 @@
 two
-three
+THREE
+and more
 four
"""
FILE = b"one\ntwo\nthree\nfour\nfive\n"
CHANGED = b"one\ntwo\nTHREE\nand more\nfour\nfive\n"


def program_of(**patches: str) -> bytes:
    """Return what the program of Yarn has of patches, packed as it packs them."""
    functions, names = [], []
    for number, (name, text) in enumerate({"resolve": PATCH, "typescript": PATCH, **patches}.items()):
        content = base64.b64encode(brotli.compress(text.encode())).decode()
        functions.append(
            f'var v{number};function $f{number}(){{return typeof v{number}>"u"&&(v{number}='
            f'z.brotliDecompressSync(Buffer.from("{content}","base64")).toString()),v{number}}}'
        )
        names.append(f'[G.makeIdent(null,"{name}").identHash,$f{number}]')
    return f"#!/usr/bin/env node\n{''.join(functions)}var m=new Map([{','.join(names)}])".encode()


def effects(patch: str, version: str = "5.1.0") -> list[Effect]:
    """Return what a patch does to a version."""
    return [one for one in read_patch(patch) if one.is_for(version)]


def with_patch(patch: str, files: dict[str, bytes], version: str = "5.1.0") -> dict[str, bytes]:
    """Return files with a patch, without folders."""
    members = {f"{folder}/": (0o40755, b"") for path in files for folder in (path.rpartition("/")[0],) if folder}
    members |= {path: (0o100644, content) for path, content in files.items()}
    found = applied(effects(patch, version), members)
    return {path: content for path, (_, content) in found.items() if not path.endswith("/")}


def changed(patch: str, content: bytes, version: str = "5.1.0") -> bytes:
    """Return a file with a patch."""
    return with_patch(patch, {"lib/tsc.js": content}, version)["lib/tsc.js"]


@pytest.mark.parametrize(
    ("version", "text", "expected"),
    [
        ("5.4.5", ">=5.4.1-rc <5.5.0-beta", True), ("5.5.0-beta", ">=5.4.1-rc <5.5.0-beta", False), ("5.4.1-beta", ">=5.4.1-rc <5.5.0-beta", True),
        ("3.6.0", ">3.6 <3.7", False), ("3.6.5", ">=3.5 <=3.6", True), ("3.7.0", ">=3.5 <=3.6", False), ("4.0.0-beta", ">=4.0 <4.1", True),
        ("4.1.0-beta", ">=4.0 <4.1", False), ("1.8.0", ">=1.9", False), ("2.0.0-next.5", ">=1.9", True), ("7.0.0-dev.1", ">=5.7.1-rc <7.0.0-0", False),
        ("1.2.3", "=1.2.3", True), ("1.2.4", "1.2.3", False), ("5.0.0", ">4", True), ("4.9.0", ">4", False), ("4.0.0", "<=4", True),
    ],
)  # fmt: skip
def test_for_which_versions_it_is(version: str, text: str, expected: bool) -> None:
    assert has_version(text, version) is expected


def test_what_a_patch_changes() -> None:
    assert changed(PATCH, FILE) == CHANGED
    # What follows may have moved, both ways; blanks at the ends of lines do not matter.
    assert changed(PATCH, b"x\ny\n" + FILE) == b"x\ny\n" + CHANGED
    assert changed(PATCH, FILE.removeprefix(b"one\n")) == CHANGED.removeprefix(b"one\n")
    assert changed(PATCH, FILE.replace(b"two", b"two  ")) == CHANGED.replace(b"two", b"two  ")
    for content in (FILE.replace(b"three", b"3"), b"", b"two\nthree"):
        with pytest.raises(UnmatchedError):
            changed(PATCH, content)
    with pytest.raises(UnmatchedError):
        with_patch(PATCH, {})
    assert effects(PATCH, "4.9.5") == []
    end = PATCH.replace("\n four\n", "\n-four\n+four\n\\ No newline at end of file\n")
    assert changed(end, b"one\ntwo\nthree\nfour\n") == b"one\ntwo\nTHREE\nand more\nfour"
    assert changed(PATCH.replace("\n", "\r\n"), FILE) == CHANGED


def test_files_that_are_made_and_hunks_that_are_far_away() -> None:
    new = (
        "diff --git a/copy/vfs.js b/vfs.js\nnew file mode 100644\nindex 0000000..3419912\n--- /dev/null\n+++ b/vfs.js\n"
        "@@ -0,0 +1,2 @@\n+one\n+two\n"
    )
    assert with_patch(PATCH + new, {"lib/tsc.js": FILE}) == {"lib/tsc.js": CHANGED, "vfs.js": b"one\ntwo\n"}
    _, made = effects(PATCH + new)
    assert [*made.said] == ["type", "hunk", "path", "mode", "hash"]
    assert (made.said["path"], made.said["mode"], made.said["hash"]) == ("vfs.js", 0o644, "3419912")
    [plain] = effects(PATCH.replace("index 0123..4567 100644\n", ""))
    assert (plain.said["beforeHash"], plain.said["afterHash"]) == (None, None)
    far = PATCH.replace("-2,3 +2,4", "-900000000,3 +900000000,4")
    assert changed(far, FILE) == CHANGED


def test_the_hash_is_that_of_yarn() -> None:
    """That of nothing is of each version of TypeScript for which there is no patch."""
    assert hash_of([]) == "3bafbf"
    [one] = effects(PATCH)
    assert json.dumps(one.said, separators=(",", ":")) == (
        '{"type":"patch","path":"lib/tsc.js","hunks":[{"header":{"original":{"start":2,"length":3},"patched":{"start":2,"length":4}},"parts":'
        '[{"type":"context","lines":["two"],"noNewlineAtEndOfFile":false},{"type":"deletion","lines":["three"],"noNewlineAtEndOfFile":false},'
        '{"type":"insertion","lines":["THREE","and more"],"noNewlineAtEndOfFile":false},'
        '{"type":"context","lines":["four"],"noNewlineAtEndOfFile":false}]}],"beforeHash":"0123","afterHash":"4567"}'
    )
    assert hash_of([one]) != hash_of([one, one])


LINES = st.lists(st.sampled_from("abcdefg"), max_size=40)


@given(LINES, LINES)
def test_what_another_program_finds_different_is_changed(before: list[str], after: list[str]) -> None:
    lines = [f"{one}\n" for one in (*"xyz", *before)], [f"{one}\n" for one in (*"xyz", *after)]
    text = "".join(difflib.unified_diff(*lines, "a/lib/tsc.js", "b/lib/tsc.js"))
    if before != after:
        whole = f"diff --git a/lib/tsc.js b/lib/tsc.js\n{text}"
        assert changed(whole, "".join(lines[0]).encode()) == "".join(lines[1]).encode()


@given(st.text(max_size=300))
def test_whatever_is_no_patch_is_told(text: str) -> None:
    for one in (text, PATCH + text, PATCH.replace("two", text)):
        try:
            changed(one, FILE)
        except (PatchError, UnmatchedError, UnappliedError, KeyError):
            continue


def test_patches_are_found_in_a_program() -> None:
    text = program_of().decode()
    assert patch_within(text, "typescript") == PATCH
    for broken in (
        "", text.replace("makeIdent", "made"), text.replace("function $f1", "function f1"), text.replace('Buffer.from("', 'Buffer.from("AAAA'),
        program_of(typescript="\udcff".encode("utf-8", "surrogatepass").decode("latin-1")).decode().replace("base64", "base32"),
    ):  # fmt: skip
        with pytest.raises(UnsupportedError, match="its own program") as caught:
            patch_within(broken, "typescript")
        assert caught.value.suggestions


def has_typescript(registry: NpmRegistry) -> None:
    registry.add("typescript@5.1.0", files={"lib/tsc.js": FILE, "lib.js": b"", "a.js": b"a"}, bin={"tsc": "lib/tsc.js"})


async def locked(folder: Path) -> str:
    """Lock a project of Yarn 4 that needs TypeScript, and return the lock."""
    path = folder / "shop" / "yarn.lock"
    path.unlink(missing_ok=True)
    await lock.run(LockParams(ecosystem="npm", file=str(path)), context(folder))
    return path.read_text()


async def test_the_program_is_that_of_the_project_or_of_the_registry(registry: NpmRegistry, tmp_path: Path) -> None:
    has_typescript(registry)
    wanted = {"dependencies": {"typescript": "5"}}
    shop = project(tmp_path, packageManager="yarn@4.9.2", **wanted).parent
    with pytest.raises(UnsupportedError, match=r"Yarn 4\.9\.2: .* its own program") as caught:
        await locked(tmp_path)
    assert "no @yarnpkg/cli-dist 4.9.2 in the registry" in str(caught.value.found)
    hashes = {}
    for version, patch in (("4.9.2", PATCH), (NEWEST, PATCH.replace("THREE", "3"))):
        registry.add(f"@yarnpkg/cli-dist@{version}", files={"bin/yarn.js": program_of(typescript=patch)})
        hashes[version] = hash_of(effects(patch))
    shutil.rmtree(tmp_path / "cache")
    assert f'::version=5.1.0&hash={hashes["4.9.2"]}"' in await locked(tmp_path)
    # Where none is named it is the last one that is known here; a file within the project counts before all.
    project(tmp_path, **wanted)
    (shop / ".yarnrc.yml").write_text("nodeLinker: node-modules\n")
    assert f"hash={hashes[NEWEST]}" in await locked(tmp_path)
    (shop / ".yarn" / "releases").mkdir(parents=True)
    for place in (shop / ".yarn" / "releases" / "yarn-4.9.2.cjs", tmp_path / "yarn-4.9.2.cjs"):
        place.write_bytes(program_of(typescript=PATCH.replace("THREE", "three 3")))
        (shop / ".yarnrc.yml").write_text(f"yarnPath: {os.path.relpath(place, shop)}\n")
        is_within_it = place.is_relative_to(shop)
        expected = hash_of(effects(PATCH.replace("THREE", "three 3"))) if is_within_it else hashes["4.9.2"]
        assert f"hash={expected}" in await locked(tmp_path)


async def test_programs_that_cannot_be_read(registry: NpmRegistry, tmp_path: Path) -> None:
    has_typescript(registry)
    project(tmp_path, packageManager="yarn@4.9.2", dependencies={"typescript": "5"})
    for files in ({"bin/other.js": b""}, {"bin/yarn.js": b""}, {"bin/yarn.js": b"\xff\x00"}):
        registry.add("@yarnpkg/cli-dist@4.9.2", files=files)
        with pytest.raises(UnsupportedError, match="its own program"):
            await locked(tmp_path)


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_node
async def test_yarn_takes_what_it_patches(tmp_path: Path) -> None:
    """And writes the same: where its patch fits, where it does not, and where there is none."""
    yarn = (install_node(NODE_CLIENTS) / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js").read_bytes()
    text = patch_within(yarn.decode(errors="replace"), "resolve")
    [patch] = effects(text, "1.22.8")
    [hunk] = patch.said["hunks"]
    lines = [line for part in hunk["parts"] if part["type"] != "insertion" for line in part["lines"]]
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            registry.add(f"@yarnpkg/cli-dist@{NEWEST}", files={"bin/yarn.js": yarn})
            fits = {"lib/normalize-options.js": "\n".join([*lines, ""]).encode(), "lib.js": b"", "lib/a/b.js": b"b"}
            for spec, files in (
                ("resolve@1.22.8", fits), ("resolve@1.10.0", {"index.js": b""}), ("resolve@1.8.0", fits), ("typescript@5.1.0", fits)
            ):  # fmt: skip
                registry.add(spec, files=files)
            registry.add("web@1.0.0", "resolve@~1.10")
            registry.add("other@1.0.0", "resolve@~1.8 typescript@^5 ?fsevents@~2.1 ?fsevents@^1")
            for version in ("1.2.13", "2.1.3"):
                registry.add(f"fsevents@{version}", files={"fsevents.js": b"a"}, os=["darwin"])
            registry.add("fsevents@2.3.3", files={"fsevents.js": b"a"})
            registry.add("old@1.0.0", "?fsevents@^1")
            wanted = {
                "web": "1",
                "other": "1",
                "resolve": "^1.20",
                "old": "1",
                "fsevents": "^2.2",
                "f": "npm:fsevents@~2.1",
            }
            shop = project(tmp_path, dependencies=wanted, packageManager=f"yarn@{NEWEST}").parent
            set_up_yarn_4(shop, registry)
            shutil.copytree(shop, tmp_path / "native")
            made = await locked(tmp_path)
            ended = await yarn_4(tmp_path / "native", "install", "--mode", "update-lockfile")
            assert ended.returncode == 0, ended.stdout
            assert made == (tmp_path / "native" / "yarn.lock").read_text()
            assert made.count("hash=") == 6
            ended = await yarn_4(shop, "install", "--immutable")
            assert ended.returncode == 0, ended.stdout


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_node
async def test_real_packages_that_yarn_patches(tmp_path: Path) -> None:
    wanted = {
        "typescript": "5.4.5",
        "older": "npm:typescript@4.9.5",
        "newest": "npm:typescript@5.9.2",
        "resolve": "1.22.8",
    }
    shop = project(tmp_path, dependencies=wanted, packageManager=f"yarn@{NEWEST}").parent
    (shop / ".yarnrc.yml").write_text(
        "enableTelemetry: false\nnpmMinimalAgeGate: 0\nenableGlobalCache: false\nenableScripts: false\n"
    )
    (shop / "yarn.lock").touch()
    shutil.copytree(shop, tmp_path / "native")
    with variables({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}):
        made = await locked(tmp_path)
        ended = await yarn_4(tmp_path / "native", "install", "--mode", "update-lockfile")
    assert ended.returncode == 0, ended.stdout
    assert made == (tmp_path / "native" / "yarn.lock").read_text()
    assert "hash=5adc0c" in made
