"""A family to call in tests: registered by name and by aliases with presets, with operations that have aliases too."""

from outrider.core.manifest import Manifest, read_manifest
from outrider.core.registry import Package, Registry

SHOP = """
[family]
name = "shop"
title = "Shop"
summary = "Goods"
aliases = [{ name = "books", preset = { shelf = "books" } }, { name = "music", preset = { shelf = "music" } }]

[[family.operations]]
name = "get"
effect = "read"
summary = "Show goods"
positional = ["kind", "name"]
aliases = [{ name = "get_novels", preset = { kind = "novels" } }, { name = "get_films", preset = { shelf = "films" } }]

[[family.operations]]
name = "put_back"
effect = "write"
summary = "Put goods back"
"""


def manifest(text: str = SHOP) -> Manifest:
    return read_manifest(text, "manifest.toml")


def registry() -> Registry:
    return Registry([Package("outrider.operators.shop", manifest())])
