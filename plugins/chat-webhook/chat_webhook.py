"""Output: posts each report as a message to Slack, Microsoft Teams or Discord."""

from __future__ import annotations

import re

from outrider_config import config_error
from outrider_delivery import Report
from outrider_http import Endpoint, encoded, refused
from outrider_plugin import Output, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What each service would take for more than text.
SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
DISCORD = str.maketrans({character: f"\\{character}" for character in "\\`*~|<>[]"})
PLAIN: dict[int, str] = {}
# A call to everybody is broken up by a character without width, which readers do not see.
CALLS = re.compile(r"@(?=everyone|here|channel)|<(?=/?at\b)", re.IGNORECASE)

# Slack: 3000 for each text. Discord: 256 for a title, 4096 for a description, 1024 for a field, 6000 for all of a message.
TITLE, PARAGRAPH, FACT, STEP, STEPS = 250, 1200, 300, 300, 1500
TEAMS_BYTES = 28_000
# For each tone: the colour of a message, and the style of a card.
TONES = {
    "good": (0x2E7D32, "good"),
    "neutral": (0x757575, "emphasis"),
    "warning": (0xF9A825, "warning"),
    "bad": (0xC62828, "attention"),
}
# The older connectors of Teams hand a failure on inside of an answer of success.
TEAMS_FAILURE = re.compile(r"returned HTTP error (\d{3})")


class ChatWebhook(Output):
    """One incoming webhook."""

    def setup(self) -> None:
        url, rest = self.config["url"], self.config.get("secret_path", "")
        if rest and not re.match(r"https?://[^/]+/", url):
            raise config_error("url", "a URL without a path", "a path, at least /, where there is a config.secret_path")
        self.endpoint = Endpoint(url + rest, self.config)
        self.shaped = {"slack": slack, "teams": teams, "discord": discord}[self.config["shape"]]

    def execute(self, request: Request) -> dict[str, Any]:
        status, text = self.endpoint.exchange(self, request, encoded(self.shaped(Report(request.input))))
        hidden = TEAMS_FAILURE.search(text) if self.config["shape"] == "teams" else None
        if hidden is not None:
            raise refused(int(hidden[1]), "inside of an answer of success")
        return {"status": status, "summary": f"{self.endpoint.server} answered {status}"}


def tone(report: Report) -> str:
    """Return how bad it is."""
    if report.state in {"completed", "cancelled"}:
        return {"completed": "good", "cancelled": "neutral"}[report.state]
    return "bad" if report.severity in {"high", "critical"} else "warning"


def slack(report: Report) -> dict[str, Any]:
    """Return a message of Slack; a colour is to be had around blocks only."""
    sections = [text for text in (clipped(report.message, PARAGRAPH, SLACK), told(report, SLACK)) if text]
    facts = [marked(f"*{name}*\n{value}") for name, value in known(report, SLACK)]
    blocks = [
        *({"type": "section", "text": marked(text)} for text in sections),
        {"type": "section", "fields": facts},
    ]
    return {
        "text": f"{clipped(title(report), TITLE, SLACK)}\n{clipped(report.summary, PARAGRAPH, SLACK)}",
        "mrkdwn": False,
        "attachments": [{"color": f"#{TONES[tone(report)][0]:06X}", "blocks": blocks}],
    }


def marked(text: str) -> dict[str, Any]:
    """Return a text of Slack that is not searched for names and addresses."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def discord(report: Report) -> dict[str, Any]:
    """Return a message of Discord that may call nobody."""
    paragraphs = [
        clipped(report.summary, PARAGRAPH, DISCORD),
        clipped(report.message, PARAGRAPH, DISCORD),
        told(report, DISCORD),
    ]
    embed = {
        "title": clipped(title(report), TITLE, DISCORD),
        "description": "\n\n".join(paragraph for paragraph in paragraphs if paragraph),
        "color": TONES[tone(report)][0],
        "fields": [{"name": name, "value": value, "inline": True} for name, value in known(report, DISCORD)],
        **({"timestamp": report.finished.isoformat()} if report.finished else {}),
    }
    return {"allowed_mentions": {"parse": []}, "embeds": [embed]}


def teams(report: Report) -> dict[str, Any]:
    """Return a message of Teams that fits; the last steps are left out for that."""
    count = len(report.steps)
    while len(encoded(message := card(report, count))) > TEAMS_BYTES and count:
        count //= 2
    return message


def card(report: Report, count: int) -> dict[str, Any]:
    """Return a message with an Adaptive Card that has the first steps; runs of text know no markup."""
    steps = [clipped(step, STEP, PLAIN) for step in report.steps[:count]]
    if count < len(report.steps):
        steps.append(f"… and {len(report.steps) - count} more steps")
    head = [
        run(clipped(title(report), TITLE, PLAIN), size="large", weight="bolder"),
        run(clipped(report.summary, PARAGRAPH, PLAIN)),
    ]
    body = [
        {"type": "Container", "style": TONES[tone(report)][1], "bleed": True, "items": head},
        *([run(clipped(report.message, PARAGRAPH, PLAIN))] if report.message else ()),
        *(run(step) for step in steps),
        *(run(f"{name}: {value}", isSubtle=True) for name, value in known(report, PLAIN)),
    ]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def run(text: str, **look: Any) -> dict[str, Any]:
    """Return a line of a card."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def title(report: Report) -> str:
    """Return what happened in short."""
    return f"{report.rule}: {report.state}"


def known(report: Report, table: dict[int, str]) -> list[tuple[str, str]]:
    """Return the facts that every message has, as safe text."""
    facts = [("Severity", report.severity), ("Source", report.source), ("Run", report.run)]
    return [(name, clipped(value, FACT, table)) for name, value in facts if value]


def told(report: Report, table: dict[int, str]) -> str:
    """Return the steps as lines of safe text, as many as there is room for."""
    lines: list[str] = []
    used = 0
    for index, step in enumerate(report.steps):
        text = clipped(step, STEP, table)
        used += units(text) + 1
        if used > STEPS:
            lines.append(f"… and {len(report.steps) - index} more steps")
            break
        lines.append(text)
    return "\n".join(lines)


def clipped(text: str, limit: int, table: dict[int, str]) -> str:
    """Return a text that means only itself, cut between two characters, never inside of an escape."""
    calm = CALLS.sub(lambda found: found[0] + "\u200b", text)
    whole = calm.translate(table)
    if units(whole) <= limit:
        return whole
    kept, used = [], 1
    for character in calm:
        piece = character.translate(table)
        used += units(piece)
        if used > limit:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def units(text: str) -> int:
    """Return the length as the services may count it: in UTF-16, where an emoji is two."""
    return len(text.encode("utf-16-le", "replace")) // 2


main(ChatWebhook)
