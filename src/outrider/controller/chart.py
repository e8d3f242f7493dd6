"""The Helm chart of the controller (apiVersion v2), made of the same objects as every other way to install it."""

import json
import re
from typing import Any

import yaml

from outrider.controller.install import Manifest, installation
from outrider.version import __version__

NAME = "outrider"
_PULL_POLICIES = ["IfNotPresent", "Always", "Never"]
# In quotes it would be a text, which the server does not take for a number.
_NUMBERS = re.compile(r"'(\{\{ \.Values\.replicas \}\})'")
_NOTES = """\
The controller of Outrider runs in namespace {{ .Release.Namespace }}.

  kubectl apply -f agenttype.yaml
  kubectl get agenttypes

The kinds AgentType, Tool and ModelProvider stay when this release is uninstalled, with all objects and their pods:
remove them with: outrider controller uninstall
"""


def chart(image: str) -> dict[str, str]:
    """Return the files of the chart by path.

    Args:
        image: Of Outrider, where the values name no other.
    """
    made = installation(
        "{{ .Values.image }}", namespace="{{ .Release.Namespace }}", replicas="{{ .Values.replicas }}", pull_policy="{{ .Values.pullPolicy }}"
    )  # fmt: skip
    kinds = [_kept(one) for one in made if one["kind"] == "CustomResourceDefinition"]
    # Its namespace is Helm's own matter.
    others = [one for one in made if one["kind"] not in ("CustomResourceDefinition", "Namespace")]
    return {
        "Chart.yaml": _yaml(_about()),
        "values.yaml": _values(image),
        "values.schema.json": json.dumps(_schema(), indent=2) + "\n",
        "templates/kinds.yaml": "{{- if .Values.kinds }}\n" + _escaped(_documents(kinds)) + "{{- end }}\n",
        "templates/controller.yaml": _NUMBERS.sub(r"\1", _documents(others)),
        "templates/NOTES.txt": _NOTES,
    }


def _about() -> Manifest:
    return {
        "apiVersion": "v2", "name": NAME, "version": __version__, "appVersion": __version__, "type": "application",
        "description": "Controller of Outrider: runs AI agents from AgentTypes", "kubeVersion": ">=1.29.0-0",
    }  # fmt: skip


def _values(image: str) -> str:
    return (
        "# Of Outrider, for the controller and for what stands beside agents.\n"
        f"image: {image}\n"
        "pullPolicy: IfNotPresent\n"
        "# One acts, the others wait with filled caches.\n"
        "replicas: 1\n"
        "# Whether the kinds AgentType, Tool and ModelProvider are defined by this release. They stay when it goes.\n"
        "kinds: true\n"
    )


def _schema() -> Manifest:
    fields = {
        "image": {"type": "string", "minLength": 1},
        "pullPolicy": {"enum": _PULL_POLICIES},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 9},
        "kinds": {"type": "boolean"},
        "global": {"type": "object"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": fields,
    }


def _kept(definition: Manifest) -> Manifest:
    metadata = {**definition["metadata"], "annotations": {"helm.sh/resource-policy": "keep"}}
    return {**definition, "metadata": metadata}


def _documents(objects: list[Manifest]) -> str:
    return "".join(f"---\n{_yaml(one)}" for one in objects)


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True))


def _escaped(text: str) -> str:
    """Return text whose own braces Helm leaves as they are."""
    return re.sub(r"\{\{|\}\}", lambda match: '{{ "' + match[0] + '" }}', text)
