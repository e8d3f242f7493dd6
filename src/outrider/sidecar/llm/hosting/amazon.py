"""What all ways to models at Amazon have in common: keys and signatures, the region, and how errors are told.

Endpoints and names of services: anthropic/lib/bedrock and openai/providers/bedrock.py of the SDKs.
"""

import re
from typing import Any

from outrider.core.codec import decode_plain
from outrider.core.errors import InvalidConfigError
from outrider.core.model_endpoints import REGION_PATTERN
from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.llm.dialects import error_document
from outrider.sidecar.llm.hosting.credentials import ApiKey, AwsKeys, read_credentials
from outrider.sidecar.llm.hosting.host import Host, Outgoing, Reading
from outrider.sidecar.llm.hosting.sigv4 import Request, sign
from outrider.sidecar.proxy.messages import CONTENT_TYPE, JSON, Field, with_content_type

LONGEST_ERROR = 64 * 1024
# Fields of AWS itself, of which a client must choose none: they sign, and some of Bedrock's set the price.
OF_AMAZON = (b"x-amz-", b"x-amzn-")
_REGION = re.compile(REGION_PATTERN)
_MANTLE = "bedrock-mantle"
# Errors whose status says something else in the dialects: a quota that is used up is no wrong request, and a model that
# failed (424) has failed as a server does.
_STATUS = {"ServiceQuotaExceededException": 429, "ModelErrorException": 500, "ModelStreamErrorException": 500}


def region_in(host: str) -> str:
    """Return the region in a host's name, such as `bedrock-runtime.eu-west-1.amazonaws.com`; empty where there is none."""
    return next((label for label in host.lower().split(".") if _REGION.fullmatch(label)), "")


def error_code(fields: list[Field], document: Any) -> str:
    """Return the name of an error (`RestJSONParser` in botocore/parsers.py); empty where there is none."""
    told = next((value.decode("latin-1") for name, value in fields if name == b"x-amzn-errortype"), "")
    for key in ("__type", "code", "Code"):
        if not told and isinstance(document, dict) and isinstance(document.get(key), str):
            told = document[key]
    return told.partition(":")[0].rpartition("#")[2]


def error_message(document: Any) -> str:
    """Return the message of an error; empty where there is none."""
    found = (
        [document.get(key) for key in ("message", "Message", "originalMessage")] if isinstance(document, dict) else []
    )
    told = [text for text in found if isinstance(text, str) and text]
    return ": ".join(dict.fromkeys(told))


class AmazonHost(Host):
    """A provider at Amazon.

    Args:
        dialect: What its clients speak.
        host: Its name.
        base: Path of its address.
        region: Where it is; empty where the name says it.

    Raises:
        InvalidConfigError: Nothing says the region.
    """

    def __init__(self, dialect: Dialect, host: str, base: bytes, *, region: str = "") -> None:
        found = region or region_in(host)
        if not _REGION.fullmatch(found):
            raise InvalidConfigError(
                f"the AWS region of {host} is not known", path="region", found=region or "no region", expected="a region such as eu-west-1",
                suggestions=["set region", "write the address as https://bedrock-runtime.REGION.amazonaws.com"],
            )  # fmt: skip
        self._dialect, self._base, self._region = dialect, base, found
        self._service = _MANTLE if _MANTLE in host.lower().split(".") else "bedrock"
        self._keys: AwsKeys | ApiKey | None = None

    def use_key(self, key: str) -> None:
        """Take keys to sign with, or an API key of Bedrock."""
        self._keys = read_credentials(key)

    def fields_at_send(self, asked: Outgoing, authority: bytes, moment: float) -> list[Field]:
        """Return the field with the API key, or those that sign the request; of its fields only the type is signed."""
        keys = self._keys
        if keys is None:
            return []
        if isinstance(keys, ApiKey):
            return [(b"authorization", b"Bearer " + keys.value.reveal().encode())]
        fields = [(b"host", authority), *(field for field in asked.fields if field[0] == CONTENT_TYPE)]
        request = Request(b"POST", asked.path, fields, asked.body)
        return sign(request, keys, region=self._region, service=self._service, moment=moment)

    def status(self, status: int, fields: list[Field]) -> int:
        """Return the status that an error would have at a provider of the dialect."""
        return _STATUS.get(error_code(fields, None), status) if status >= 400 else status

    def read(self, status: int, fields: list[Field]) -> Reading | None:
        """Return what reads an error; another answer passes as it is."""
        if status < 400:
            return None
        said = fields.copy()
        fields[:] = with_content_type(fields, JSON)
        return ErrorReading(self._dialect, self.status(status, said), said)


class ErrorReading:
    """An error of Amazon on its way to a client.

    Args:
        dialect: The client's.
        status: What it means.
        fields: Of the answer.
    """

    __slots__ = ("_body", "_dialect", "_fields", "_status", "fault", "problem")

    def __init__(self, dialect: Dialect, status: int, fields: list[Field]) -> None:
        self._dialect, self._status, self._fields = dialect, status, fields
        self._body = bytearray()
        self.problem, self.fault = "", b""

    def feed(self, data: bytes) -> bytes:
        """Wait for the end; of more than any error has, nothing is kept."""
        if len(self._body) <= LONGEST_ERROR:
            self._body += data
        return b""

    def end(self) -> bytes:
        """Return the error in the client's dialect; one that is written in a dialect already stays as it is."""
        body = bytes(self._body)
        try:
            document = decode_plain(body)
        except InvalidConfigError:
            document = {"message": body[:500].decode(errors="replace").strip()}
        if isinstance(document, dict) and isinstance(document.get("error"), dict):
            return body
        code = error_code(self._fields, document)
        message = error_message(document) or f"the provider answered with status {self._status}"
        return error_document(
            self._dialect, self._status, code or "provider_error", f"{code}: {message}" if code else message
        )
