import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.distributions import apk, dpkg, rpm, rpm_berkeley, rpm_ndb, rpm_sqlite
from outrider.operators.packages.distributions.os_release import read_os_release
from outrider.operators.packages.distributions.releases import advised_release, release_in, release_of
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.package_urls import package_url, url_of
from outrider.operators.packages.tests.root_files import berkeley, entry, header, ndb, paragraph

DEBIAN, ROCKY = release_of("debian", "12"), release_of("rocky", "9.3")
BASH = header(name="bash", version="5.1.8", release="6.el9", arch="x86_64", source="bash-5.1.8-6.el9.src.rpm")
SHOP = header(2, name="libshop", version="1.4", release="3", arch="noarch", source="shop-1.4-3.nosrc.rpm")
KEY = header(name="gpg-pubkey", version="fd431d51", release="4ae0493b")


def said(lock: Lock) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    return [(one.name, one.version, one.advised_as) for one in lock.packages]


@pytest.mark.parametrize(
    ("text", "advisories", "distro"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "Debian:12", "debian-12"),
        ("ID=ubuntu\nVERSION_ID='22.04'\n", "Ubuntu:22.04", "ubuntu-22.04"),
        ("ID=alpine\nVERSION_ID=3.19.1\n", "Alpine:v3.19", "alpine-3.19.1"),
        ("ID=wolfi\nVERSION_ID=20230201\n", "Wolfi", "wolfi-20230201"),
        ('ID="rhel"\nVERSION_ID="9.3"\n', "Red Hat:enterprise_linux:9", "rhel-9.3"),
        ('ID="rocky"\nVERSION_ID="9.3"\n', "Rocky Linux:9", "rocky-9.3"),
        ('ID="almalinux"\nVERSION_ID="9.3"\n', "AlmaLinux:9", "almalinux-9.3"),
        ('ID="sles"\nVERSION_ID="15.5"\n', "SUSE:Linux Enterprise 15 SP5", "sles-15.5"),
        ('ID="sles"\nVERSION_ID="15"\n', "SUSE:Linux Enterprise 15", "sles-15"),
        ('ID="opensuse-leap"\nVERSION_ID="15.5"\n', "openSUSE:Leap 15.5", "opensuse-leap-15.5"),
        ('# c\nID=centos\nVERSION_ID="7"\nNAME=$(x)\n', "the distribution centos 7", "centos-7"),
        ("ID=debian\n", "the distribution debian", "debian"),
        ("ID=npm\n", "the distribution npm", "npm"),
        ("ID=../etc\n", "an unknown distribution", ""),
        ("", "the distribution linux", "linux"),
    ],
)
def test_what_a_root_says_it_is(text: str, advisories: str, distro: str) -> None:
    found = read_os_release(text.encode())
    assert (found.advisories, found.distro) == (advisories, distro)


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("Debian:12", "Debian:12"),
        ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
        ("Ubuntu:Pro:22.04:LTS", "Ubuntu:22.04"),
        ("Ubuntu:23.10", "Ubuntu:23.10"),
        ("Ubuntu:Pro:FIPS-updates:22.04:LTS", "Ubuntu:Pro:FIPS-updates:22.04:LTS"),
        ("Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9"),
        ("Red Hat:enterprise_linux:10.0", "Red Hat:enterprise_linux:10"),
        ("Red Hat:rhel_eus:9.2::baseos", "Red Hat:rhel_eus:9.2::baseos"),
        ("SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:Linux Enterprise 15 SP5"),
        ("SUSE:Linux Enterprise Server 12 SP5-LTSS", "SUSE:Linux Enterprise 12 SP5"),
        ("SUSE:Linux Enterprise Server 15", "SUSE:Linux Enterprise 15"),
        ("SUSE:Linux Enterprise Micro 5.3", "SUSE:Linux Enterprise Micro 5.3"),
        ("SUSE:Linux Enterprise Live Patching 15 SP5", "SUSE:Linux Enterprise Live Patching 15 SP5"),
        ("npm", None),
        ("Maven:https://repo.example", None),
    ],
)
def test_what_ecosystems_are_about(name: str, release: str | None) -> None:
    assert advised_release(name) == release


