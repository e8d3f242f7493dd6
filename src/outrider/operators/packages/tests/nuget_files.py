"""Packages of NuGet for tests, made without NuGet."""

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

import msgspec

_NAMESPACE = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"
BOUNDARY = "a-boundary"


class NugetFile(msgspec.Struct):
    """A package.

    Attributes:
        name: Its id.
        version: As its manifest writes it.
        needs: Dependencies for any framework, each as `NAME@RANGE`.
        more: Further elements of its manifest.
        manifest: In place of what would be.
        files: Further ones.
    """

    name: str = "Acme.Web"
    version: str = "1.0.0"
    needs: list[str] = []
    more: str = ""
    manifest: bytes = b""
    files: dict[str, bytes] = msgspec.field(default_factory=lambda: {"lib/netstandard1.0/_._": b""})

    def nuspec(self) -> bytes:
        """Return its manifest."""
        needs = "".join(
            f"<dependency id={quoteattr(name)} version={quoteattr(text)} />"
            for name, _, text in (one.partition("@") for one in self.needs)
        )
        return (
            self.manifest
            or (
                f'<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="{_NAMESPACE}"><metadata><id>{escape(self.name)}</id>'
                f"<version>{escape(self.version)}</version><authors>Ana</authors><description>a web of things</description>{self.more}"
                f"<dependencies>{needs}</dependencies></metadata></package>"
            ).encode()
        )

    def packed(self) -> bytes:
        """Return its file."""
        return archive({f"{self.name}.nuspec": self.nuspec(), **self.files})


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def form(content: bytes, count: int = 1) -> bytes:
    """Return what nuget push sends."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: form-data; name=package; "
    part = f"{head}filename=package.nupkg; filename*=utf-8''package.nupkg\r\n\r\n".encode() + content + b"\r\n"
    return part * count + f"--{BOUNDARY}--\r\n".encode()
