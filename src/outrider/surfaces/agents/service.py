"""The host of an AI agent as a process: `outrider agent-host serve --settings FILE`."""

import argparse
import asyncio
from pathlib import Path

from outrider.edge.service import run_agent
from outrider.edge.settings import read_settings
from outrider.ports.clock import SystemClock
from outrider.ports.telemetry import configure_logging, start_tracing
from outrider.surfaces.agents.tasks import AgentTasks


def serve(arguments: list[str]) -> None:
    """Run the host."""
    parser = argparse.ArgumentParser(prog="outrider agent-host serve")
    parser.add_argument("--settings", required=True, type=Path, help="settings file of the agent (JSON)")
    settings = read_settings(parser.parse_args(arguments).settings)
    configure_logging()
    start_tracing()
    asyncio.run(run_agent(settings, lambda link: AgentTasks(settings, link, SystemClock())))