@pytest.mark.parametrize(
    ("namespace", "distro", "advisories"),
    [
        ("debian", "debian-12.5", "Debian:12"),
        ("debian", "bookworm", "Debian:12"),
        ("debian", "12", "Debian:12"),
        ("redhat", "redhat-9.2", "Red Hat:enterprise_linux:9"),
        ("opensuse", "opensuse-leap-15.5", "openSUSE:Leap 15.5"),
        ("wolfi", "wolfi", "Wolfi"),
        ("", "fedora-39", "the distribution fedora 39"),
    ],
)
def test_what_package_urls_say_of_releases(namespace: str, distro: str, advisories: str) -> None:
    found = release_in(namespace, distro)
    assert found is not None
    assert found.advisories == advisories


def test_dpkg_tells_sources_and_what_is_gone() -> None:
    text = "".join(
        (
            paragraph("bash", "5.2-1", Description="a shell\n Package: none\n .\n Version: 0"),
            paragraph("libc6", "2.36-9+b1", Source="glibc (2.36-9)", Architecture="i386"),
            paragraph("libcurl4", "7.88", Source="curl"),
            paragraph("old", "1", Status="deinstall ok config-files"),
            paragraph("half", "1", Status="install reinstreq half-installed"),
            paragraph(
                "image", "6.1.1-2", Source="linux-signed-amd64 (6.1.1+2)", Built_Using="linux (= 6.1.1-2), x (= 1)"
            ),
        )
    )
    lock = dpkg.read([text.encode()], DEBIAN)
    assert said(lock) == [
        ("debian/bash", "5.2-1", (("bash", "5.2-1"),)),
        ("debian/half", "1", (("half", "1"),)),
        (
            "debian/image", "6.1.1-2", (("linux", "6.1.1-2"), ("x", "1"), ("linux-signed-amd64", "6.1.1+2")),
        ),
        ("debian/libc6", "2.36-9+b1", (("glibc", "2.36-9"),)),
        ("debian/libcurl4", "7.88", (("curl", "7.88"),)),
    ]  # fmt: skip
    assert lock.unreadable == ()


def test_what_dpkg_has_for_two_architectures_is_one_package() -> None:
    text = paragraph("libc6", "2.36") + paragraph("libc6", "2.36", Architecture="i386")
    [found] = dpkg.read([text.encode()], DEBIAN).packages
    assert found.packed is not None
    assert found.packed.architecture == ""


def test_what_is_cut_off_or_wrong_is_told() -> None:
    text = paragraph("bash", "5.2-1") + "Package: cut\nStatus: install ok installed\n\n" + "Version: 1\n\n"
    text += (
        paragraph("huge", "9" * 5000)
        + paragraph("odd", "1", Source="two words here")
        + "Package: \xff\nVersion: 1\x07\n"
    )
    lock = dpkg.read([text.encode("latin-1")], DEBIAN)
    assert [one.name for one in lock.packages] == ["debian/bash"]
    assert len(lock.unreadable) == 5
    assert apk.read(b"P:x\n\nV:1\n\n", release_of("alpine", "3.19")).packages == ()


def test_apk_tells_origins() -> None:
    text = entry("musl", "1.2.4-r2", "musl") + entry("libcurl", "8.5.0-r0", "curl") + entry("own", "1-r0").rstrip()
    assert said(apk.read(text.encode(), release_of("alpine", "3.19"))) == [
        ("alpine/libcurl", "8.5.0-r0", (("curl", "8.5.0-r0"),)),
        ("alpine/musl", "1.2.4-r2", (("musl", "1.2.4-r2"),)),
        ("alpine/own", "1-r0", (("own", "1-r0"),)),
    ]
    [found] = apk.read(entry("libcurl", "8-r0", "curl").encode(), release_of("wolfi", "1")).packages
    assert found.advised_as == (("curl", "8-r0"), ("libcurl", "8-r0"))


