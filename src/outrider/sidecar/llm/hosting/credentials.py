"""What a secret for Amazon holds: keys to sign with, or an API key of Bedrock. No message ever shows any of it."""

import re
from collections.abc import Iterable

import msgspec

from outrider.core.codec import decode_document
from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue


class AwsKeys(msgspec.Struct, frozen=True):
    """Keys that requests are signed with.

    Attributes:
        access_key_id: Says whose they are.
        secret: The key itself.
        session: Goes with keys that hold for some hours only.
    """

    access_key_id: str
    secret: SecretValue
    session: SecretValue | None = None


class ApiKey(msgspec.Struct, frozen=True):
    """An API key of Bedrock, which is sent as it is (docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html)."""

    value: SecretValue


# By their names without case, underscores and `aws`: as environment variables, configuration files, STS and this product write them.
_NAMES = {
    "accesskeyid": "access_key_id",
    "secretaccesskey": "secret_access_key",
    "sessiontoken": "session_token",
    "bearertokenbedrock": "bearer_token",
}
_LINE = re.compile(r"(?:export\s+)?(\w+)\s*=\s*(.*)", re.ASCII)
_ACCESS_KEY_ID = re.compile(r"\w{4,128}", re.ASCII)
_TOKEN = re.compile(r"[!-~]+")
_FORMS = 'JSON {"access_key_id": ..., "secret_access_key": ...}, lines such as AWS_ACCESS_KEY_ID=..., or an API key of Bedrock'


def read_credentials(text: str) -> AwsKeys | ApiKey:
    """Return what a secret holds.

    Args:
        text: A JSON object or lines of `KEY=value` with the names of the AWS tools; anything else in one word is an API key of Bedrock.

    Raises:
        InvalidConfigError: It is none of these, or something is missing.
    """
    text = text.strip()
    if text.startswith("{"):
        return _keys(_members(text))
    lines = [match for line in text.splitlines() if (match := _LINE.fullmatch(line.strip()))]
    if any(_known(match[1]) for match in lines):
        return _keys((match[1], match[2].strip().strip("\"'")) for match in lines)
    if not _TOKEN.fullmatch(text):
        raise _not_readable("it is none of the forms")
    if re.fullmatch(r"A[KS]IA[A-Z0-9]{16}", text):
        raise _not_readable("it is the id of an access key without its secret")
    return ApiKey(SecretValue(text))


def _members(text: str) -> Iterable[tuple[str, str]]:
    try:
        document = decode_document(text.encode("utf-8", "surrogatepass"))
    except InvalidConfigError:
        # What is wrong with it could show a part of it.
        raise _not_readable("it is no JSON object with each key once") from None
    inner = document.get("Credentials", document)  # as STS answers
    if not isinstance(inner, dict):
        raise _not_readable("it is a JSON object without keys")
    return ((name, value if isinstance(value, str) else "") for name, value in inner.items() if value is not None)


def _known(name: str) -> str | None:
    return _NAMES.get(name.lower().replace("_", "").removeprefix("aws"))


def _keys(pairs: Iterable[tuple[str, str]]) -> AwsKeys | ApiKey:
    found: dict[str, str] = {}
    for name, value in pairs:
        known = _known(name)
        if known in found:
            raise _not_readable(f"it has {known} twice")
        if known is not None and value:
            found[known] = value
    wrong = [name for name, value in found.items() if not _TOKEN.fullmatch(value)]
    if wrong or not _ACCESS_KEY_ID.fullmatch(found.get("access_key_id", "none")):
        raise _not_readable(f"{wrong[0] if wrong else 'access_key_id'} is no value of its kind")
    keys = [name for name in ("access_key_id", "secret_access_key") if name in found]
    if "bearer_token" in found:
        if keys:
            raise _not_readable("it has an API key and keys to sign with; one of them is used")
        return ApiKey(SecretValue(found["bearer_token"]))
    if len(keys) < 2:
        missing = "access_key_id" if "access_key_id" not in keys else "secret_access_key"
        raise _not_readable(f"{missing} is missing")
    session = found.get("session_token")
    return AwsKeys(
        found["access_key_id"], SecretValue(found["secret_access_key"]), SecretValue(session) if session else None
    )


def _not_readable(why: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the secret for Amazon cannot be used: {why}", expected=_FORMS, suggestions=["store it in one of these forms"]
    )
