"""Installs the Debian packages that the tests use, as root; else prints the one line that would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "bwrap": "bubblewrap",
    "node": "nodejs",
    "npm": "npm",
    "curl": "curl",
    "git": "git",
    "strace": "strace",
    "go": "golang-go",
    "redis-server": "redis-server",
    "podman": "podman",
    "ssh": "openssh-client",
    "prometheus": "prometheus",
    "runc": "runc",
    "rsyslogd": "rsyslog",
    "dnsmasq": "dnsmasq-base",
    "nft": "nftables",
    "ip": "iproute2",
    "pkg-config": "pkg-config",
    "cc": "gcc",
    "openssl": "openssl",
    "busybox": "busybox-static",
    "mmdebstrap": "mmdebstrap",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "cargo": "cargo",
    "ruby": "ruby",
    "php": "php-cli",
    "composer": "composer",
    "bundle": "bundler",
    "mvn": "maven",
    "java": "default-jdk-headless",
    "mono": "mono-runtime",
    "xbuild": "mono-xbuild",
    "rpm": "rpm",
}
# What nuget.exe loads besides, which Mono has in packages of its own.
MONO_LIBRARIES = [
    f"libmono-{name}-cil"
    for name in (
        "microsoft-build-utilities-v4.0-4.0", "microsoft-csharp4.0", "system-componentmodel-composition4.0",
        "system-data-services-client4.0", "system-io-compression4.0", "system-net-http4.0", "system-servicemodel4.0a",
        "system-xml-linq4.0", "windowsbase4.0",
    )
]  # fmt: skip


def main() -> int:
    """Install what is missing; a missing package stops nothing here, its tests say what they could not run."""
    missing = sorted(package for program, package in PACKAGES.items() if shutil.which(program, path=_path()) is None)
    if PACKAGES["mono"] in missing:
        missing += MONO_LIBRARIES
    if not any(Path("/usr/include").glob("seccomp.h")):
        missing += ["libseccomp-dev", "libc6-dev"]
    if not Path("/usr/include/dpkg/version.h").is_file():
        missing.append("libdpkg-dev")
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        missing.append("postgresql")
    if not missing:
        return 0
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(f"some tests need system packages:  sudo {' '.join(command)}\n")
        return 0
    sys.stderr.write(f"installing system packages: {' '.join(missing)}\n")
    quiet: dict[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    if subprocess.run(command, check=False, **quiet).returncode != 0:
        sys.stderr.write(f"that did not work; by hand:  sudo {' '.join(command)}\n")
    return 0


def _path() -> str:
    """Return where programs are; Debian keeps some out of the path of many users."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"


if __name__ == "__main__":
    sys.exit(main())
