"""What an agent remembers from one task to the next."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.objects import Name
from outrider.core.quantities import Duration, Size
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import MemoryType
from outrider.kinds.agenttype.models import Alias


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


class MemorySummary(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Older messages of a session are summed up by a model as soon as the session is too long.

    Attributes:
        route: Of the model that does it.
        above: Tokens; a session that counts more is shortened.
        keep: About how many tokens of its newest messages stay as they are; the newest one always does.
        instructions: What matters to this agent, besides what every summary is asked for.
    """

    route: Alias
    above: Annotated[int, msgspec.Meta(ge=500, examples=[8000])]
    keep: Annotated[int, msgspec.Meta(ge=0, examples=[2000])]
    instructions: str = ""

    def __post_init__(self) -> None:
        if self.keep >= self.above:
            raise InvalidConfigError(
                "what stays of a session is less than what it may count", path="keep", found=f"keep: {self.keep}, above: {self.above}",
                expected=f"less than {self.above}", suggestions=["keep about a quarter of what it may count"],
            )  # fmt: skip


class Memory(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Something that the agent remembers; it uses it by tools called `NAME_...`.

    Attributes:
        name: Of the memory.
        type: `conversation` keeps messages by session, `kv` values by key, `vector` texts that are found by their meaning.
        retention: What was written longer ago is deleted.
        quota: How much it may hold.
        store: Where it is kept, if not in files of the sidecar.
        embedding: Route of the model that makes vectors of texts; without one the agent brings them.
        summary: When a model sums up older messages of a conversation; without it the agent does.
    """

    name: Name
    type: MemoryType
    retention: Duration | None = None
    quota: MemoryQuota = msgspec.field(default_factory=MemoryQuota)
    store: MemoryStore | None = None
    embedding: str = ""
    summary: MemorySummary | None = None
