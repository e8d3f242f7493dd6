"""The host of an AI agent as a process: `outrider agent-host serve --settings FILE`."""

from outrider.edge import service
from outrider.surfaces.agents.tasks import AgentTasks


def serve(arguments: list[str]) -> None:
    """Run the host."""
    service.serve(arguments, name="agent-host", make_tasks=AgentTasks)