def test_rpm_tells_sources_and_epochs_and_keeps_no_keys() -> None:
    lock = rpm.read([BASH, SHOP, KEY, b"\0"], ROCKY)
    assert said(lock) == [
        ("rocky/bash", "5.1.8-6.el9", (("bash", "5.1.8-6.el9"),)),
        ("rocky/libshop", "2:1.4-3", (("shop", "2:1.4-3"), ("libshop", "2:1.4-3"))),
    ]
    assert lock.unreadable == ("package 4: a header of RPM is cut off",)


def test_the_epoch_of_a_source_is_that_of_what_has_its_version() -> None:
    source = "perl-5.32.1-481.el9.src.rpm"
    errno = header(name="perl-Errno", version="1.30", release="481.el9", source=source)
    digest = header(1, name="perl-Digest", version="6", release="481.el9", source=source)
    libs = header(4, name="perl-libs", version="5.32.1", release="481.el9", source=source)
    for blobs in ([errno, digest, libs], [libs, digest, errno]):
        assert {one.advised_as[0] for one in rpm.read(blobs, ROCKY).packages} == {("perl", "4:5.32.1-481.el9")}
    # Where nobody tells it, it is none, whatever epoch the package has.
    assert {one.advised_as[0] for one in rpm.read([errno, digest], ROCKY).packages} == {("perl", "5.32.1-481.el9")}
    for one in (*rpm.read([errno, digest, libs], ROCKY).packages, *rpm.read([errno, digest], ROCKY).packages):
        assert package_url(url_of(one)).packed == one.packed


def test_headers_are_found_in_databases() -> None:
    large = header(name="large", version="1" * 3000, release="1")
    assert list(rpm_ndb.headers(ndb(BASH, SHOP))) == [BASH, SHOP]
    for order in "<>":
        assert list(rpm_berkeley.headers(berkeley(BASH, large, order=order))) == [BASH, large]


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (rpm_ndb.headers, b""),
        (rpm_ndb.headers, b"x" * 8192),
        (rpm_ndb.headers, ndb(BASH)[:-16]),
        (rpm_ndb.headers, ndb(BASH)[:100]),
        (rpm_ndb.headers, ndb(BASH).replace(b"bash", b"dash", 1)),
        (rpm_berkeley.headers, b""),
        (rpm_berkeley.headers, b"x" * 512),
        (rpm_berkeley.headers, berkeley(BASH)[:-1]),
        (rpm_berkeley.headers, berkeley(SHOP).replace(b"\3\0\0\0\2", b"\3\0\0\0\1")),
        (rpm_berkeley.headers, berkeley(SHOP).replace(b"\3\0\0\0\2", b"\3\0\0\0\xff")),
        (lambda content: rpm_sqlite.headers(content, b""), b"SQLite format 3\0"),
        (lambda content: rpm_sqlite.headers(content, b""), b"text"),
    ],
)  # fmt: skip
def test_damaged_databases_are_refused(headers: "object", content: bytes) -> None:
    assert callable(headers)
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        list(headers(content))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_in_databases_nothing_breaks(data: st.DataObject) -> None:
    for made, headers in ((ndb, rpm_ndb.headers), (berkeley, rpm_berkeley.headers)):
        content = bytearray(made(BASH, SHOP))
        for _ in range(data.draw(st.integers(0, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        try:
            found = list(headers(bytes(content[: data.draw(st.integers(0, len(content)))])))
        except InvalidConfigError:
            continue
        rpm.read(found, ROCKY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_is_in_text_and_headers_nothing_breaks(content: bytes) -> None:
    read_os_release(b"ID=" + content)
    dpkg.read([b"Package: a\nVersion: 1\n\n" + content], DEBIAN)
    apk.read(b"P:a\nV:1\n" + content, DEBIAN)
    rpm.read([content, BASH[: len(content)], BASH[:8] + content], ROCKY)
