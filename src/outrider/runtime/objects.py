"""Reading a folder of YAML into checked objects, with every fault of every file at once."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path as FilePath
from typing import Any

from outrider.core.errors import (
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    collected,
    did_you_mean,
)
from outrider.core.objects import Envelope, Object
from outrider.core.registry import Registry
from outrider.core.schema import convert
from outrider.core.source import NO_SOURCE, Path, SourceMap, format_path
from outrider.runtime.discovery import load
from outrider.runtime.documents import Document, read_file
from outrider.runtime.overlays import overlaid, overlay_folder
from outrider.runtime.plugins.catalogue import Catalogue

Fault = tuple[Path, OutriderError]
Validator = Callable[[Object, "ObjectSet"], Iterator[Fault]]


class ObjectSet:
    """Objects that are valid together, and the plugins that they may name.

    Attributes:
        catalogue: The plugins at hand.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._objects: dict[tuple[str, str], Object] = {}
        self._sources: dict[tuple[str, str], SourceMap] = {}
        self._beside: set[tuple[str, str]] = set()

    def __iter__(self) -> Iterator[Object]:
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def add(self, item: Object, source: SourceMap = NO_SOURCE) -> None:
        """Add an object.

        Raises:
            InvalidConfigError: One of its kind and name is there already.
        """
        key = (item.kind, item.name)
        if key in self._objects:
            raise InvalidConfigError(
                f"{item.ref} is declared twice",
                path="metadata.name",
                source=source.value(("metadata", "name")),
                found=f"first at {self._objects[key].source}",
                suggestions=["rename or remove one of them"],
            )
        self._objects[key] = item
        self._sources[key] = source

    def add_beside(self, item: Object) -> None:
        """Add an object that is there already, unless one that was added takes its place."""
        key = (item.kind, item.name)
        if key not in self._objects:
            self._beside.add(key)
            self.add(item)

    def declared(self) -> list[Object]:
        """Return the objects without those that were there already."""
        return [item for key, item in self._objects.items() if key not in self._beside]

    def find(self, kind: str, name: str) -> Object | None:
        """Return an object, or None."""
        return self._objects.get((kind, name))

    def of_kind(self, kind: str) -> list[Object]:
        """Return the objects of one kind, by name."""
        return [self._objects[key] for key in sorted(self._objects) if key[0] == kind]

    def reference_fault(self, kind: str, name: str, path: Path) -> Iterator[Fault]:
        """Yield the fault of a field at `path` that names an object which is not there."""
        if self.find(kind, name) is None:
            known = [item.name for item in self.of_kind(kind)]
            yield (
                path,
                InvalidConfigError(
                    f"{format_path(path)}: no {kind} is called '{name}'",
                    found=name,
                    expected=", ".join(known) or f"a {kind}",
                    suggestions=did_you_mean(name, known) or [f"declare a {kind} named '{name}'"],
                ),
            )

    def source(self, item: Object) -> SourceMap:
        """Return the places of an object's fields."""
        return self._sources[item.kind, item.name]


def read_objects(
    folder: FilePath, registry: Registry, catalogue: Catalogue, *, overlay: str = "", beside: Iterable[Object] = ()
) -> ObjectSet:
    """Read every `*.yaml` and `*.yml` of a folder (not of its subfolders), or one file.

    Args:
        folder: The folder or the file.
        registry: The kinds.
        catalogue: The plugins at hand.
        overlay: Name of a folder below `overlays` whose documents are merged over those of the folder.
        beside: As `parse_objects`.

    Raises:
        NotFoundError: There is no such folder, or nothing in it.
        InvalidConfigError: With every fault of every file, first in the file first.
    """
    documents: Iterable[Document] = _documents_of(folder)
    if overlay:
        documents = overlaid(documents, _documents_of(overlay_folder(folder, overlay), below=folder))
    return parse_objects(documents, registry, catalogue, beside=beside)


