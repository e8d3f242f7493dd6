"""A service on Litestar, which writes its own OpenAPI document: it says what it got."""

import sys
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Annotated, Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, Parameter


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Pet:
    name: str
    colour: Colour = Colour.RED
    age: int | None = None
    tags: list[str] = field(default_factory=list)
    parent: "Pet | None" = None


def plain(pet: Pet) -> dict[str, Any]:
    return asdict(pet)


@get("/pets/{pet_id:str}", operation_id="getPet", summary="Say what was asked for")
async def get_pet(
    *,
    request: "Request[Any, Any, Any]",
    pet_id: str,
    names: Annotated[list[str] | None, Parameter(query="name")] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 10,
    colour: Colour | None = None,
    exact: bool = False,
    trace: Annotated[str | None, Parameter(header="X-Trace")] = None,
    session: Annotated[str | None, Parameter(cookie="session")] = None,
) -> dict[str, Any]:
    return {
        "pet_id": pet_id, "names": names, "limit": limit, "colour": colour, "exact": exact, "trace": trace, "session": session,
        "authorization": request.headers.get("authorization"), "path": request.scope["raw_path"].decode(),
    }  # fmt: skip


@post("/pets", operation_id="addPet")
async def add_pet(data: Pet) -> dict[str, Any]:
    return plain(data)


@put("/pets/{pet_id:int}", operation_id="replacePet")
async def replace_pet(pet_id: int, data: Pet) -> dict[str, Any]:
    return {"pet_id": pet_id, **plain(data)}


@patch("/pets/{pet_id:int}", operation_id="changePet")
async def change_pet(pet_id: int, data: dict[str, Any]) -> dict[str, Any]:
    return {"pet_id": pet_id, "data": data}


@delete("/pets/{pet_id:int}", operation_id="removePet")
async def remove_pet(pet_id: int) -> None:
    if pet_id == 404:
        raise NotFoundException("no such pet")


@post("/form", operation_id="form")
async def form(data: Annotated[Pet, Body(media_type=RequestEncodingType.URL_ENCODED)]) -> dict[str, Any]:
    return plain(data)


@post("/parts", operation_id="parts")
async def parts(data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.MULTI_PART)]) -> dict[str, Any]:
    return data


@get("/list", operation_id="list")
async def listed() -> list[int]:
    return [1, 2]


@get("/text", operation_id="text", media_type=MediaType.TEXT)
async def text() -> str:
    return "hello"


@get("/image", operation_id="image", media_type="image/png")
async def image() -> bytes:
    return b"\x89PNG\0"


@get("/away", operation_id="away")
async def away() -> Response[None]:
    return Response(None, status_code=302, headers={"location": "/list"}, cookies=[Cookie("a", "b")])


@get("/nothing-said")
async def unnamed() -> dict[str, str]:
    return {}


HANDLERS = [get_pet, add_pet, replace_pet, change_pet, remove_pet, form, parts, listed, text, image, away, unnamed]
if __name__ == "__main__":
    uvicorn.run(Litestar(HANDLERS), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
