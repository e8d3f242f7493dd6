"""Where a cluster is and who asks it: kubeconfig files, merged as kubectl merges them, and what a pod finds in its own folder."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean

POD_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
S = TypeVar("S", bound=msgspec.Struct)
_INTEGER = re.compile(r"[-+]?(0b[0-1_]+|0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+)\Z")
_FRACTION = re.compile(
    r"([-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN))\Z"
)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TextLoader(_LOADER):  # type: ignore[misc]  # the one of two that is there
    """Reads YAML as kubectl does: what YAML 1.1 takes for a date or a sexagesimal number is text."""


def _resolvers() -> dict[str, list[tuple[str, Any]]]:
    """Return what plain text may stand for, without dates, and numbers without colons."""
    numbers = {"tag:yaml.org,2002:int": _INTEGER, "tag:yaml.org,2002:float": _FRACTION}
    dropped = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
    return {
        first: [(tag, numbers.get(tag, pattern)) for tag, pattern in kept if tag not in dropped]
        for first, kept in _LOADER.yaml_implicit_resolvers.items()
    }


TextLoader.yaml_implicit_resolvers = _resolvers()


class Extension(msgspec.Struct, frozen=True):
    """What others have written about a cluster."""

    name: str
    extension: Any = None


class Cluster(msgspec.Struct, rename="kebab", frozen=True):
    """Where an API server is, and by what it is known."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    extensions: list[Extension] | None = None


class Variable(msgspec.Struct, frozen=True):
    """An environment variable of a program."""

    name: str
    value: str


class ExecPlugin(msgspec.Struct, rename="camel", frozen=True):
    """A program that gives credentials (client.authentication.k8s.io)."""

    command: str
    api_version: str = "client.authentication.k8s.io/v1"
    args: list[str] | None = None
    env: list[Variable] | None = None
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""


class User(msgspec.Struct, rename="kebab", frozen=True):
    """By what the caller is known."""

    token: str = ""
    token_file: str = msgspec.field(name="tokenFile", default="")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    username: str = ""
    password: str = ""
    exec: ExecPlugin | None = None


class Context(msgspec.Struct, frozen=True):
    """A cluster, a user and a namespace, by one name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class Target(msgspec.Struct, frozen=True):
    """Whom requests go to, and as whom.

    Attributes:
        name: Of the context; `in-cluster` in a pod.
        namespace: The one that is meant where none is named.
    """

    name: str
    cluster: Cluster
    user: User
    namespace: str = "default"


class Kubeconfig(msgspec.Struct):
    """What the files say together."""

    clusters: dict[str, Cluster] = {}
    users: dict[str, User] = {}
    contexts: dict[str, Context] = {}
    current: str = ""
    files: list[Path] = []

    def target(self, context: str = "") -> Target:
        """Return the target of a context, or of the current one.

        Raises:
            NotFoundError: There is no such context.
            InvalidConfigError: It names a cluster or user that is not there, or the cluster no server.
        """
        name = context or self.current
        found = self.contexts.get(name)
        if found is None:
            raise self._unknown(name)
        cluster, user = self.clusters.get(found.cluster), self.users.get(found.user)
        if cluster is None or not cluster.server:
            raise _incomplete(name, "cluster", found.cluster)
        if user is None:
            raise _incomplete(name, "user", found.user)
        return Target(name, cluster, user, found.namespace or "default")

    def _unknown(self, name: str) -> NotFoundError:
        shown = ", ".join(str(file) for file in self.files) or "no kubeconfig file"
        if not name:
            return NotFoundError(
                f"no cluster is selected ({shown})", found="no current-context", expected="a context",
                suggestions=["start one: outrider cluster up", "name one: --cluster CONTEXT", "kubectl config use-context CONTEXT"],
            )  # fmt: skip
        return NotFoundError(
            f"no Kubernetes context is called '{name}' ({shown})", found=name, expected=", ".join(sorted(self.contexts)) or "none there",
            suggestions=did_you_mean(name, list(self.contexts)),
        )  # fmt: skip


def kubeconfig_files(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Return the files that kubectl would read, first the one whose values win."""
    given = (os.environ if environment is None else environment).get("KUBECONFIG", "")
    named = [Path(part) for part in given.split(os.pathsep) if part]
    return named or [Path.home() / ".kube" / "config"]


