"""The fields of a model as table rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.pages.markdown import anchor, code
from outrider.surfaces.fields import FieldRow, FieldWords, Model, description, nested

__all__ = ["HEADER", "description", "nested", "rows", "schema_type"]
HEADER = ("field", "type", "default", "meaning")


def rows(model: Model, headings: Mapping[Model, str]) -> Iterator[FieldRow]:
    """Yield a row per field; types that have a heading of their own are linked."""
    return FieldWords(
        code, lambda part: f"[{part.__name__}]({anchor(headings[part])})" if part in headings else part.__name__
    ).rows(model)


def schema_type(schema: dict[str, Any]) -> str:
    """Return the type of a field of a JSON Schema, with its bounds."""
    return FieldWords(code).schema_type(schema)
