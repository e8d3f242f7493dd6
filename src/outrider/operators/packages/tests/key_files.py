"""Keys on disk, made by openssl."""

import subprocess
from functools import cache
from pathlib import Path

ED25519 = ("-algorithm", "ed25519")
P256 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
P384 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


def openssl(*arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run openssl."""
    return subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, timeout=30, check=False)


@cache
def key_pair(kind: tuple[str, ...], number: int = 0) -> tuple[bytes, bytes]:
    """Return a private key and its public one; the same for the same number."""
    del number
    private = openssl("genpkey", *kind).stdout
    return private, openssl("pkey", "-pubout", given=private).stdout


def write_keys(folder: Path, kind: tuple[str, ...] = ED25519, number: int = 0) -> tuple[Path, Path]:
    """Write a key that only its owner may read, and its public part; return both files."""
    files = folder / f"key-{number}.pem", folder / f"key-{number}.pub"
    files[0].touch(0o600)
    for file, content in zip(files, key_pair(kind, number), strict=True):
        file.write_bytes(content)
    return files