def read_kubeconfig(files: Sequence[Path] | None = None) -> Kubeconfig:
    """Read kubeconfig files and merge them: of two values of one name the first one wins, and files that are absent count for nothing.

    Args:
        files: The files; those of the environment if None.

    Raises:
        InvalidConfigError: A file is none.
    """
    merged = Kubeconfig()
    for file in kubeconfig_files() if files is None else files:
        try:
            text = file.read_text()
        except FileNotFoundError:
            continue
        except UnicodeError:
            raise InvalidConfigError(f"{file} is no kubeconfig file: no UTF-8", found=str(file)) from None
        except OSError as error:
            raise InvalidConfigError(
                f"{file}: {error.strerror}", found=str(file), expected="a file that may be read"
            ) from error
        _merge(merged, _read_document(file, text), file)
        merged.files.append(file)
    return merged


def find_target(context: str = "") -> Target:
    """Return the target of a context of the kubeconfig files; in a pod, where none is named, that of the pod itself.

    Raises:
        NotFoundError: There is no such context, or none at all.
        InvalidConfigError: A file cannot be used.
    """
    if not context and not os.environ.get("KUBECONFIG") and (inside := pod_target()) is not None:
        return inside
    return read_kubeconfig().target(context)


def pod_target(folder: Path = POD_FOLDER) -> Target | None:
    """Return the target of the pod that this process runs in; None where it runs in none."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").exists():
        return None
    shown = f"[{host}]" if ":" in host else host
    cluster = Cluster(server=f"https://{shown}:{port}", certificate_authority=str(folder / "ca.crt"))
    namespace = folder / "namespace"
    return Target(
        "in-cluster", cluster, User(token_file=str(folder / "token")),
        namespace.read_text().strip() if namespace.exists() else "default",
    )  # fmt: skip


class _NamedCluster(msgspec.Struct):
    name: str = ""
    cluster: Cluster = Cluster()


class _NamedUser(msgspec.Struct):
    name: str = ""
    user: User = User()


class _NamedContext(msgspec.Struct):
    name: str = ""
    context: Context = Context()


class _Document(msgspec.Struct, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str = ""
    kind: str = "Config"


def _without_null(value: Any) -> Any:
    """Return a document as if what is null in it were not there, which is how kubectl takes it."""
    if isinstance(value, dict):
        return {key: _without_null(inner) for key, inner in value.items() if inner is not None}
    return [_without_null({} if inner is None else inner) for inner in value] if isinstance(value, list) else value


def _read_document(file: Path, text: str) -> _Document:
    try:
        plain = yaml.load(text, Loader=TextLoader)  # noqa: S506 - a safe loader, in C where that is there
        document = msgspec.convert({} if plain is None else _without_null(plain), _Document)
        _check(document)
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        said = str(error)
        if isinstance(error, yaml.MarkedYAMLError):
            # Without the excerpt that the whole error has: it may be a token.
            said = f"line {error.problem_mark.line + 1 if error.problem_mark else '?'}: {error.problem or 'no YAML'}"
        raise InvalidConfigError(
            f"{file} is no kubeconfig file: {said}", found=str(file), expected="a kubeconfig (apiVersion v1, kind Config)",
            suggestions=["kubectl config view", "name another one in KUBECONFIG"],
        ) from None  # fmt: skip
    return document


def _check(document: _Document) -> None:
    if document.kind != "Config":
        raise ValueError(f"kind {document.kind}")
    for part in (document.clusters, document.users, document.contexts):
        names = [entry.name for entry in part or ()]
        if len(names) > len(set(names)):
            raise ValueError("a name stands twice")


def _merge(merged: Kubeconfig, document: _Document, file: Path) -> None:
    folder = file.parent
    for one in document.clusters or ():
        merged.clusters.setdefault(one.name, _beside(one.cluster, folder, "certificate_authority"))
    for two in document.users or ():
        user = _beside(two.user, folder, "client_certificate", "client_key", "token_file")
        if user.exec is not None and "/" in user.exec.command:
            user = msgspec.structs.replace(user, exec=_beside(user.exec, folder, "command"))
        merged.users.setdefault(two.name, user)
    for three in document.contexts or ():
        merged.contexts.setdefault(three.name, three.context)
    merged.current = merged.current or document.current_context


def _beside(part: S, folder: Path, *fields: str) -> S:
    """Let relative paths count from the folder of their file."""
    changes = {name: str(folder / value) for name in fields if (value := getattr(part, name))}
    return msgspec.structs.replace(part, **changes) if changes else part


def _incomplete(context: str, what: str, name: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the context '{context}' of the kubeconfig names the {what} '{name}', which it does not have", found=name or "none",
        expected=f"a {what} of the same files" + (" with a server" if what == "cluster" else ""),
        suggestions=["kubectl config view"],
    )  # fmt: skip
