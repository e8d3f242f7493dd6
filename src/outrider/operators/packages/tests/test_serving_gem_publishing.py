"""What gem push, yank and signin send, and what is made of it."""

import gzip
import zlib
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.http.messages import Response
from outrider.operators.packages.gem.serving.publishing import read_gem
from outrider.operators.packages.operations import registry_yank
from outrider.operators.packages.operations.registry_yank import RegistryYankParams
from outrider.operators.packages.serving.accounts import kept_password
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Account
from outrider.operators.packages.tests.clients.table import ALONE, PASSWORD
from outrider.operators.packages.tests.gem_files import GemFile, checksums, tar
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.ports.http.client import Client

GEM = GemFile()
PARTS = {"metadata.gz": gzip.compress(GEM.metadata.encode(), mtime=0), "data.tar.gz": gzip.compress(b"", mtime=0)}


class Publisher:
    """Somebody who publishes at a registry of ours."""

    def __init__(self, registry: RunningRegistry, client: Client, token: str) -> None:
        self._registry, self.client, self.token = registry, client, token

    async def push(self, body: bytes, token: str | None = None) -> Response:
        fields = {"content-type": "application/octet-stream", "authorization": token or self.token}
        return await self.client.request("POST", "/gem/api/v1/gems", headers=fields, body=body)

    async def yank(self, **fields: str) -> Response:
        headers = {"content-type": "application/x-www-form-urlencoded", "authorization": self.token}
        return await self.client.request(
            "DELETE", "/gem/api/v1/gems/yank", headers=headers, body=urlencode(fields).encode()
        )

    async def lines(self, path: str = "info/acme-web") -> list[str]:
        content = (await self.client.request("GET", f"/gem/{path}")).content.decode()
        return content.partition("---\n")[2].splitlines()


def registry(folder: Path) -> RunningRegistry:
    return RunningRegistry(folder, ALONE, ecosystems=["gem"], cache_only=True, private=["gem:acme-*"])


async def test_what_is_pushed_stands_in_the_index(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish"))
        gem = GemFile(platform="java", needs=["rake@>= 1, < 99", "core"])
        answer = await one.push(gem.packed())
        assert (answer.status, answer.content) == (200, b"Successfully registered gem: acme-web (1.0-java)")
        [line] = await one.lines()
        version, needs, facts = line.replace("|", " |").split(" ", 2)[0], *line.partition(" ")[2].split("|")
        assert (version, needs) == ("1.0-java", "core:>= 0,rake:>= 1&< 99")
        assert [fact.partition(":")[0] for fact in facts.split(",")] == ["checksum", "ruby", "rubygems", "created_at"]
        assert (await one.client.request("GET", "/gem/gems/acme-web-1.0-java.gem")).content == gem.packed()
        again = await one.push(gem.packed())
        assert again.status == 200
        await one.client.close()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "nothing is in it"), (b"nothing", "cut off"), (b"x" * 1024, "no tar file"), (GEM.packed()[:700], "cut off"), (tar({}), "nothing is in it"),
        (tar({**PARTS, "checksums.yaml.gz": gzip.compress(checksums({"data.tar.gz": b"other"}).encode(), mtime=0)}), "another SHA256"),
        (tar({**PARTS, "checksums.yaml.gz": b"no gzip"}), "no gzip file"), (tar({"data.tar.gz": PARTS["data.tar.gz"]}), "no metadata.gz"),
        (tar({"metadata.gz": PARTS["metadata.gz"]}), "no data.tar.gz"), (tar({**PARTS, "data.tar.gz": b"no gzip"}), "no gzip file"),
        (tar({**PARTS, "../x": b""}), "'../x' is in it"), (tar({"metadata.gz": PARTS["metadata.gz"]}) [:1024] + tar(PARTS), "in it twice"),
        (tar({**PARTS, "metadata.gz": gzip.compress(b"0" * (9 << 20), mtime=0)}), "larger than"), (tar({**PARTS, "metadata.gz": PARTS["metadata.gz"][:-9]}), "cut off"),
        (tar({**PARTS, "metadata.gz": gzip.compress(b"a: b: c", mtime=0)}), "cannot be read"), (tar({**PARTS, "metadata.gz": gzip.compress(b"- 1", mtime=0)}), "no mapping"),
        (GemFile(lines=["x: !ruby/object:Kernel {}"]).packed(), "does not admit"), (GemFile(lines=["x: !ruby/sym y"]).packed(), "does not admit"),
        (GemFile(lines=["x: &a [*a]"]).packed(), "alias"), (GemFile(lines=["<<: {name: rake}"]).packed(), "no text"), (GemFile(lines=[f"x: {'[' * 99}{']' * 99}"]).packed(), "nesting"),
        (GemFile(name="../x").packed(), "name: ../x"), (GemFile(name="-x").packed(), "name: -x"), (GemFile(name="7").packed(), "name: 7"),
        (GemFile(version="1-2").packed(), "version: 1-2"), (GemFile(version="x").packed(), "version: x"), (GemFile(platform="../x").packed(), "platform: ../x"),
        (GemFile(platform="7").packed(), "platform: 7"), (GemFile(needs=["a b"]).packed(), "dependencies: a b"),
        (GemFile(needs=["core@> x"]).packed(), "dependencies of core: x"), (GemFile(needs=["core@>> 1"]).packed(), "dependencies of core"),
        (GemFile(lines=["metadata: [x]"]).packed(), "metadata"), (GemFile(lines=["licenses: MIT"]).packed(), "licenses"),
        (GemFile(lines=["summary: [x]"]).packed(), "summary"), (GemFile(lines=["dependencies: [x]"]).packed(), "dependencies"),
        (GemFile(lines=["email: {a: b}"]).packed(), "email"), (GemFile(lines=["required_ruby_version: 2"]).packed(), "required_ruby_version"),
    ],
)  # fmt: skip
async def test_what_is_no_gem_is_refused_and_leaves_nothing(tmp_path: Path, body: bytes, told: str) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish"))
        answer = await one.push(body)
        assert (answer.status, told in answer.content.decode()) == (400, True), answer.content
        assert await one.lines("versions") == []
        await one.client.close()
    assert [*(tmp_path / "registry" / "blobs").glob("??/*")] == []


