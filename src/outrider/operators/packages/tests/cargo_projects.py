"""Projects of Cargo and a registry for them, drawn by chance, with crates that Cargo can fetch and build."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from outrider.core.http.messages import Response
from outrider.operators.packages.tests.cargo_registry import CargoRegistry, need

VERSIONS = ("0.1.0", "0.1.1", "0.2.0", "1.0.0", "1.2.0", "1.10.0", "2.0.0")
RANGES = ("0.1", "0.2", "1", ">=0.1, <2", "*", "=1.2.0", "~1.2", "<1.5")


def add_crate(registry: CargoRegistry, spec: str, *needs: str | dict[str, Any], **fields: Any) -> None:
    """Have a version with its file, in which nothing is, so that Cargo can build it."""
    name, _, version = spec.partition("@")
    deps = [need(one) if isinstance(one, str) else one for one in needs]
    lines = [f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n[features]']
    lines += [f"{key} = {values}" for key, values in fields.get("features", {}).items()]
    for one in deps:
        lines.append(f'[dependencies.{one["name"]}]\nversion = "{one["req"]}"\nfeatures = {one["features"]}')
        lines += ["optional = true"] if one["optional"] else []
        lines += [] if one["default_features"] else ["default-features = false"]
        lines += [f'package = "{one["package"]}"'] if one.get("package") else []
    content = crate_packed(f"{name}-{version}", {"Cargo.toml": "\n".join(lines), "src/lib.rs": ""})
    registry.downloads = registry.url.removesuffix("/index") + "/crates"
    registry.add(spec, *deps, cksum=sha256(content).hexdigest(), **fields)
    registry.answers[f"/crates/{name}/{version}/download"] = lambda _: Response(200, body=content)


def crate_packed(folder: str, files: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def project(folder: Path, dependencies: str, head: str = "") -> Path:
    """Have a project, and return its Cargo.toml."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").touch()
    text = f'[package]\nname = "shop"\nversion = "0.3.0"\nedition = "2021"\n{head}\n{dependencies}\n'
    (folder / "Cargo.toml").write_text(text)
    return folder / "Cargo.toml"


def cargo(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Cargo with the settings that are in a home of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "CARGO_HOME": str(home),
        "CARGO_TERM_COLOR": "never",
        "RUSTC_BOOTSTRAP": "1",
    }
    environment |= {name: os.environ[name] for name in ("RUSTUP_HOME", "RUSTUP_TOOLCHAIN") if name in os.environ}
    return subprocess.run(
        ["cargo", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def drawn(random: Random, registry: CargoRegistry) -> str:
    """Fill a registry, and return the dependencies of a project."""
    return "\n".join(_tables(random, filled(random, registry)))


def filled(random: Random, registry: CargoRegistry) -> list[str]:
    """Fill a registry, and return the names of its crates."""
    names = ["alpha", "beta", "gamma", "delta", "shop-core", "Epsilon"]
    for at, name in enumerate(names):
        for version in random.sample(VERSIONS, random.randint(2, len(VERSIONS))):
            others = random.sample(names[at + 1 :], min(len(names) - at - 1, random.randint(0, 2)))
            needs = [
                need(f"{random.choice(['', '', '?'])}{one}@{random.choice(('*', '>=0.1', '<2', '1', '0.1'))}")
                for one in others
            ]
            optional = [f"dep:{one['name']}" for one in needs if one["optional"]]
            registry.add(
                f"{name}@{version}", *needs, features={"extra": [], "default": []}, features2={"all": optional}, v=2
            )
    return names


def _tables(random: Random, names: list[str]) -> Iterable[str]:
    kinds = ("dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(windows)'.dependencies")
    optional = ""
    for kind in kinds:
        yield f"[{kind}]"
        for name in random.sample(names, random.randint(0, 2)):
            requirement = random.choice(RANGES)
            form = random.randrange(4)
            if form == 0:
                yield f'{name} = "{requirement}"'
            elif form == 1:
                yield f'{name} = {{ version = "{requirement}", features = ["all"] }}'
            elif form == 2:
                yield f'other-{name}-{kinds.index(kind)} = {{ package = "{name}", version = "{requirement}", default-features = false }}'
            elif kind == "dependencies":
                optional = name
                yield f'{name} = {{ version = "{requirement}", optional = true }}'
    yield f'[features]\nmore = ["dep:{optional}", "{optional}/all"]' if optional else "[features]"
