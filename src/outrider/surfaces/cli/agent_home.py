"""Which AI agent is meant on the command line, where it is at home, and what it is given."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.objects import Object
from outrider.kinds.agenttype.identity import identity_keys
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.policy.rules import policy_rule
from outrider.local.agents.files import AgentFiles
from outrider.local.agents.home import Home
from outrider.local.layout import Layout
from outrider.runtime.contexts import Contexts, PlatformContext, cache_folder, user_state_folder
from outrider.runtime.folders import ObjectFolder
from outrider.runtime.objects import ObjectSet
from outrider.surfaces.agents.desk import AgentDesk
from outrider.surfaces.python.calls import local_invoker


def declared_agent(path: Path, name: str) -> tuple[ObjectSet, Object]:
    """Return the objects of a folder, and the agent of it, or of the file in it, that is meant.

    The platform and the policies beside a file hold for its agent, too.

    Raises:
        OutriderError: There is no such agent, or the objects are not in order.
    """
    objects = ObjectFolder(_folder(path)).read()
    declared = ObjectFolder(path).read(beside=objects).declared() if path.is_file() else list(objects)
    known = {item.name: item for item in declared if item.kind == "AgentType"}
    return objects, _chosen(known, name)


def _chosen(known: dict[str, Object], name: str) -> Object:
    """Return the agent that is meant."""
    if name and name not in known:
        raise NotFoundError(
            f"no AgentType is called '{name}'", found=name, expected=", ".join(known) or "an AgentType",
            suggestions=did_you_mean(name, known),
        )  # fmt: skip
    if not name and len(known) != 1:
        raise InvalidConfigError(
            "which agent is meant?" if known else "no AgentType is declared here", found=", ".join(known) or "none",
            expected="one AgentType", suggestions=[f"give --name {one}" for one in known] or ["name the file that declares it"],
        )  # fmt: skip
    return known[name] if name else next(iter(known.values()))


def _folder(path: Path) -> Path:
    return (path if path.is_dir() else path.parent).resolve()


def agent_files(path: Path, name: str) -> AgentFiles:
    """Return the files of the agent that is meant; errors are those of `declared_agent`."""
    return AgentFiles(Layout(_folder(path)), declared_agent(path, name)[1].name)


def agent_home(path: Path, objects: ObjectSet, item: Object) -> Home:
    """Return where an agent is at home.

    Args:
        path: The folder, or a file in it, that declares it.
        objects: All of the folder.
        item: The agent.
    """
    folder = _folder(path)
    layout = Layout(folder)
    platform = next(iter(objects.of_kind("Platform")), None)
    spec: PlatformSpec = platform.spec if platform is not None else PlatformSpec()
    store = layout.secrets if layout.secrets.exists() else user_state_folder() / "secrets"
    keys = [folder / key for key in identity_keys([*objects, item])]
    return Home(
        files=AgentFiles(layout, item.name),
        folder=folder,
        sources=to_builtins(spec.secrets),
        store=store,
        protected=[layout.state, store, user_state_folder(), *_other_states(), *_secret_files(folder, spec), *keys],
        cache=cache_folder(),
        desk=_desk(layout, objects, item, spec),
    )


def _desk(layout: Layout, objects: ObjectSet, item: Object, platform: PlatformSpec) -> AgentDesk:
    """Return what runs the operations that are granted: this process, as the agent, under the policies of the folder."""
    context = PlatformContext(name=layout.folder.name, folder=layout.folder, state=layout.state)
    invoker = local_invoker(context, platform)
    invoker.policies = [policy_rule(policy) for policy in objects.of_kind("Policy")]
    spec: AgentTypeSpec = item.spec
    return AgentDesk(invoker, item.name, spec.tools, asks_of_changes=spec.approval is not None)


def _other_states() -> Iterator[Path]:
    """Yield the state folders of this user's platforms, wherever they are."""
    for context in Contexts().all():
        yield context.state


def _secret_files(folder: Path, spec: PlatformSpec) -> Iterator[Path]:
    for source in spec.secrets.values():
        if source.file is not None:
            yield folder / source.file


def read_input(given: str) -> Any:
    """Return the input: JSON where it is that, else text.

    Raises:
        NotFoundError: The file cannot be read.
        InvalidConfigError: It is no text.
    """
    try:
        data = os.fsencode(given)
        if given.startswith("@"):
            data = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
        text = data.decode()
    except OSError as error:
        raise NotFoundError(
            f"--input: {given[1:] or 'nothing'} cannot be read: {os.strerror(error.errno or 0)}", found=given,
            expected="@FILE, or @- for standard input",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidConfigError(
            f"--input: it is no UTF-8 text: {error.reason}", found=f"byte {error.start}"
        ) from error
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return text
