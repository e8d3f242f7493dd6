import msgspec

from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class Params(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    number: int = 0


class Result(msgspec.Struct):
    number: int


async def run(params: Params, context: Context) -> Result:
    del context
    return Result(params.number)


OPERATION = Implementation(params=Params, result=Result, run=run)
