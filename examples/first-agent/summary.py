"""Says in one sentence what a log tells. It knows nothing of Outrider."""

import sys

from openai import OpenAI

question = "Say in one sentence what this log tells:\n\n" + sys.stdin.read()
answer = OpenAI().chat.completions.create(model="default", messages=[{"role": "user", "content": question}])
print(answer.choices[0].message.content)
