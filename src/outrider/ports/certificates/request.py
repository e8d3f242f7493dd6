"""A new key and its signing request; as a program, so that an agent need not load what it takes:

python -m outrider.ports.certificates.request KEY_FILE
"""

import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from outrider.core.errors import OutriderError
from outrider.ports.certificates.pem import key_pem
from outrider.ports.secrets.private_files import write_private


def new_request(key_file: Path) -> str:
    """Make an EC P-256 key, write it with mode 0600 in place of what the file held, and return a signing request (PEM).

    The request names nobody: who the holder is says the enrolment token, or the certificate that is being renewed.

    Raises:
        DeniedError: The folder may not be written.
        ExecutionFailedError: The disk is full or broken.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    write_private(key_file, key_pem(key))
    return request.public_bytes(Encoding.PEM).decode()


def main(arguments: list[str]) -> int:
    """Run as a program: the request goes to stdout, an error to stderr with its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m outrider.ports.certificates.request KEY_FILE\n")
        return 2
    try:
        sys.stdout.write(new_request(Path(arguments[0])))
    except OutriderError as error:
        sys.stderr.write(f"error[{error.code}] {error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
