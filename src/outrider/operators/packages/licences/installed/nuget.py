"""What NuGet keeps of what it fetched: https://learn.microsoft.com/nuget/reference/nuspec#license."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.licences.installed.found import Find, Installed, Places, is_plain, text_of
from outrider.operators.packages.licences.normalising import Licence, licence_of
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.xml_properties import child_text


def finder(places: Places) -> Find:
    """Return what finds packages in the folder of the user, and in further ones."""
    folders = (Path(places.environment.get("NUGET_PACKAGES") or places.home / ".nuget" / "packages"), *places.others)

    def find(name: str, version: str) -> Installed | None:
        identifier, number = name.lower(), version.lower()
        if not is_plain(identifier) or not is_plain(number):
            return None
        for packages in folders:
            folder = packages / identifier / number
            text = text_of(folder / f"{identifier}.nuspec")
            if text:
                return Installed(_licence(text), (folder,))
        return None

    return find


def _licence(text: str) -> Licence:
    try:
        metadata = read_xml("nuspec", text).find("metadata")
    except InvalidConfigError:
        return Licence()
    if metadata is None:
        return Licence()
    licence = metadata.find("license")
    if licence is not None and licence.get("type") == "expression":
        return licence_of("nuget", (licence.text or "").strip())
    if licence is not None:
        # The address beside it leads to a page that says so, for clients that know no licence files.
        return Licence(raw=f"SEE LICENSE IN {(licence.text or '').strip()}")
    return licence_of("nuget", child_text(metadata, "licenseUrl"))
