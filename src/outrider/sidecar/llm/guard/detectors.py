"""Patterns of personal data and of secrets, in RE2's syntax, with what tells a match from what only looks like one."""

import ipaddress
from collections.abc import Callable

import msgspec

from outrider.core.sidecar_settings import DetectorName


class Detector(msgspec.Struct, frozen=True):
    """Something that is found in texts.

    Attributes:
        pattern: In RE2's syntax.
        check: Tells whether a match is one.
        strict: What it looks like among others of its characters, of which `pattern` takes too many.
    """

    pattern: str
    check: Callable[[str], bool] | None = None
    strict: str = ""


def _luhn(text: str) -> bool:
    """Check the last digit of a card's number (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in text if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) if at % 2 else one for at, one in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _mod97(text: str) -> bool:
    """Check the digits of an account's number (ISO 13616)."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _issued(text: str) -> bool:
    """Leave out social security numbers that are never given (SSA, POMS RM 10201.035)."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_KEYS = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic and many that are alike
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"hf_[A-Za-z0-9]{34,}",
    r"dop_v1_[a-f0-9]{64}",
)
# Lengths of account numbers by country (SWIFT, IBAN registry).
_IBANS = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH CR HR LI LV",
    22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
    26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE",
    31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
DETECTORS: dict[DetectorName, Detector] = {
    "email": Detector(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b"),
    "phone": Detector(r"\+[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,13}\b"),
    "credit_card": Detector(
        r"\b[0-9](?:[ -]?[0-9]){12,18}\b",
        _luhn,
        # Behind a quantity, or before a date or a code: as networks number them, in the groups in which they stand on cards.
        strict=r"\b(?:(?:[3-6][0-9]|2[2-7])[0-9]{2}(?:[ -]?[0-9]{4}){3}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5})\b",
    ),
    "iban": Detector(
        r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
        _mod97,
        # Before a currency or another word in capitals: as long as the country's are.
        strict="|".join(
            rf"\b(?:{countries.replace(' ', '|')})[0-9]{{2}}(?: ?[A-Z0-9]){{{length - 4}}}\b"
            for length, countries in _IBANS.items()
        ),
    ),
    "us_ssn": Detector(r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _issued),
    "ip_address": Detector(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}\b", _address),
    "api_key": Detector(r"\b(?:" + "|".join(_KEYS) + ")"),
    "jwt": Detector(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    # Up to its end, or as far as it goes.
    "private_key": Detector(
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\:,.]|-[A-Za-z0-9])*(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?"
    ),
}
