"""What Cargo has unpacked, in a vendor folder or for all projects: https://doc.rust-lang.org/cargo/guide/cargo-home.html."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.licences.installed.found import Find, Installed, Places, folders_in, is_plain, text_of
from outrider.operators.packages.licences.normalising import Licence, licence_of
from outrider.operators.packages.locks.documents import read_toml


def finder(places: Places) -> Find:
    """Return what finds crates in vendor folders of a project, and among those that were unpacked for any project."""
    home = Path(places.environment.get("CARGO_HOME") or places.home / ".cargo")
    sources = [*folders_in(home / "registry" / "src"), places.project / "vendor", *places.others]

    def find(name: str, version: str) -> Installed | None:
        if not is_plain(name) or not is_plain(version):
            return None
        # A vendor folder has the version in a name only where there are several.
        folders = [source / leaf for source in sources for leaf in (f"{name}-{version}", name)]
        return next((one for folder in folders if (one := _read(folder, name, version)) is not None), None)

    return find


def _read(folder: Path, name: str, version: str) -> Installed | None:
    text = text_of(folder / "Cargo.toml")
    try:
        package = read_toml("Cargo.toml", text).get("package") if text else None
    except InvalidConfigError:
        return None
    if not isinstance(package, dict) or (package.get("name"), package.get("version")) != (name, version):
        return None
    value = package.get("license")
    return Installed(licence_of("cargo", value) if isinstance(value, str) else Licence(), (folder,))
