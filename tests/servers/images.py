"""Small images for pods of tests, made without a container engine."""

import shutil
from pathlib import Path

from outrider.local.cluster.images import ImageConfig, layer, write_archive

BUSYBOX = "docker.io/library/busybox:1"


def busybox_archive(file: Path) -> Path:
    """Write an image with a shell, and return the file."""
    found = shutil.which("busybox")
    assert found is not None, "apt-get install busybox-static"
    program = Path(found).read_bytes()
    names = (
        "sh",
        "cat",
        "sleep",
        "nc",
        "nslookup",
        "echo",
        "ls",
        "id",
        "kill",
        "touch",
        "env",
        "date",
        "head",
        "tail",
        "true",
        "false",
        "tar",
        "mv",
        "rm",
        "wc",
        "chmod",
        "mkdir",
        "httpd",
    )
    files = {f"bin/{name}": (program, 0o755) for name in ("busybox", *names)} | {"tmp/.keep": (b"", 0o644)}
    write_archive(file, BUSYBOX, [layer(files)], ImageConfig(command=["sh"], environment={"PATH": "/bin"}))
    return file
