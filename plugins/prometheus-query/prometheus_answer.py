"""What a Prometheus server says to an instant query, and which of its series are beyond their bounds."""

from __future__ import annotations

import json
import math
import re

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SERIES_NAME = 4096
# Remarks on the expression itself. Any other warning says that a part of the data may be missing.
ANNOTATION = "PromQL "
_METRIC, _LABEL = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*"), re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class NoAnswerError(ValueError):
    """What the server says cannot be judged."""


class Sample:
    """The value of one series; `text` is how the server wrote it."""

    def __init__(self, labels: dict[str, str], text: str) -> None:
        self.labels = labels
        self.text = text
        self.value = float(text)


class Answer:
    """A successful answer: its samples by the name of their series, and its warnings."""

    def __init__(self, samples: dict[str, Sample], warnings: list[str]) -> None:
        self.samples = samples
        self.warnings = warnings

    @property
    def partial(self) -> bool:
        """Whether series may be missing that are there."""
        return any(not warning.startswith(ANNOTATION) for warning in self.warnings)


def read_answer(document: Any) -> Answer:
    """Take the JSON of an answer.

    Raises:
        NoAnswerError: It is an error, or nothing that can be judged.
    """
    if not isinstance(document, dict) or document.get("status") not in ("success", "error"):
        raise NoAnswerError("the answer is none of the Prometheus API")
    if document["status"] == "error":
        raise NoAnswerError(readable(f"{document.get('errorType')}: {document.get('error')}"))
    data = document.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind == "scalar":
        samples = {series_name({}): _sample({}, result)}
    elif kind == "vector" and isinstance(result, list):
        samples = dict(map(_series, result))
    else:
        raise NoAnswerError(readable(f"the result is a {kind}, expected a vector or a scalar"))
    warnings = document.get("warnings")
    return Answer(samples, [readable(str(text)) for text in warnings] if isinstance(warnings, list) else [])


def _series(entry: Any) -> tuple[str, Sample]:
    if not isinstance(entry, dict) or not isinstance(entry.get("metric"), dict):
        raise NoAnswerError("the result has an entry that is no series")
    labels = {readable(name): readable(str(value)) for name, value in entry["metric"].items()}
    name = series_name(labels)
    if len(name) > MAX_SERIES_NAME:
        raise NoAnswerError(f"a series has labels of more than {MAX_SERIES_NAME} characters")
    return name, _sample(labels, entry.get("value"))


def _sample(labels: dict[str, str], value: Any) -> Sample:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
        raise NoAnswerError(f"{series_name(labels)} has no number as value")
    try:
        return Sample(labels, readable(value[1]))
    except ValueError as error:
        raise NoAnswerError(f"{series_name(labels)} has no number as value") from error


def series_name(labels: dict[str, str]) -> str:
    """Return the name of a series as PromQL writes it, names that are no identifiers in quotes; other labels, another name."""
    metric = labels.get("__name__", "")
    parts = [
        f"{name if _LABEL.fullmatch(name) else _quoted(name)}={_quoted(value)}"
        for name, value in sorted(labels.items())
        if name != "__name__"
    ]
    if metric and not _METRIC.fullmatch(metric):
        parts, metric = [_quoted(metric), *parts], ""
    return f"{metric}{{{','.join(parts)}}}" if parts or not metric else metric


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def readable(line: str) -> str:
    """Return text that has a UTF-8 form: JSON can hold one half of a surrogate pair."""
    return line.encode("utf-8", "replace").decode()


class Change:
    """A series that became bad, or is no longer. `sample` is None for one that is gone; its last labels are kept."""

    def __init__(self, name: str, labels: dict[str, str], sample: Sample | None, *, bad: bool) -> None:
        self.name = name
        self.labels = labels
        self.sample = sample
        self.bad = bad


class Watch:
    """The bad series of one query.

    Args:
        above: Values above it are bad.
        below: Values below it are bad.
        room: How many series can be bad at a time.
    """

    def __init__(self, above: float | None, below: float | None, room: int) -> None:
        self._above = math.inf if above is None else above
        self._below = -math.inf if below is None else below
        self._room = room
        self._bad: dict[str, dict[str, str]] = {}
        self.left_out = 0

    def changes(self, answer: Answer) -> list[Change]:
        """Take an answer and return what is different now; those that are good again come first."""
        found = [
            Change(name, labels, answer.samples.get(name), bad=False)
            for name, labels in self._bad.items()
            if self._over(name, answer)
        ]
        for change in found:
            del self._bad[change.name]
        new = [
            name for name, sample in sorted(answer.samples.items()) if self._beyond(sample) and name not in self._bad
        ]
        taken = new[: self._room - len(self._bad)]
        self.left_out = len(new) - len(taken)
        for name in taken:
            sample = answer.samples[name]
            self._bad[name] = sample.labels
            found.append(Change(name, sample.labels, sample, bad=True))
        return found

    def _over(self, name: str, answer: Answer) -> bool:
        """Tell whether a bad series is no longer bad. That it is missing in a part of the data says nothing."""
        sample = answer.samples.get(name)
        return not answer.partial if sample is None else not self._beyond(sample)

    def _beyond(self, sample: Sample) -> bool:
        """Tell whether a value is out of bounds. As in PromQL, NaN is above and below nothing."""
        return sample.value > self._above or sample.value < self._below
