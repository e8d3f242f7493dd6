"""What an agent remembers from one task to the next."""

from typing import Annotated

import msgspec

from outrider.core.objects import Name
from outrider.core.quantities import Duration, Size
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import MemoryType


class MemoryQuota(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How much a memory may hold; without a field any number.

    Attributes:
        entries: Messages, values or texts.
        size: Of all of them, with keys, metadata and vectors.
    """

    entries: Annotated[int, msgspec.Meta(ge=1)] | None = None
    size: Size | None = None


class MemoryStore(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A database in place of the sidecar's own files.

    Attributes:
        url: Of PostgreSQL (for vectors with pgvector) or Redis (for vectors with search).
        password: Secret with the password.
    """

    url: Annotated[
        str,
        msgspec.Meta(pattern=r"^(postgres(ql)?|rediss?)://\S+$", examples=["postgresql://agent@db.internal/memory"]),
    ]
    password: SecretRef | None = None


class Memory(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Something that the agent remembers; it uses it by tools called `NAME_...`.

    Attributes:
        name: Of the memory.
        type: `conversation` keeps messages by session, `kv` values by key, `vector` texts that are found by their meaning.
        retention: What was written longer ago is deleted.
        quota: How much it may hold.
        store: Where it is kept, if not in files of the sidecar.
        embedding: Route of the model that makes vectors of texts; without one the agent brings them.
    """

    name: Name
    type: MemoryType
    retention: Duration | None = None
    quota: MemoryQuota = msgspec.field(default_factory=MemoryQuota)
    store: MemoryStore | None = None
    embedding: str = ""
