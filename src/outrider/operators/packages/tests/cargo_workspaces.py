"""Workspaces of Cargo and a registry for them, drawn by chance: their members need each other, folders, and crates in all ways."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from outrider.operators.packages.tests.cargo_projects import RANGES, filled
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_KINDS = (
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "target.x86.dependencies",
    "target.x86.dev-dependencies",
)
# The first has the name of a crate too.
_NAMES = ("beta", "web", "api", "core-of-all", "m4")
_VERSIONS = ("0.1.0", "1.0.0", "1.2.0-rc.1", "0.3.0+b1")
_RUSTS = (None, None, "1.60", "1.72", "1.77.1", "1.99")
# How often a requirement is drawn that no version may meet.
_SPOILT = 0.01


class Place(NamedTuple):
    """A package to be.

    Attributes:
        name: Of it.
        folder: Its folder, from the root.
        version: Of it.
    """

    name: str
    folder: str
    version: str


_OTHERS = (Place("tool", "tools/tool", "0.5.0"), Place("helper", "../helper", "0.1.0"))


def add_package(folder: Path, name: str, tables: str, head: str = 'version = "0.3.0"') -> Path:
    """Have a package, and return its Cargo.toml."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").touch()
    (folder / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nedition = "2021"\n{head}\n{tables}\n')
    return folder / "Cargo.toml"


def draw_workspace(random: Random, registry: CargoRegistry, root: Path) -> None:
    """Fill a registry, and have a workspace, with a package at its root or without one."""
    _Drawer(random, registry).draw(root)


class _Drawer:
    def __init__(self, random: Random, registry: CargoRegistry) -> None:
        self._random, self._registry = random, registry
        self._crates = filled(random, registry)
        for name, lines in registry.lines.items():
            registry.lines[name] = [self._with_rust(line) for line in lines]
        self._shared = random.sample(self._crates, random.randint(1, 4))
        self._members = [
            Place(name, random.choice([f"crates/{name}", f"crates/{name}", name]), random.choice(_VERSIONS))
            for name in random.sample(_NAMES, random.randint(2, 5))
        ]

    def _with_rust(self, line: bytes) -> bytes:
        return msgspec.json.encode({**msgspec.json.decode(line), "rust_version": self._random.choice(_RUSTS)})

    def draw(self, root: Path) -> None:
        for at, one in enumerate(self._members):
            version = "version.workspace = true" if self._by_chance(0.3) else f'version = "{one.version}"'
            rust = self._random.choice(["", "", "", 'rust-version = "1.70"', "rust-version.workspace = true"])
            add_package(root / one.folder, one.name, "\n".join(self._tables(one, at)), f"{version}\n{rust}")
        for one in _OTHERS:
            add_package(root / one.folder, one.name, "\n".join(self._other(one)), f'version = "{one.version}"')
        text = "\n".join(self._workspace())
        if self._by_chance(0.5):
            tables = "\n".join(self._tables(Place("shop", ".", "0.3.0"), -1))
            add_package(root, "shop", f"{tables}\n{text}")
        else:
            (root / "Cargo.toml").write_text(text)

    def _workspace(self) -> Iterator[str]:
        listed = [one.folder for one in self._random.sample(self._members, len(self._members))]
        if self._by_chance(0.5) and any(one.startswith("crates/") for one in listed):
            listed = [one for one in listed if not one.startswith("crates/")]
            listed.insert(self._random.randint(0, len(listed)), "crates/*")
        yield f'[workspace]\nmembers = {listed}\nexclude = ["tools"]\nresolver = "{self._random.choice("1233")}"'
        yield '[workspace.package]\nversion = "0.9.0"\nrust-version = "1.77"\n[workspace.dependencies]'
        for name in self._shared:
            features = self._random.choice(["", ', features = ["extra"]', ', features = ["all"]'])
            usual = self._random.choice(["", "", ", default-features = false", ", default-features = true"])
            written = f'version = "{self._range(name)}"{features}{usual}'
            yield f"{name} = {{ {written} }}" if features or usual else f'{name} = "{self._range(name)}"'
            yield f'named-{name} = {{ package = "{name}", {written} }}'
        for one in self._members:
            yield f'{one.name}-here = {{ path = "{one.folder}", package = "{one.name}" }}'
        yield 'helper = { path = "../helper", default-features = false }'

    def _tables(self, own: Place, at: int) -> Iterator[str]:
        optional: list[str] = []
        for kind in _KINDS:
            yield f"[{kind}]"
            yield from self._needed(kind, optional)
            # What is built must not need itself, and what is tested may.
            above = self._members if kind.endswith("dev-dependencies") else self._members[at + 1 :]
            pool = [*above, *_OTHERS]
            for one in self._random.sample(pool, min(len(pool), self._random.choice((0, 0, 1, 2)))):
                yield self._local(own, one, kind)
        yield from self._features(optional)

    def _other(self, own: Place) -> Iterator[str]:
        """Yield the tables of a package that is no member, whose tests do not count."""
        optional: list[str] = []
        for kind in ("dependencies", "dev-dependencies"):
            yield f"[{kind}]"
            for line in self._needed(kind, optional):
                yield line if "workspace" not in line else ""
        if own.name == "tool" and self._by_chance(0.5):
            yield '[dependencies.helper]\npath = "../../../helper"\noptional = true'
            optional.append("helper")
        yield from self._features([one for one in optional if one == "helper"])

    def _local(self, own: Place, one: Place, kind: str) -> str:
        is_member = one not in _OTHERS
        if is_member and self._by_chance(0.3):
            return f"{one.name}-here = {{ workspace = true }}"
        if one.name == "helper" and self._by_chance(0.5):
            return 'helper = { workspace = true, features = ["more"] }'
        depth = 0 if own.folder == "." else len(own.folder.split("/"))
        features = self._random.choice(["", ', features = ["more"]', ", default-features = false"])
        version = "" if is_member else self._random.choice(["", f', version = "{one.version}"'])
        path = f'path = "{"../" * depth}{one.folder}"'
        return f'x{_KINDS.index(kind)}-{one.name} = {{ package = "{one.name}", {path}{version}{features} }}'

    def _needed(self, kind: str, optional: list[str]) -> Iterator[str]:
        for name in self._random.sample(self._crates, self._random.choice((0, 0, 1, 1, 2))):
            form, left_out = self._random.randrange(6), ""
            if kind == "dependencies" and self._by_chance(0.3):
                left_out = ", optional = true"
                optional.append(name)
            if form < 3 and name in self._shared:
                more = self._random.choice(
                    ["", ', features = ["all"]', ', features = ["extra"]', ", default-features = true"]
                )
                yield f"{name} = {{ workspace = true{more}{left_out} }}"
            elif form == 3 and not left_out:
                written = f'package = "{name}", version = "{self._range(name)}", default-features = false'
                yield f"y{_KINDS.index(kind)}-{name} = {{ {written} }}"
            else:
                features = self._random.choice(["all", "extra"])
                yield f'{name} = {{ version = "{self._range(name)}", features = ["{features}"]{left_out} }}'

    def _features(self, optional: list[str]) -> Iterator[str]:
        yield '[features]\nmore = []\nusual = ["more"]'
        for name in optional:
            feature = "more" if name == "helper" else "all"
            yield f'with-{name} = ["{name}{self._random.choice(["", "?"])}/{feature}"]'
            yield self._random.choice(["", f'{name}-too = ["dep:{name}"]'])
        if self._by_chance(0.3):
            yield 'default = ["usual"]'

    def _range(self, name: str) -> str:
        """Return a requirement that some version of a crate meets, but now and then any."""
        versions = [msgspec.json.decode(line)["vers"] for line in self._registry.lines[name.lower()]]
        table = VersionTable(scheme_of("cargo"), versions)
        return self._random.choice([one for one in RANGES if table.mask(one) or self._by_chance(_SPOILT)])

    def _by_chance(self, share: float) -> bool:
        return self._random.random() < share
