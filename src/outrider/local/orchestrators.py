"""What an orchestrator of this platform is started with."""

from collections.abc import Mapping

from outrider.core.secrets import SecretRef
from outrider.kinds.platform.model import PlatformSpec
from outrider.local.layout import Layout
from outrider.local.queues import embedded_secret
from outrider.orchestrator.settings import OrchestratorSettings, QueueAccess


def orchestrator_settings(
    layout: Layout, platform: PlatformSpec, *, listen: str, number: int, queue: QueueAccess | None
) -> OrchestratorSettings:
    """Return the settings of one of the platform's orchestrators; the first one has the plain name."""
    database = platform.store.postgresql
    name = "orchestrator" if number == 1 else f"orchestrator-{number}"
    return OrchestratorSettings(
        listen=listen,
        state=layout.orchestrator.with_name(name),
        name=name,
        authority=layout.orchestrator / "authority",
        folder=layout.folder,
        token_file=layout.token,
        database=database.url if database else "",
        password=database.password if database else None,
        queue=queue,
        secret_sources=embedded_secret(layout)
        | {
            reference.secret: platform.secrets[reference.secret]
            for reference in own_secrets(platform)
            if reference.secret in platform.secrets
        },
        secrets=layout.secrets,
    )


def own_secrets(platform: PlatformSpec) -> list[SecretRef]:
    """Return the secrets that an orchestrator itself opens: those of its store and its queue."""
    database = platform.store.postgresql
    password = [database.password] if database is not None and database.password is not None else []
    return [*password, *(platform.queue.secrets() if platform.queue is not None else [])]


def own_variables(platform: PlatformSpec, variables: Mapping[str, str]) -> dict[str, str]:
    """Return those variables that hold such secrets."""
    sources = [platform.secrets.get(reference.secret) for reference in own_secrets(platform)]
    named = {source.env for source in sources if source is not None and source.env}
    return {name: value for name, value in variables.items() if name in named}