async def test_a_version_is_published_once(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish"))
        assert (await one.push(GEM.packed())).status == 200
        before = await one.lines()
        for other, told in (
            (GemFile(lines=["description: other"]), "there is one with another content"),
            (GemFile(version="1.0.0"), "there is 1.0, which is the same version"),
            (GemFile(name="acme-WEB"), "there is acme-web already"),
        ):
            answer = await one.push(other.packed())
            assert (answer.status, told in answer.content.decode()) == (409, True), answer.content
        assert await one.lines() == before
        assert (await one.push(GemFile(platform="java").packed())).status == 200
        assert (await one.push(GemFile(name="acme-a", platform="x-2").packed())).status == 200
        taken = await one.push(GemFile(name="acme-a-1.0-x", version="2").packed())
        assert (taken.status, b"acme-a has a file of that name" in taken.content) == (409, True)
        await one.client.close()


async def test_who_may_not_publish_is_told_so(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish", patterns=["gem:acme-core"]))
        for token, status, told in (
            (await ours.token("read"), 403, "ana may not publish it"), ("outrider_x", 401, "there is no such token"),
            (one.token, 403, "ana may not publish it"),
        ):  # fmt: skip
            answer = await one.push(GEM.packed(), token)
            assert (answer.status, told in answer.content.decode()) == (status, True)
        anonymous = await one.client.request("POST", "/gem/api/v1/gems", body=GEM.packed())
        assert (anonymous.status, b"you have to show a token" in anonymous.content) == (401, True)
        one.token = await ours.token("read", "publish")
        foreign = await one.push(GemFile(name="rake").packed())
        assert (foreign.status, b"private" in foreign.content) == (403, True)
        await one.client.close()
    audit = (tmp_path / "registry" / "audit.jsonl").read_text()
    assert audit.count('"packages.registry.publish"') == 4


async def test_what_is_taken_back_is_in_no_list_and_its_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish"))
        for gem in (GEM, GemFile(version="1.1"), GemFile(version="1.1", platform="java")):
            assert (await one.push(gem.packed())).status == 200
        assert (await one.yank(gem_name="acme-web", version="1.1", platform="java")).status == 200
        assert (await one.yank(gem_name="acme-web", version="1.1", platform="java")).status == 404
        assert [line.partition(" ")[0] for line in await one.lines()] == ["1.0", "1.1"]
        gone = await one.client.request("GET", "/gem/gems/acme-web-1.1-java.gem")
        assert (gone.status, b"gem acme-web 1.1 was taken back" in gone.content) == (404, True)
        assert (await one.client.request("GET", "/gem/gems/acme-web-1.1.gem")).status == 200
        again = await one.push(GemFile(version="1.1", platform="java").packed())
        assert (again.status, b"it was taken back" in again.content) == (409, True)
        assert [line.rpartition(" ")[0] for line in await one.lines("versions")] == ["acme-web 1.0,1.1"]
        # By whoever runs the registry, with a reason, and undone.
        params = RegistryYankParams(
            folder=str(tmp_path / "registry"), ecosystem="gem", name="acme-web", version="1.0", reason="it leaks"
        )
        await registry_yank.run(params, context(tmp_path))
        gone = await one.client.request("GET", "/gem/gems/acme-web-1.0.gem")
        assert b"was taken back: it leaks" in gone.content
        assert (await one.lines("versions"))[-1].startswith("acme-web -1.0 ")
        params.undo = True
        await registry_yank.run(params, context(tmp_path))
        assert (await one.client.request("GET", "/gem/gems/acme-web-1.0.gem")).status == 200
        assert len(await one.lines()) == 2
        for fields in ({"gem_name": "acme-web"}, {"version": "1.0"}, {f"f{at}": "1" for at in range(60)}):
            assert (await one.yank(**fields)).status == 400
        await one.client.close()


async def test_the_last_version_of_a_gem_can_be_taken_back(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = Publisher(ours, Client(ours.url), await ours.token("read", "publish"))
        await one.push(GEM.packed())
        assert await one.lines("names") == ["acme-web"]
        await one.yank(gem_name="acme-web", version="1.0")
        assert (await one.lines(), await one.lines("names")) == ([], [])
        assert (await one.lines("versions"))[-1] == "acme-web -1.0 0"
        await one.client.close()


async def test_a_key_is_what_its_user_asks_for_and_no_more_than_the_user_may(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        store = Store(tmp_path / "registry")
        user = Account("ana", kept_password(PASSWORD), "read publish", ["gem:acme-*"])
        await store.write(lambda tables: tables.put_user(user))
        one = Publisher(ours, Client(ours.url), "")

        async def key(method: str, shown: str, **fields: str) -> Response:
            headers = {"authorization": f"Basic {b64encode(shown.encode()).decode()}"}
            return await one.client.request(
                method, "/gem/api/v1/api_key", headers=headers, body=urlencode(fields).encode()
            )

        reading = await key("POST", f"ana:{PASSWORD}", name="laptop", index_rubygems="true")
        assert (await one.push(GEM.packed(), reading.content.decode())).status == 403
        pushing = await key("POST", f"ana:{PASSWORD}", name="ci", push_rubygem="true", add_owner="true")
        assert (await one.push(GEM.packed(), pushing.content.decode())).status == 200
        older = await key("GET", f"ana:{PASSWORD}")
        assert (await one.push(GemFile(version="2.0").packed(), older.content.decode())).status == 200
        assert sorted(token.label for token in store.tables.tokens()) == ["ci", "gem signin", "laptop"]
        # A token makes no other one: that would not end when it does.
        for wrong in ("ana:wrong-horse", f"x:{pushing.content.decode()}", "ana"):
            assert (await key("POST", wrong, push_rubygem="true")).status == 401
        assert (await one.client.request("POST", "/gem/api/v1/api_key")).status == 401
        await store.close()
        await one.client.close()


@given(st.data())
def test_a_gem_with_other_bytes_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(GEM.packed())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_gem(bytes(content))
    except InvalidConfigError:
        return
    assert (found.name, found.version) == ("acme-web", "1.0")


@given(st.text(alphabet=st.sampled_from(":-[]{}&*!'\"|>#\n abc01~%@"), max_size=200))
def test_any_specification_is_read_or_refused(text: str) -> None:
    packed = tar({**PARTS, "metadata.gz": gzip.compress(text.encode())})
    with pytest.raises(InvalidConfigError):
        read_gem(packed)


def test_a_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(b"x" * (1 << 20)) for _ in range(100)]) + packer.flush()
    with pytest.raises(InvalidConfigError, match="larger than"):
        read_gem(tar({**PARTS, "metadata.gz": bomb}))
