"""Images and sound: passed through, with the model replaced in forms too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.ports.process import run
from outrider.sidecar.llm.forms import Form
from tests.core.profiles import quick
from tests.peers import llm_clients
from tests.peers.environments import install
from tests.sidecar.llm.support import gateway, saying

KIND = "multipart/form-data; boundary=xyz"
SOUND = bytes(range(256)) * 40


def form(*fields: tuple[str, bytes], boundary: str = "xyz") -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in fields
        for file in ['; filename="a.mp3"\r\nContent-Type: audio/mpeg' if name == "file" else ""]
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


async def test_sound_goes_out_as_it_came_with_the_model_of_the_provider(tmp_path: Path) -> None:
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17}
    async with gateway(tmp_path, saying({"text": "hello", "usage": usage})) as found:
        sent = form(("file", SOUND), ("model", b"default"), ("language", b"de"))
        answer = await found.raw("/v1/audio/transcriptions", sent, fields=f"content-type: {KIND}\r\n")
        assert answer.document["text"] == "hello"
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1/audio/transcriptions HTTP/1.1\r\n")
        assert f"content-type: {KIND}".encode() in head.lower()
        assert body == form(("file", SOUND), ("model", b"m"), ("language", b"de"))
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.input, entry.output, entry.estimated) == ("transcriptions", 14, 3, False)


async def test_sound_comes_back_as_it_is(tmp_path: Path) -> None:
    provider = saying(SOUND + b'"ana@example.org"', fields="content-type: audio/mpeg\r\n")
    async with gateway(tmp_path, provider, guard=[{"detect": ["email"]}]) as found:
        answer = await found.ask("/v1/audio/speech", model="default", input="I am ana@example.org", voice="alloy")
        assert answer.body == SOUND + b'"ana@example.org"'
        assert json.loads(found.seen[0][0][1])["input"] == "I am [EMAIL]"
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.output, entry.estimated) == ("speech", 0, True)


async def test_images_tell_their_usage(tmp_path: Path) -> None:
    made = {
        "data": [{"b64_json": "QUFB" * 10_000}],
        "usage": {"input_tokens": 20, "output_tokens": 4160, "total_tokens": 4180},
    }
    async with gateway(tmp_path, saying(made)) as found:
        answer = await found.ask("/v1/images/generations", model="default", prompt="a web server")
        assert answer.document == made
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.input, entry.output) == ("images", 20, 4160)


async def test_texts_of_a_form_are_guarded(tmp_path: Path) -> None:
    rules = [{"detect": ["email"]}, {"detect": ["api_key"], "place": "prompt", "action": "refuse"}]
    async with gateway(tmp_path, saying({"text": "x"}), guard=rules) as found:
        for prompt, status in ((b"I am ana@example.org", 200), (b"AKIAIOSFODNN7EXAMPLE", 400)):
            sent = form(("prompt", prompt), ("model", b"default"), ("file", b"ana@example.org"))
            answer = await found.raw("/v1/audio/transcriptions", sent, fields=f"content-type: {KIND}\r\n")
            assert answer.status == status
        ((_, body),) = found.seen[0]
        assert body == form(("prompt", b"I am [EMAIL]"), ("model", b"m"), ("file", b"ana@example.org"))


async def test_what_they_cost_is_not_known_beforehand(tmp_path: Path) -> None:
    budget = {"amount": 10**9, "per": "day"}
    async with gateway(tmp_path, saying({}), budget=budget) as found:
        answer = await found.ask("/v1/images/generations", model="default", prompt="x")
        assert (answer.status, answer.document["error"]["code"]) == (400, "unpriced")
        assert found.seen[0] == []


async def test_moderations_cost_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying({"results": []}), budget={"amount": 0, "per": "day"}) as found:
        assert (await found.ask("/v1/moderations", model="default", input="x")).document == {"results": []}


SDK = """
import io, json, sys
from openai import OpenAI
client = OpenAI(base_url=sys.argv[1], api_key="x")
sound = io.BytesIO(b"RIFF" + bytes(range(256)))
sound.name = "a.wav"
image = io.BytesIO(b"PNG" + bytes(range(256)))
image.name = "a.png"
print(json.dumps([
    client.audio.transcriptions.create(model="default", file=sound).text,
    client.audio.speech.create(model="default", voice="alloy", input="hi").content.decode(),
    client.images.generate(model="default", prompt="x").data[0].b64_json,
    client.images.edit(model="default", image=image, prompt="y").data[0].b64_json,
    client.moderations.create(model="default", input="z").id,
]))
"""


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_the_sdk_of_openai_finds_all_of_it(tmp_path: Path) -> None:
    everything = {"text": "said", "id": "m1", "model": "m", "results": [], "created": 1, "data": [{"b64_json": "QUJD"}]}
    async with gateway(tmp_path, saying(everything)) as found:
        python = install("llm", llm_clients.ENVIRONMENTS["llm"]) / "python"
        done = await run([str(python), "-c", SDK, f"http://127.0.0.1:{found.port}/v1"], timeout=60)
        assert done.exit_code == 0, done.stderr.decode()
        transcribed, spoken, *images, moderated = json.loads(done.stdout)
        assert (transcribed, images, moderated) == ("said", ["QUJD", "QUJD"], "m1")
        assert json.loads(spoken) == everything
        assert all(b'"m"' in body or b"\r\n\r\nm\r\n" in body for _, body in found.seen[0])


MODEL = ("model", b"default")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(MODEL), "application/json"),
        (form(MODEL), "multipart/form-data"),
        (form(MODEL), "multipart/form-data; boundary=other"),
        (form(MODEL, MODEL), KIND),
        (form(MODEL, ("Model", b"x")), KIND),
        (form(MODEL)[:-6], KIND),
        (b"preamble\r\n" + form(MODEL), KIND),
        (b"--xyz\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--xyz--\r\n", KIND),
        (b'--xyz\r\nContent-Disposition: form-data; name="a"; name="model"\r\n\r\nm\r\n--xyz--\r\n', KIND),
        (b'--xyz\r\nContent-Disposition: form-data; name="model"; filename="x"\r\n\r\nm\r\n--xyz--\r\n', KIND),
        (form(*[("a", b"x")] * 300), KIND),
        (b"", KIND),
        (b"{}", KIND),
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(tmp_path: Path, body: bytes, kind: str) -> None:
    async with gateway(tmp_path, saying({})) as found:
        answer = await found.raw("/v1/audio/translations", body, fields=f"content-type: {kind}\r\n")
        assert answer.status == 400, answer.body
        assert found.seen[0] == []


@quick
@given(st.binary(max_size=300), st.lists(st.binary(max_size=60), max_size=5))
def test_a_form_is_written_as_it_was_read(noise: bytes, contents: list[bytes]) -> None:
    fields = [(f"f{number}", content.replace(b"xyz", b"")) for number, content in enumerate(contents)]
    written = form(*fields, ("model", b"default"), ("file", noise.replace(b"xyz", b"")))
    made = Form(written, KIND.encode())
    assert made.model == "default"
    assert made.body("default", usage=False) == written
    cut: Any = None
    try:
        cut = Form(written[: len(written) // 2], KIND.encode())
    except InvalidConfigError:
        return
    assert cut is None
