"""A bucket of keys and values, each changed only by who has read its last revision."""

import contextlib
from collections.abc import Callable

from nats.js import api
from nats.js.errors import BadRequestError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from outrider.core.errors import UnavailableError
from outrider.ports.nats.connection import FAULTS, Connection, translate

# So often somebody else may have changed a key between our reading and our writing.
MOST_TRIES = 100


class Bucket:
    """A bucket of JetStream.

    Args:
        connection: To its servers.
        name: Of the bucket; it is made where it is not there.
        lasts: Seconds after which a value that was not changed is deleted.
    """

    def __init__(self, connection: Connection, name: str, lasts: float) -> None:
        self._connection, self._name, self._lasts = connection, name, lasts
        self._bucket: KeyValue | None = None

    async def change(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Replace a value, which is empty where there is none; `change` is called again where somebody else was faster.

        Raises:
            OutriderError: The servers do not answer, or others are faster without end.
        """
        try:
            bucket = await self._opened()
            for _ in range(MOST_TRIES):
                if await self._changed(bucket, key, change):
                    return
        except FAULTS as error:
            raise translate(error, self._connection.name) from error
        raise UnavailableError(
            f"bucket {self._name} of {self._connection.name}: '{key}' is changed by others all the time",
            found=f"{MOST_TRIES} tries", retry_after=1.0,
        )  # fmt: skip

    async def _changed(self, bucket: KeyValue, key: str, change: Callable[[bytes], bytes]) -> bool:
        try:
            entry: KeyValue.Entry | None = await bucket.get(key)
            value = entry.value if entry is not None else None
        except KeyNotFoundError as error:  # one that was deleted has a last revision too
            entry, value = error.entry, None
        revision = (entry.revision or 0) if entry is not None else 0
        try:
            await bucket.update(key, change(value or b""), last=revision)
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _opened(self) -> KeyValue:
        if self._bucket is None:
            jetstream = self._connection.jetstream
            try:  # who may not make one gets no answer to that, even where it is there
                self._bucket = await jetstream.key_value(self._name)
            except BucketNotFoundError:
                config = api.KeyValueConfig(bucket=self._name, ttl=self._lasts)
                with contextlib.suppress(BadRequestError):  # another one was faster
                    await jetstream.create_key_value(config)
                self._bucket = await jetstream.key_value(self._name)
        return self._bucket
