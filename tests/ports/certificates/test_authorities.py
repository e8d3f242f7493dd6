"""Authorities of other people's servers: read once, and again when their file is another one."""

from pathlib import Path

import pytest

from outrider.ports.certificates.authorities import context_for
from tests.ports.http.authority import Authority


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    mine, other = Authority(tmp_path, "mine"), Authority(tmp_path / "other", "other")
    context = context_for(mine.file)
    assert context_for(mine.file) is context
    mine.file.write_bytes(other.file.read_bytes())
    assert context_for(mine.file).get_ca_certs() == context_for(other.file).get_ca_certs() != context.get_ca_certs()


def test_those_of_the_machine_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert context_for() is context_for()
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert context_for().get_ca_certs() == context_for(authority.file).get_ca_certs()


def test_what_is_no_file_of_certificates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        context_for(tmp_path / "none.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    with pytest.raises(OSError, match="no certificate"):
        context_for(tmp_path / "text.pem")
