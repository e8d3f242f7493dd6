"""Keys for gem signin: https://github.com/rubygems/rubygems/blob/v3.3.15/lib/rubygems/gemcutter_utilities.rb."""

from base64 import b64decode

from outrider.core.errors import UnauthenticatedError
from outrider.operators.packages.serving.accounts import new_token
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

# What clients ask for, and the scope that it comes to; what is not among them comes to none.
_SCOPES = {"index_rubygems": "read", "push_rubygem": "publish", "yank_rubygem": "publish"}
_LONGEST_LABEL = 100


async def new_key(hub: Hub, visit: Visit, fields: dict[str, list[str]]) -> str:
    """Return a new token for a user who shows name and password.

    Args:
        hub: Has the tables.
        visit: Who asks.
        fields: Of the form: the name of the key, and what it is to be for.

    Raises:
        UnauthenticatedError: Nothing is shown, or what is wrong.
    """
    name, password = _shown(visit)
    now = hub.clock.now()
    account = await visit.log_in(name, password, now)
    asked = {scope for field, scope in _SCOPES.items() if fields.get(field, [""])[0] in ("true", "1")}
    # Whoever may publish has to read too; who asks for nothing in particular gets all.
    scopes = [one for one in account.scopes.split() if not asked or one in asked or one == "read"]
    token, kept = new_token(name, scopes, account.patterns)
    label = fields.get("name", [""])[0][:_LONGEST_LABEL]
    await hub.store.write(
        lambda tables: tables.put_token(kept, label if label not in ("", name) else "gem signin", now)
    )
    return token


def _shown(visit: Visit) -> tuple[str, str]:
    kind, _, rest = (visit.request.headers.get("authorization") or "").partition(" ")
    try:
        name, colon, password = b64decode(rest, validate=True).decode().partition(":")
    except ValueError:
        name, colon, password = "", "", ""
    if kind.lower() != "basic" or not colon:
        raise UnauthenticatedError(
            "to sign in you have to show a name and a password", found=kind[:20] or "nothing", expected="a user of this registry",
            suggestions=["gem signin", "ask whoever runs the registry for a user"],
        )  # fmt: skip
    return name, password
