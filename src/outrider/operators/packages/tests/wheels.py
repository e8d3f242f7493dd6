"""Wheels that tests make: small, right, and with whatever is wanted within."""

import hashlib
import io
import zipfile
from collections.abc import Sequence

import msgspec


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel, and what its index says of it.

    Attributes:
        project: As its metadata writes it.
        version: Likewise.
        needs: Values of Requires-Dist.
        extras: That it has.
        python: What Requires-Python says.
        tag: For what it is.
        yanked: Why it was taken back; None where it was not.
        content: In place of what would be made.
        uploaded: When, as pages in JSON say it; empty where they do not.
        licence: What License-Expression says.
        classifiers: Values of Classifier.
        summary: One line about it.
    """

    project: str
    version: str
    needs: Sequence[str] = ()
    extras: Sequence[str] = ()
    python: str = ""
    tag: str = "py3-none-any"
    yanked: str | None = None
    content: bytes = b""
    uploaded: str = ""
    licence: str = ""
    classifiers: Sequence[str] = ()
    summary: str = ""

    @property
    def stem(self) -> str:
        return f"{self.project.replace('-', '_')}-{self.version}"

    @property
    def name(self) -> str:
        return f"{self.stem}-{self.tag}.whl"

    @property
    def metadata(self) -> str:
        """METADATA as text."""
        return "\n".join(
            [
                "Metadata-Version: 2.1",
                f"Name: {self.project}",
                f"Version: {self.version}",
                *([f"Summary: {self.summary}"] if self.summary else []),
                *([f"Requires-Python: {self.python}"] if self.python else []),
                *([f"License-Expression: {self.licence}"] if self.licence else []),
                *(f"Classifier: {one}" for one in self.classifiers),
                *(f"Provides-Extra: {extra}" for extra in self.extras),
                *(f"Requires-Dist: {need}" for need in self.needs),
                "",
                "A project of the tests.",
            ]
        )

    def packed(self) -> bytes:
        """Return the file."""
        folder = f"{self.stem}.dist-info"
        module = f"{self.project.replace('-', '_')}.py"
        files = {
            module: f"VERSION = {self.version!r}\n".encode(),
            f"{folder}/METADATA": self.metadata.encode(),
            f"{folder}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {self.tag}\n".encode(),
        }
        record = "".join(f"{name},,\n" for name in (*files, f"{folder}/RECORD"))
        return self.content or packed({}, {**files, f"{folder}/RECORD": record.encode()})


def packed(stored: dict[str, bytes], deflated: dict[str, bytes]) -> bytes:
    """Return a zip file with some files as they are, and others deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for method, files in ((zipfile.ZIP_STORED, stored), (zipfile.ZIP_DEFLATED, deflated)):
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    """Return the hash that indexes name."""
    return hashlib.sha256(content).hexdigest()
