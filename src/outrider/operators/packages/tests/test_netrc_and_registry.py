"""Credentials, proxies and authorities of registries, by addresses, variables and .netrc."""

from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.registries.registry import registry_at
from outrider.operators.packages.tests.machines import Machine, pip

SECRET = "correct-horse"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["", "host", "ftp://host", f"ana:{SECRET}@host/simple", f"https://ana:{SECRET}@host:port/", f"https://ana:{SECRET}@[::1/", f"https://ana:{SECRET}@:80/", "file:///x", f"//ana:{SECRET}@host"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_told_without_its_password(machine: Machine, url: str) -> None:
    machine.write("venv/pip.conf", pip(f"index-url = {url or 'x'}"))
    with pytest.raises(InvalidConfigError) as caught:
        machine.registries()
    assert SECRET not in f"{caught.value} {caught.value.body()}"
    assert "pip.conf" in str(caught.value)


def test_credentials_are_taken_out_of_an_address(machine: Machine) -> None:
    url = "https://a%40b:p%3Aw%2F=x@Host:8443/simple/?x=1#y"
    for name, value in (
        ("PIP_INDEX_URL", url),
        ("UV_DEFAULT_INDEX", url),
        ("UV_DEFAULT_INDEX", f"name={url}"),
        ("UV_INDEX", url),
    ):
        registry = machine.registries(**{name: value})[0]
        assert registry.url == "https://host:8443/simple"
        assert registry.authorization is not None
        assert registry.authorization.reveal() == "Basic YUBiOnA6dy89eA=="
        assert "YUBi" not in repr(registry)


def test_netrc(machine: Machine) -> None:
    machine.write(
        "netrc", f"machine private.example login ana password {SECRET}\nmachine other login bo password other\n"
    )
    private, other, third = machine.registries(
        PIP_INDEX_URL="http://third", PIP_EXTRA_INDEX_URL="http://private.example:81/x http://own:one@other/"
    )
    assert private.authorization is not None
    assert private.authorization.reveal() == "Basic YW5hOmNvcnJlY3QtaG9yc2U="
    assert other.authorization is not None
    assert other.authorization.reveal() == "Basic b3duOm9uZQ=="
    assert third.authorization is None
    assert SECRET not in repr(private)
    del machine.environment["NETRC"]
    assert machine.registries(PIP_INDEX_URL="http://other")[0].authorization is None
    machine.write("home/.netrc", "machine other\nlogin bo\npassword other\n")
    assert machine.registries(PIP_INDEX_URL="http://other")[0].authorization is not None


@pytest.mark.parametrize(
    "content", [f"machine host login ana passwort {SECRET}".encode(), b"\xff\xfe", f"{SECRET} x".encode()]
)
def test_a_netrc_that_cannot_be_read_is_told_without_its_content(machine: Machine, content: bytes) -> None:
    machine.write("netrc", "").write_bytes(content)
    with pytest.raises(InvalidConfigError) as caught:
        machine.registries(PIP_INDEX_URL="http://host")
    assert SECRET not in f"{caught.value} {caught.value.body()}"
    assert caught.value.suggestions


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("https://host/", {"HTTPS_PROXY": "http://p:1/"}, "http://p:1"),
        ("https://host/", {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, "http://q:2"),
        ("http://host/", {"http_proxy": "http://p:1"}, "http://p:1"),
        ("http://host/", {"HTTP_PROXY": "http://p:1"}, ""),
        ("http://host/", {"https_proxy": "http://p:1"}, ""),
        ("https://host/", {"https_proxy": "http://p:1", "no_proxy": "other, host"}, ""),
        ("https://a.host/", {"https_proxy": "http://p:1", "NO_PROXY": ".host"}, ""),
        ("https://ahost/", {"https_proxy": "http://p:1", "NO_PROXY": "host"}, "http://p:1"),
        ("https://host/", {"https_proxy": "http://p:1", "no_proxy": "*"}, ""),
        ("https://[::1]/", {"https_proxy": "http://p:1", "no_proxy": "::1"}, ""),
    ],
)
def test_proxies(url: str, variables: dict[str, str], proxy: str) -> None:
    assert registry_at(url, "here", environment=variables).proxy == proxy


def test_authorities(machine: Machine) -> None:
    machine.write("venv/pip.conf", pip("cert = /of/pip.conf"))
    for variables, path in (
        ({}, "/of/pip.conf"),
        ({"PIP_CERT": "/of/pip"}, "/of/pip"),
        ({"PIP_CERT": "/of/pip", "SSL_CERT_FILE": "/of/all"}, "/of/all"),
    ):
        assert str(machine.registries(PIP_INDEX_URL="http://host", **variables)[0].authorities) == path