def parse_objects(
    documents: Iterable[Document], registry: Registry, catalogue: Catalogue, *, beside: Iterable[Object] = ()
) -> ObjectSet:
    """Turn documents into objects and check them, alone and together.

    Args:
        documents: What is declared.
        registry: The kinds.
        catalogue: The plugins at hand.
        beside: Objects that are there already; a document of the same kind and name takes the place of one.

    Returns:
        The objects of the documents and those beside them.

    Raises:
        InvalidConfigError: With every fault.
    """
    objects = ObjectSet(catalogue)
    faults: list[OutriderError] = []
    for document in documents:
        try:
            objects.add(parse_object(document.data, registry, document.source, str(document.position)), document.source)
        except OutriderError as error:
            faults.extend(error.causes or [error])
    for item in beside:
        objects.add_beside(item)
    for item in objects:
        faults.extend(_cross_faults(item, objects, registry))
    if faults:
        raise collected(faults)
    return objects


def parse_object(data: Any, registry: Registry, source: SourceMap = NO_SOURCE, position: str = "") -> Object:
    """Turn plain data into an object of its kind.

    Raises:
        InvalidConfigError: With every fault of this object.
    """
    envelope = convert(data, Envelope, source=source)
    declaration = registry.kinds.get(envelope.kind)
    if declaration is None or declaration.api_version != envelope.api_version:
        raise _unknown_kind(envelope, registry, source)
    spec = convert(envelope.spec, load(declaration.model), source=source, base=("spec",))
    return Object(
        api_version=envelope.api_version, kind=envelope.kind, metadata=envelope.metadata, spec=spec, source=position
    )


def _unknown_kind(envelope: Envelope, registry: Registry, source: SourceMap) -> OutriderError:
    declaration = registry.kinds.get(envelope.kind)
    if declaration is not None:
        return InvalidConfigError(
            f"apiVersion: {envelope.kind} is not known in this version",
            path="apiVersion",
            source=source.value(("apiVersion",)),
            found=envelope.api_version,
            expected=declaration.api_version,
            suggestions=[f"write apiVersion: {declaration.api_version}"],
        )
    return InvalidConfigError(
        f"kind: no kind is called '{envelope.kind}'",
        path="kind",
        source=source.value(("kind",)),
        found=envelope.kind,
        expected=", ".join(sorted(registry.kinds)),
        suggestions=did_you_mean(envelope.kind, registry.kinds),
    )


def _cross_faults(item: Object, objects: ObjectSet, registry: Registry) -> Iterator[OutriderError]:
    reference = registry.kinds[item.kind].validate
    if not reference:
        return
    validate: Validator = load(reference)
    source = objects.source(item)
    for path, error in validate(item, objects):
        for fault in error.causes or [error]:
            if source is NO_SOURCE:
                fault.message = f"{item.ref}: {fault.message}"  # it has no place in a file that would say so
            fault.path = fault.path or format_path(path)
            fault.source = fault.source or (
                source.key(path) if "unknown field" in fault.message else source.value(path)
            )
            yield fault


def _is_other_list(data: Any) -> bool:
    """Return whether a document is a list of something else, such as the answers of a script: objects stand in no list."""
    return isinstance(data, list) and not any(
        isinstance(one, dict) and one.keys() & {"apiVersion", "kind"} for one in data
    )


def _documents_of(folder: FilePath, *, below: FilePath | None = None) -> Iterator[Document]:
    """Yield the documents of a folder; in errors its files are named as seen from `below`, the folder itself if absent."""
    if folder.is_file():
        yield from read_file(folder, shown_as=folder.name)
        return
    if not folder.is_dir():
        raise NotFoundError(
            f"{folder}: no such folder", found=str(folder), suggestions=["name a folder that holds outrider.yaml"]
        )
    files = sorted(
        {*folder.glob("*.yaml"), *folder.glob("*.yml")}, key=lambda path: (path.stem != "outrider", path.name)
    )
    if not files:
        raise NotFoundError(
            f"{folder}: there is no .yaml file in it", found="no .yaml file", suggestions=["create outrider.yaml in it"]
        )
    faults: list[OutriderError] = []
    for path in files:
        try:
            documents = read_file(path, shown_as=str(path.relative_to(below or folder)))
            yield from (document for document in documents if not _is_other_list(document.data))
        except OutriderError as error:
            faults.append(error)
    if faults:
        raise collected(faults)
