"""Files of gems for tests, as gem build writes them."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence

import msgspec


class GemFile(msgspec.Struct, kw_only=True):
    """A gem.

    Attributes:
        needs: Dependencies, each as `NAME@REQUIREMENT, REQUIREMENT`.
        lines: Further lines of the specification.
        licences: As its author has written them.
        files: Contents by path.
    """

    name: str = "acme-web"
    version: str = "1.0"
    platform: str = "ruby"
    needs: Sequence[str] = ()
    lines: Sequence[str] = ()
    licences: Sequence[str] = ("MIT",)
    files: Mapping[str, str] = {}

    @property
    def full_name(self) -> str:
        """Name, version and platform."""
        return f"{self.name}-{self.version}{'' if self.platform == 'ruby' else f'-{self.platform}'}"

    @property
    def metadata(self) -> str:
        """The specification."""
        needs = [line for one in self.needs for line in _need(one)]
        return "\n".join([
            "--- !ruby/object:Gem::Specification", f"name: {self.name}", "version: !ruby/object:Gem::Version",
            f"  version: '{self.version}'", f"platform: {self.platform}", "authors:", "- Ana", "date: 2026-01-31 00:00:00.000000000 Z",
            "dependencies:" if needs else "dependencies: []", *needs, "email:", f"licenses: [{', '.join(self.licences)}]", "metadata: {}", "require_paths:", "- lib",
            *_requirement("required_ruby_version", ">= 0", ""), *_requirement("required_rubygems_version", ">= 0", ""),
            "rubygems_version: 3.3.15", "specification_version: 4", "summary: a web of things", *self.lines, "",
        ])  # fmt: skip

    def packed(self) -> bytes:
        """The file."""
        content = tar({f"{path}": text.encode() for path, text in self.files.items()})
        parts = {"metadata.gz": _gzip(self.metadata.encode()), "data.tar.gz": _gzip(content)}
        return tar({**parts, "checksums.yaml.gz": _gzip(checksums(parts).encode())})


def checksums(parts: Mapping[str, bytes]) -> str:
    """Return what a gem says of the hashes of its parts."""
    lines = [f"  {name}: {hashlib.sha256(content).hexdigest()}" for name, content in parts.items()]
    return "\n".join(["---", "SHA256:", *lines, ""])


def tar(parts: Mapping[str, bytes]) -> bytes:
    """Return a tar file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _need(text: str) -> list[str]:
    name, _, requirement = text.partition("@")
    lines = [
        "- !ruby/object:Gem::Dependency",
        f"  name: {name}",
        *_requirement("requirement", requirement or ">= 0", "  "),
    ]
    return [*lines, "  type: :runtime", "  prerelease: false"]


def _requirement(field: str, text: str, indent: str) -> list[str]:
    lines = [f"{indent}{field}: !ruby/object:Gem::Requirement", f"{indent}  requirements:"]
    for word in text.split(","):
        operator, _, version = word.strip().rpartition(" ")
        lines += [
            f'{indent}  - - "{operator or "="}"',
            f"{indent}    - !ruby/object:Gem::Version",
            f"{indent}      version: '{version}'",
        ]
    return lines
