from collections.abc import Iterator

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.objects import Object
from outrider.kinds.modelprovider.model import ModelProviderSpec
from outrider.runtime.objects import Fault, ObjectSet


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check that its address is known."""
    del objects
    spec: ModelProviderSpec = item.spec
    try:
        msgspec.structs.replace(spec, provider=spec.provider or item.name).place()
    except OutriderError as error:
        error.path = ""
        yield ("spec", "url"), error
