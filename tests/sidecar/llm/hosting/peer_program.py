"""Runs where the SDKs of the clouds are installed: one order and one answer per line, both JSON, bytes in base64."""

import base64
import datetime as dt
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anthropic
import boto3
import botocore.auth
import openai
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from tests.peers.orders import follow

Document = dict[str, Any]


class Script(BaseHTTPRequestHandler):
    """Plays any server: it keeps what it is asked, and answers as it was told."""

    asked: Document
    status = 200
    fields: list[list[str]]
    body: bytes

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        fields = [[name.lower(), value] for name, value in self.headers.items()]
        type(self).asked = {"target": self.path, "fields": fields, "body": base64.b64encode(body).decode()}
        self.send_response(self.status)
        for name, value in self.fields:
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


SERVER = HTTPServer(("127.0.0.1", 0), Script)
ADDRESS = f"http://127.0.0.1:{SERVER.server_port}"
KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


def sign(case: Document) -> Document:
    """Return what botocore's signer adds to a request, with the names in lower case."""
    moment = dt.datetime.fromtimestamp(case["moment"], dt.UTC)
    botocore.auth.get_current_datetime = lambda *_: moment
    request = AWSRequest(method=case["method"], url=case["url"], data=base64.b64decode(case["body"]))
    for name, value in case["fields"]:
        request.headers[name] = value
    credentials = Credentials(case["access_key"], case["secret_key"], case["session"])
    botocore.auth.SigV4Auth(credentials, case["service"], case["region"]).add_auth(request)
    ours = {name.lower() for name, _ in case["fields"]}
    return {name.lower(): value for name, value in request.headers.items() if name.lower() not in ours}


def messages(pieces: list[str]) -> Document:
    """Return the messages that botocore finds in a stream, or how it fails."""
    buffer, found = EventStreamBuffer(), []
    try:
        for piece in pieces:
            buffer.add_data(base64.b64decode(piece))
            found += [[_plain(one.headers), _plain(one.payload)] for one in buffer]
    except Exception as error:  # noqa: BLE001 - it fails in many ways
        return {"found": found, "failed": type(error).__name__}
    return {"found": found, "failed": ""}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def address() -> str:
    return ADDRESS


def answer_with(status: int, fields: list[list[str]], body: str) -> None:
    Script.status, Script.fields, Script.body = status, fields, base64.b64decode(body)


def with_anthropic(where: str, call: Document) -> Document:
    """Let Anthropic's SDK ask the scripted server, and return what the server and the program saw."""
    if where == "bedrock":
        keys = {"aws_access_key": KEYS["access_key"], "aws_secret_key": KEYS["secret_key"], "aws_session_token": "s+/="}
        client: Any = anthropic.AnthropicBedrock(aws_region="eu-west-1", base_url=ADDRESS, max_retries=0, **keys)
    elif where == "bedrock-key":
        client = anthropic.AnthropicBedrock(api_key="bedrock-key", aws_region="eu-west-1", base_url=ADDRESS)
    else:
        client = anthropic.Anthropic(
            api_key="k", base_url=where if where.startswith("http") else ADDRESS, max_retries=0
        )
    try:
        found = client.messages.create(**call)
        seen = [one.model_dump(mode="json") for one in found] if call.get("stream") else [found.model_dump(mode="json")]
    except anthropic.APIStatusError as error:
        return {"asked": Script.asked, "error": type(error).__name__, "body": error.body, "status": error.status_code}
    return {"asked": Script.asked, "seen": seen}


def with_boto(model: str, body: str, stream: bool) -> Document:
    """Let boto3 invoke a model of the scripted server."""
    client = boto3.client(
        "bedrock-runtime", region_name="eu-west-1", endpoint_url=ADDRESS, config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=KEYS["access_key"], aws_secret_access_key=KEYS["secret_key"],
    )  # fmt: skip
    call = client.invoke_model_with_response_stream if stream else client.invoke_model
    try:
        found = call(modelId=model, body=base64.b64decode(body), contentType="application/json")
        pieces = (
            [one["chunk"]["bytes"].decode() for one in found["body"]] if stream else [found["body"].read().decode()]
        )
    except ClientError as error:
        return {"asked": Script.asked, "error": error.response["Error"]}
    return {"asked": Script.asked, "seen": pieces}


def with_azure(version: str, deployment: str, way: str, key: str) -> Document:
    """Let OpenAI's SDK ask for a deployment."""
    auth = {"azure_ad_token": key} if "." in key else {"api_key": key}
    client: Any = (
        openai.AzureOpenAI(azure_endpoint=ADDRESS, api_version=version, max_retries=0, **auth)
        if version
        else openai.OpenAI(base_url=f"{ADDRESS}/openai/v1", api_key=key, max_retries=0)
    )
    if way == "chat":
        client.chat.completions.create(model=deployment, messages=[{"role": "user", "content": "hi"}])
    elif way == "embeddings":
        client.embeddings.create(model=deployment, input="hi")
    else:
        client.responses.create(model=deployment, input="hi")
    return Script.asked


WAYS: dict[str, Callable[..., Any]] = {
    "sign": sign, "messages": messages, "answer_with": answer_with, "with_anthropic": with_anthropic, "with_boto": with_boto,
    "with_azure": with_azure, "address": address,
}  # fmt: skip


def main() -> None:
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    follow(WAYS)


main()
