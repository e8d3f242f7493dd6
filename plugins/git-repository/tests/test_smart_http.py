"""The protocol: its framing under any input, its refs against those that git itself prints, and TLS."""

import datetime as dt
import ipaddress
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import module

T = TypeVar("T")
LIMIT = 200_000
FIXTURES = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SPACES = st.sampled_from([b" ", b"  ", b"\t"])
OID = st.text("0123456789abcdef", min_size=40, max_size=40).map(str.encode)
# What git's protocols hold, whole and in pieces, in any order.
FRAGMENTS = st.sampled_from(
    [b"0000", b"0001", b"0002", b"0003", b"0004", b"0005", b"000e", b"003d", b"fff0", b"fff1", b"ffff", b"FFF0", b"+0ff",
     b"0x1f", b" 1f0", b"version 2\n", b"version 1\n", b"# service=git-upload-pack\n", b"ERR no\n", b"1" * 40, b" ",
     b"refs/heads/main", b"refs/tags/v1^{}", b"\0", b"\n", b"ls-refs", b"object-format=md5", b"peeled:" + b"2" * 40]
)  # fmt: skip
STREAMS = st.lists(FRAGMENTS | st.binary(max_size=20), max_size=30).map(b"".join)


@pytest.fixture
def smart(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("git-repository", "smart_http", monkeypatch)


class Pieces:
    """Gives out bytes in pieces of given sizes, as a network does, and counts them."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data = data
        self.sizes = sizes
        self.given = 0

    def read(self, count: int) -> bytes:
        if self.sizes:
            count = min(count, self.sizes.pop())
        piece = self.data[self.given : self.given + count]
        self.given += len(piece)
        return piece


SIZES = st.lists(st.integers(1, 9), max_size=40)


@FIXTURES
@given(items=st.lists(st.binary(max_size=300) | st.integers(0, 2), max_size=20), sizes=SIZES)
def test_packets_survive_the_way_in_any_pieces(smart: ModuleType, items: list[bytes | int], sizes: list[int]) -> None:
    data = b"".join(smart.packet(item) if isinstance(item, bytes) else b"%04d" % item for item in items)
    assert list(smart.packets(Pieces(data, sizes).read, LIMIT)) == items


def test_the_largest_packet_is_one(smart: ModuleType) -> None:
    data = smart.packet(b"x" * 65516)
    assert data[:4] == b"fff0"
    assert [len(item) for item in smart.packets(Pieces(data, []).read, 65520)] == [65516]
    with pytest.raises(smart.ProtocolError, match="more than 65519 bytes"):
        list(smart.packets(Pieces(data, []).read, 65519))
    with pytest.raises(ValueError, match="at most 65516"):
        smart.packet(b"x" * 65517)


@FIXTURES
@given(data=STREAMS, sizes=SIZES, limit=st.integers(0, 500))
def test_any_bytes_are_packets_or_refused_within_the_limit(
    smart: ModuleType, data: bytes, sizes: list[int], limit: int
) -> None:
    pieces = Pieces(data, sizes)
    taken = 0
    try:
        for item in smart.packets(pieces.read, limit):
            taken += 4 if isinstance(item, int) else len(item) + 4
    except smart.ProtocolError:
        pass
    else:
        assert taken == len(data)
    assert taken <= limit
    assert pieces.given <= limit + 4  # the length that was too much


def read_or_refused(smart: ModuleType, read: Callable[..., T], data: bytes, wanted: object) -> T | None:
    """Return what is read; nothing where it is refused, in words that may be shown."""
    try:
        return read(smart.packets(Pieces(data, []).read, LIMIT), wanted)
    except smart.ProtocolError as error:
        message = str(error)
    assert message.isprintable()
    return None


@FIXTURES
@given(data=STREAMS)
def test_any_bytes_are_refs_or_refused(smart: ModuleType, data: bytes) -> None:
    wanted = smart.Wanted(["refs/heads/*"])
    for read in (smart.read_advertisement, smart.read_listing):
        found = read_or_refused(smart, read, data, wanted)
        assert not isinstance(found, dict) or all(ref in wanted and len(found[ref]) in (40, 64) for ref in found)


@FIXTURES
@given(
    lines=st.lists(
        st.binary(max_size=60) | st.builds(b"%s%s%s".__mod__, st.tuples(OID, SPACES, st.binary(max_size=30)))
    )
)
def test_any_lines_are_refs_or_refused(smart: ModuleType, lines: list[bytes]) -> None:
    data = b"".join(map(smart.packet, lines)) + b"0000"
    found = read_or_refused(smart, smart.read_listing, data, smart.Wanted(["*"]))
    assert found is None or len(found) <= len(lines)


def test_more_refs_than_can_be_kept_are_refused(smart: ModuleType) -> None:
    def answer(count: int, folder: bytes) -> bytes:
        return b"".join(smart.packet(b"1" * 40 + b" refs/%s/%d\n" % (folder, n)) for n in range(count)) + b"0000"

    wanted, limit = smart.Wanted(["refs/heads/*"]), 10 * LIMIT
    assert len(smart.read_listing(smart.packets(Pieces(answer(5000, b"heads"), []).read, limit), wanted)) == 5000
    assert smart.read_listing(smart.packets(Pieces(answer(6000, b"pull"), []).read, limit), wanted) == {}
    with pytest.raises(smart.ProtocolError, match="more than 5000 refs match"):
        smart.read_listing(smart.packets(Pieces(answer(5001, b"heads"), []).read, limit), wanted)


def test_a_server_that_names_no_kind_of_hash_is_not_told_one(smart: ModuleType) -> None:
    wanted = smart.Wanted(["refs/heads/main"])
    assert b"object-format" not in smart.listing_request(wanted, b"")
    assert b"object-format=sha256\n" in smart.listing_request(wanted, b"sha256")


def git(folder: Path, *arguments: str, text: str = "") -> str:
    if shutil.which("git") is None:
        pytest.fail("git is not in PATH: these tests need it, install git")
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "Ana",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }  # fmt: skip
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, input=text).stdout


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with many refs of all kinds, some with names that few would choose."""
    folder = tmp_path_factory.mktemp("many")
    git(folder, "init", "--quiet", "--bare", "-b", "main")
    tree = git(folder, "mktree").strip()
    commits = [git(folder, "commit-tree", tree, "-m", str(number)).strip() for number in range(5)]
    names = [
        "main",
        "main2",
        "a/b/c",
        "ü/ß",
        "x" * 200,
        "it's",
        "a{b}",
        "-",
        "a.b",
        "@x",
        "日本",
        *map(str, range(300)),
    ]
    kinds = ("heads", "tags", "pull", "heads/tags")
    refs = [f"refs/{kind}/{name}" for kind in kinds for name in names if (kind, name) != ("heads/tags", "-")]
    commands = [f"create {ref} {commits[number % 5]}\n" for number, ref in enumerate(refs)]
    git(folder, "update-ref", "--stdin", text="".join(commands))
    for number, commit in enumerate(commits):
        git(folder, "tag", "-a", "-m", "notes", f"annotated-{number}", commit)
    git(folder, "tag", "-a", "-m", "of a tag", "annotated-5", "annotated-4")
    return folder


def advertised(smart: ModuleType, folder: Path, wanted: object, version: int) -> dict[str, str]:
    """Return the refs as read from what `git upload-pack` itself writes."""

    def ask(*arguments: str, body: bytes = b"") -> bytes:
        environment = {"PATH": os.environ["PATH"], "GIT_PROTOCOL": f"version={version}"}
        command = ["git", "upload-pack", *arguments, str(folder)]
        return subprocess.run(command, env=environment, check=True, capture_output=True, input=body).stdout

    answer = ask("--http-backend-info-refs")
    found = smart.read_advertisement(smart.packets(Pieces(answer, []).read, LIMIT), wanted)
    if version == 2:
        answer = ask("--stateless-rpc", body=smart.listing_request(wanted, found))
        found = smart.read_listing(smart.packets(Pieces(answer, []).read, LIMIT), wanted)
    assert isinstance(found, dict)
    return found


@pytest.mark.real
@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(
    ("patterns", "keep"),
    [
        (["refs/heads/main"], lambda ref: ref == "refs/heads/main"),
        (["refs/heads/*"], lambda ref: ref.startswith("refs/heads/")),
        (["refs/heads/1?", "refs/tags/*9"], lambda ref: (ref[:-1] == "refs/heads/1" or (ref[:10] == "refs/tags/" and ref[-1] == "9"))),
        (["refs/tags/annotated-*"], lambda ref: ref.startswith("refs/tags/annotated-")),
        (["refs/heads/none"], lambda _: False),
    ],
    ids=["one", "all branches", "some", "annotated", "none"],
)  # fmt: skip
def test_refs_are_those_that_git_prints(
    smart: ModuleType, many: Path, version: int, patterns: list[str], keep: Callable[[str], bool]
) -> None:
    expected: dict[str, str] = {}
    for line in git(many, "ls-remote", str(many)).splitlines():
        commit, ref = line.split("\t")
        if keep(ref.removesuffix("^{}")):
            expected[ref.removesuffix("^{}")] = commit  # the line of the commit follows that of its tag
    assert advertised(smart, many, smart.Wanted(patterns), version) == expected


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the URL of an HTTPS server and the certificate that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "git.example")])
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - hour, now + hour)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    with HTTPServer(("127.0.0.1", 0), OneBranch) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/shop.git", pem
        server.shutdown()
        thread.join()


class OneBranch(BaseHTTPRequestHandler):
    """A repository with one branch."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        self.wfile.write(b"003d" + b"1" * 40 + b" refs/heads/main\n0000")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.mark.real
def test_https_with_a_certificate_that_is_trusted(
    smart: ModuleType, secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    remote = smart.Remote(url, {}, smart.Wanted(["refs/heads/main"]))
    assert remote.read(5) == {"refs/heads/main": "1" * 40}
    assert remote.read(5) == {"refs/heads/main": "1" * 40}


@pytest.mark.real
def test_https_with_a_certificate_that_is_not(smart: ModuleType, secure: tuple[str, Path]) -> None:
    with pytest.raises(smart.RemoteError, match="CERTIFICATE_VERIFY_FAILED"):
        smart.Remote(secure[0], {}, smart.Wanted(["refs/heads/main"])).read(5)
