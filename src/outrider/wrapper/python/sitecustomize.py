"""Runs in other people's Python programs, before them; whoever starts the program puts this folder first on PYTHONPATH.

Rules of this file:
- It imports nothing but `os` and `sys`, works on CPython 3.6 and later, and is readable by 2.7, where it does nothing.
- No fault in here ends the program or changes what it does. A fault is one line on stderr.
- It hides the `sitecustomize` that the program had before, so it runs that one, and what that one raises is raised.
- PYTHONPATH is joined from pieces that are not empty: an empty piece puts the working directory on `sys.path`.

What it does is said by the environment: OUTRIDER_WRAPPER_SEEN, OUTRIDER_PACKAGES, OUTRIDER_HOOKS,
OUTRIDER_WRAPPER_REQUIRED and OUTRIDER_GATEWAY. Each has its function below.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

_GOES_ON = "the program goes on without it"
# Modules of the SDK that no environment variable points elsewhere: those that hold its servers (from 2.0, 1.x), and the
# one whose import has brought the former.
_MISTRAL_SERVERS = ("mistralai.client.sdkconfiguration", "mistralai.sdkconfiguration")
_MISTRAL_CLIENT = "mistralai.client"


def _say(text):
    # type: (str) -> None
    """Write one line to stderr, which may be closed or gone."""
    try:
        sys.stderr.write("outrider: %s\n" % text)
        sys.stderr.flush()
    except Exception:
        pass


def _describe(error):
    # type: (BaseException) -> str
    """Name an error on one line, also one that cannot say what it is."""
    try:
        text = " ".join(str(error).split())
    except BaseException:
        text = ""
    return "%s: %s" % (type(error).__name__, text) if text else type(error).__name__


def _guarded(step, *given):
    # type: (Callable[..., object], *object) -> None
    """Let a part of the wrapper fail without the program; only who interrupts the program is heard."""
    try:
        step(*given)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _say("the wrapper failed: %s; %s" % (_describe(error), _GOES_ON))


def _mark_as_seen():
    # type: () -> None
    """Tell the sidecar that the wrapper ran: an empty file in the folder OUTRIDER_WRAPPER_SEEN."""
    folder = os.environ.get("OUTRIDER_WRAPPER_SEEN")
    if folder:
        try:
            os.close(os.open(os.path.join(folder, "python-%d" % os.getpid()), os.O_CREAT | os.O_WRONLY, 0o644))
        except OSError:  # the sidecar reports what it has not seen
            pass


def _add_packages():
    # type: () -> None
    """Put the folder OUTRIDER_PACKAGES last, so that the packages of the program win."""
    folder = os.environ.get("OUTRIDER_PACKAGES")
    if folder and folder not in sys.path:
        sys.path.append(folder)


class _Watch(object):
    """A finder that finds nothing itself; it waits for the SDK and sees to its servers once it has been imported."""

    def __init__(self, gateway):
        # type: (str) -> None
        self._gateway = gateway

    def find_spec(self, name, path=None, target=None):
        # type: (str, Any, Any) -> Any
        """Return what the other finders return, with something added to the loader of the modules that matter."""
        if name not in _MISTRAL_SERVERS and name != _MISTRAL_CLIENT:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                _guarded(self._follow, spec.loader)
                return spec
        return None

    def _follow(self, loader):
        # type: (Any) -> None
        """Be called once after the loader; a loader that is a class or has no such method is left alone."""
        execute = loader.exec_module

        def exec_module(module):
            # type: (Any) -> None
            del loader.exec_module
            execute(module)
            _guarded(self._redirect, module)

        if not isinstance(loader, type):
            loader.exec_module = exec_module

    def _redirect(self, module):
        # type: (Any) -> None
        """Replace the address of each server that the SDK knows; an address that the program gives stays its own."""
        if module.__name__ == _MISTRAL_CLIENT:
            known = any(name in sys.modules for name in _MISTRAL_SERVERS)
        else:
            servers = getattr(module, "SERVERS", None)  # type: Any
            known = isinstance(servers, dict) and bool(servers)
            if known:
                servers.update(dict.fromkeys(servers, self._gateway))
        if not known:
            _say("this release of mistralai is unknown: it does not use the gateway; the program goes on")


def _watch_sdks():
    # type: () -> None
    """Point SDKs that read no variable of their own to OUTRIDER_GATEWAY, when and if they are imported."""
    gateway = os.environ.get("OUTRIDER_GATEWAY")
    if gateway:
        sys.meta_path.insert(0, _Watch(gateway.rstrip("/")))


def _run_hooks():
    # type: () -> None
    """Execute the files of OUTRIDER_HOOKS that are Python, in order; the others are for other runtimes."""
    for path in os.environ.get("OUTRIDER_HOOKS", "").split(os.pathsep):
        if path.endswith(".py"):
            try:
                _run_hook(path)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _hook_failed(path, error)


def _run_hook(path):
    # type: (str) -> None
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    module = type(sys)("outrider_hook")
    module.__file__ = path
    sys.modules["outrider_hook"] = module  # dataclasses look their module up
    exec(code, module.__dict__)


def _hook_failed(path, error):
    # type: (str, BaseException) -> None
    """Say so; with OUTRIDER_WRAPPER_REQUIRED=1 the process ends here, past everything that would handle SystemExit."""
    required = os.environ.get("OUTRIDER_WRAPPER_REQUIRED") == "1"
    end = "the program is not started, as OUTRIDER_WRAPPER_REQUIRED=1" if required else _GOES_ON
    _say("hook %s failed: %s; %s" % (path, _describe(error), end))
    if required:
        try:
            sys.stdout.flush()
        except Exception:
            pass
        os._exit(os.EX_CONFIG)


def _find_hidden(folders):
    # type: (List[str]) -> Any
    """Return the spec of the `sitecustomize` that the program would have without us, or None."""
    finder = sys.modules["_frozen_importlib_external"].PathFinder  # importlib.machinery's, without its import
    for entry in sys.path:
        spec = finder.find_spec("sitecustomize", [entry]) if entry not in folders else None
        if spec is not None and spec.loader is not None and spec.origin:  # a bare folder of that name has neither
            if os.path.dirname(os.path.realpath(spec.origin)) not in folders:
                return spec
    return None


def _run_hidden(folders):
    # type: (List[str]) -> Optional[Exception]
    """Run the program's own `sitecustomize` under its name, and return what it raised; SystemExit ends the program."""
    try:
        load = sys.modules["_frozen_importlib"]._load
        spec = _find_hidden(folders)
    except Exception as error:
        _say("no other sitecustomize can be looked for: %s; %s" % (_describe(error), _GOES_ON))
        return None
    try:
        if spec is not None:
            load(spec)
    except Exception as error:
        return error
    return None


def _main(state):
    # type: (Dict[str, List[str]]) -> None
    """Do everything once per interpreter. When this is imported again it only hands on to the hidden `sitecustomize`.

    Args:
        state: Of the interpreter; it remembers every folder with a copy of this file that has run.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    folders = state.setdefault("_outrider_wrapper", [])
    first = not folders
    folders.extend((here, os.path.realpath(here)))
    if first:
        for step in (_mark_as_seen, _add_packages, _watch_sdks):
            _guarded(step)
    error = _run_hidden(folders)
    if first:
        _guarded(_run_hooks)
    if error is not None:
        raise error


if sys.version_info >= (3, 6):
    _main(vars(sys))
