"""The command tree. Commands are imported when they are used; families come from the registry."""

import importlib
import os
import sys
from types import ModuleType
from typing import Any

import click

from outrider.core.errors import (
    ExecutionFailedError,
    InvalidConfigError,
    MissingRequirementError,
    OutriderError,
    did_you_mean,
)
from outrider.runtime.discovery import registry
from outrider.surfaces.cli.errors import show_error
from outrider.surfaces.cli.settings import Settings

# Modules of what is not always installed, and the extras that bring them.
EXTRAS = {"httptools": "sidecar", "uvloop": "sidecar", "litestar": "http", "uvicorn": "http"}
# name: (module below this package, attribute, help)
COMMANDS = {
    "up": ("platform", "up", "Start the platform of a folder and show what happens."),
    "down": ("platform", "down", "Stop a platform."),
    "reload": ("reload", "reload", "Take over the changed files of a running platform."),
    "status": ("status", "status", "Say what runs, what is wrong and what to do."),
    "watch": ("live", "watch", "Show what happens on the running platform, as it happens."),
    "pause": ("holds", "pause", "Let nothing new begin on the platform."),
    "resume": ("holds", "resume", "Let a paused platform go on."),
    "demo": ("demo", "demo", "See Outrider do its job."),
    "events": ("events", "events", "List events, and send some."),
    "runs": ("runs", "runs", "List runs and look into one."),
    "rules": ("rules", "rules", "List rules, switch them on and off."),
    "schedules": ("schedules", "schedules", "List scheduled calls and what became of them."),
    "queue": ("queue", "queue", "Look at the queue and its dead letters."),
    "silences": ("holds", "silences", "Keep rules from running for a while."),
    "agent": ("agent", "agent", "Run an AI agent, read its logs, see what it cost."),
    "agents": ("agents", "agents", "List agents, cordon, drain, revoke, make enrolment tokens."),
    "approvals": ("approvals", "approvals", "Answer the questions that rules ask."),
    "audit": ("audit", "audit", "Read and verify the audit chains."),
    "operators": ("operators", "operators", "List operator families and their operations."),
    "plan": ("planning", "plan", "Find out what an operation would change."),
    "tsk": ("tsk", "tsk", "Check, lay out, plan and apply files of calls."),
    "apply": ("planning", "apply", "Do what a plan says, or apply objects."),
    "get": ("objects", "get", "List applied objects."),
    "describe": ("objects", "describe", "Show an applied object."),
    "delete": ("objects", "delete", "Remove an applied object."),
    "validate": ("validate", "validate", "Check the objects of a folder."),
    "plans": ("planning", "plans", "List plans and what became of them."),
    "serve": ("serve", "serve", "Serve operations and the platform over HTTP."),
    "mcp": ("mcp", "mcp", "Let AI agents use operations as tools."),
    "plugin": ("plugins", "plugin", "List plugins, make new ones, try them."),
    "cluster": ("cluster", "cluster", "Run a real one-node Kubernetes on this machine."),
    "controller": ("controller", "controller", "Install what looks after AgentTypes in a Kubernetes cluster."),
    "secret": ("secret", "secret", "Keep secrets in the encrypted store."),
    "context": ("contexts", "context", "List and select platforms."),
    "backup": ("backup", "backup", "Save the state of a platform while it runs."),
    "restore": ("backup", "restore", "Make a platform's state from a backup."),
    "support-bundle": ("support", "support_bundle", "Gather what helps somebody help, without secrets."),
    "doctor": ("doctor", "doctor", "Check what this machine offers."),
    "explain": ("explain", "explain", "Explain an error code, a kind or a field."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
    "version": ("operators", "version", "Print the version."),
}
INTERRUPTED = 130
GLOBAL_FLAGS = frozenset({"--no-input", "--quiet"})


def _imported(module: str) -> ModuleType:
    """Import the module of a command.

    Raises:
        MissingRequirementError: It is one of an extra that is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        if extra is None:
            raise
        raise MissingRequirementError(
            f"this command needs {error.name}", found="not installed", expected=f"the extra `{extra}`",
            suggestions=[f"pip install 'outrider[{extra}]'"],
        ) from error  # fmt: skip


class Root(click.Group):
    """Platform nouns, then one group per family and alias."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command; families after the nouns."""
        del ctx
        return [*COMMANDS, *sorted(registry().families)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name in COMMANDS:
            module, attribute, _ = COMMANDS[cmd_name]
            command: click.Command = getattr(_imported(f"outrider.surfaces.cli.{module}"), attribute)
            return command
        try:
            family, _ = registry().family(cmd_name)
        except OutriderError:
            return None
        from outrider.surfaces.cli.operations import FamilyGroup

        return FamilyGroup(family, name=cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt one gets near names."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = [*COMMANDS, *registry().families]
            raise InvalidConfigError(
                f"no command is called '{args[0]}'",
                found=args[0],
                expected="a command, or a family of operators",
                suggestions=did_you_mean(args[0], known)[:3] if len(did_you_mean(args[0], known)) < 9 else [],
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the tables, without importing any command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in COMMANDS.items()])
        families = [(name, family.declaration.summary) for name, family in sorted(registry().families.items())]
        with formatter.section("Operators"):
            formatter.write_dl(families)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--context", "context_name", metavar="NAME", help="Platform to talk to; see `outrider context list`.")
@click.option("--no-input", is_flag=True, help="Never ask, as if there were no terminal.")
@click.option("--quiet", is_flag=True, help="Results and errors only, no notes and no timeline.")
@click.version_option(package_name="outrider", message="outrider %(version)s")
@click.pass_context
def root(ctx: click.Context, context_name: str | None, *, no_input: bool, quiet: bool) -> None:
    """Outrider runs agents beside the systems they look after."""
    ctx.obj = Settings(context=context_name, no_input=no_input, quiet=quiet)


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit status; every error is shown here and nowhere else."""
    _replace_closed_streams()
    as_json = _wants_json(arguments)
    try:
        status = _run(arguments, as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell
        return 0
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is still to be flushed
        where = error.filename or "standard output"
        ours = ExecutionFailedError(
            f"{where}: {error.strerror}", suggestions=["make room, or send the output elsewhere"]
        )
        return _fail(ours, as_json=as_json)
    return status


def _run(arguments: list[str], *, as_json: bool) -> int:
    try:
        result = root.main(args=_global_first(arguments), prog_name="outrider", standalone_mode=False)
    except (OutriderError, click.ClickException) as error:
        return _fail(error, as_json=as_json)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _replace_closed_streams() -> None:
    """Give standard input and error to nothing where the caller has closed them; what is meant for a closed output fails."""
    for name, flags in (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            # The lowest free number: nothing else, a socket say, may become what programs take for a standard stream.
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), "r" if name == "stdin" else "w"))


def _fail(error: OutriderError | click.ClickException, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stdout.write(error.format_message() + "\n")
        return 0
    ours = error if isinstance(error, OutriderError) else _usage_error(error)
    show_error(ours, as_json=as_json)
    return ours.exit_code


def _global_first(arguments: list[str]) -> list[str]:
    """Move the flags that concern every command to the front: they may stand anywhere before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = [word for word in arguments[:end] if word in GLOBAL_FLAGS]
    return [*flags, *(word for word in arguments[:end] if word not in GLOBAL_FLAGS), *arguments[end:]]


def _wants_json(arguments: list[str]) -> bool:
    pairs = list(zip(arguments, [*arguments[1:], ""], strict=True))
    return any(
        (word in ("-o", "--output") and value == "json")
        or word in ("-ojson", "--output=json", "--json")
        or word.startswith("--json=")
        for word, value in pairs
    )


def _usage_error(error: click.ClickException) -> OutriderError:
    """Translate click's errors into ours."""
    suggestions: list[str] = []
    if isinstance(error, click.NoSuchOption):
        suggestions = [f"did you mean '{option}'?" for option in error.possibilities or []]
    context: Any = getattr(error, "ctx", None)
    if context is not None and not suggestions:
        suggestions = [f"see {context.command_path} --help"]
    return InvalidConfigError(error.format_message(), suggestions=suggestions)
