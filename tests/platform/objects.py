"""Objects of the platforms in these tests."""


def webhook_platform(
    port: int, *, step: str, rule: str = "", more: str = "", action: str = "plugins: [recorder]"
) -> str:
    """Return a platform whose rule runs a step for every POST on a webhook."""
    return f"""
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {{name: test}}
spec: {{groups: {{oncall: [ana]}}}}
---
apiVersion: outrider.dev/v1alpha1
kind: SensorAgent
metadata: {{name: ears}}
spec:
  triggers:
  - {{name: hook, plugin: webhook, config: {{listen: "127.0.0.1:{port}", path: /hook}}}}
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {{name: hands}}
spec: {{{action}}}
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {{name: on-post}}
spec:
  when: {{any: [{{trigger: ears/hook}}]}}
  do:
  - {step}
{rule}
---
{more}
"""


RECORDER_MANIFEST = """
id: recorder
type: action
version: 1.0.0
summary: Appends the key and attempt of each execution to a file
runtime: {type: python, entry_point: recorder.py}
input:
  type: object
  additionalProperties: false
  properties: {seconds: {type: number, default: 0}, fail: {type: boolean, default: false}}
configuration:
  type: object
  additionalProperties: false
  required: [path]
  properties: {path: {type: string}}
permissions: {filesystem: {write: [path]}}
concurrency: 8
"""

RECORDER = """
import os
import time
from outrider_plugin import Action, PluginError, main


class Recorder(Action):
    def execute(self, request):
        line = f"{request.idempotency_key} {request.attempt}\\n".encode()
        file = os.open(self.config["path"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(file, line)
        os.fsync(file)
        os.close(file)
        time.sleep(request.input.get("seconds", 0))
        request.check()
        if request.input.get("fail"):
            raise PluginError("asked to fail")
        request.log("recorded")
        return {"summary": "recorded"}


main(Recorder)
"""
