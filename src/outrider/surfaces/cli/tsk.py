"""`outrider tsk`: files of calls."""

import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.plans import ItemOutcome, Plan
from outrider.core.tsk.layout import formatted
from outrider.core.tsk.nodes import File
from outrider.core.tsk.printer import print_table
from outrider.core.tsk.scanner import source_of
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.plans import confirm_and_apply, show_plan
from outrider.surfaces.cli.session import LocalSession, execute
from outrider.surfaces.cli.settings import FINDINGS, note
from outrider.surfaces.tsk.checks import check_calls
from outrider.surfaces.tsk.evaluation import Evaluation
from outrider.surfaces.tsk.files import read_calls
from outrider.surfaces.tsk.plain import to_plain
from outrider.surfaces.tsk.surroundings import Surroundings

# What the strict reader takes for a number and YAML 1.1 for a text.
_EXPONENT = re.compile(r"^-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+$")
_FILE = click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
_VARIABLES = click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="What @var.NAME gives.")


@click.group()
def tsk() -> None:
    """Check, lay out, plan and apply files of calls (.tsk, YAML, JSON)."""


@tsk.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(paths: tuple[Path, ...]) -> int:
    """Read files, and check the calls in them as far as that is possible without running one."""
    for path in paths:
        check_calls(read_calls(path))
    note(f"{len(paths)} in order")
    return 0


@tsk.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit status 6 where a file would change.")
def fmt(paths: tuple[Path, ...], *, only_check: bool) -> int:
    """Lay files out in the one way; comments and order stay."""
    changed = False
    for path in paths:
        read_calls(path)
        before = path.read_bytes()
        after = formatted(source_of(before, path.name)).encode()
        if after == before:
            continue
        changed = True
        if not only_check:
            path.write_bytes(after)
        note(f"{path} {'would change' if only_check else 'changed'}")
    return FINDINGS if changed and only_check else 0


@tsk.command("eval")
@_FILE
@_VARIABLES
@output_option(dict[str, Any])
@click.pass_context
def evaluate(ctx: click.Context, path: Path, *, variables: tuple[str, ...], output: Output) -> int:
    """Run the reads of a file and show its values; a file that changes something is refused."""
    session = LocalSession(ctx)
    evaluation = _evaluation(session, read_calls(path), path, variables)
    values = execute(evaluation.run())
    if evaluation.changes:
        raise InvalidConfigError(
            f"{path.name} would change something: {evaluation.changes[0].name}", found=f"{len(evaluation.changes)} changes",
            expected="reads only", suggestions=[f"outrider plan {path}"],
        )  # fmt: skip
    show(values, output if not output.for_people else Output("json"))
    return 0


@tsk.command("plan")
@_FILE
@_VARIABLES
@output_option(Plan)
@click.pass_context
def plan(ctx: click.Context, path: Path, *, variables: tuple[str, ...], output: Output) -> int:
    """Run the reads of a file and plan its changes."""
    made = plan_of(LocalSession(ctx), path, variables)
    show_plan(made, output)
    return FINDINGS if made.items else 0


@tsk.command("apply")
@_FILE
@_VARIABLES
@click.option("--yes", is_flag=True, help="Apply the plan without asking.")
@output_option(Any, list[ItemOutcome], Plan)
@click.pass_context
def apply(ctx: click.Context, path: Path, *, variables: tuple[str, ...], yes: bool, output: Output) -> int:
    """Plan the changes of a file, and make exactly these."""
    session = LocalSession(ctx)
    made = plan_of(session, path, variables)
    if not made.items:
        show([], output, empty="nothing to do")
        return 0
    return confirm_and_apply(session, made, session.options, output=output, yes=yes)


@tsk.command("to-yaml")
@_FILE
def to_yaml(path: Path) -> int:
    """Print a .tsk file in the YAML form, or a YAML file as .tsk; comments are lost."""
    tree = read_calls(path).root
    if path.suffix != ".tsk":
        sys.stdout.write(print_table(tree))
        return 0
    sys.stdout.write(yaml.dump(to_plain(tree), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120))
    return 0


class Dumper(yaml.SafeDumper):
    """Writes YAML from which the strict reader takes the same values."""


def _text_of(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    breaks = any(sign in value for sign in "\x85\u2028\u2029\ufeff")  # YAML would fold them into line ends
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if breaks else None)


Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-0123456789"))
Dumper.add_representer(float, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", repr(value)))
Dumper.add_representer(str, _text_of)


def plan_of(session: LocalSession, path: Path, variables: Iterable[str]) -> Plan:
    """Return the plan of a file's changes; its reads are run."""
    evaluation = _evaluation(session, read_calls(path), path, variables)

    async def made() -> Plan:
        await evaluation.run()
        return await session.planner.plan(evaluation.changes, session.options)

    return execute(made())


def _evaluation(session: LocalSession, file: File, path: Path, variables: Iterable[str]) -> Evaluation:
    surroundings = Surroundings(
        environment=os.environ, variables=_variables(variables), folder=path.resolve().parent, now=time.time()
    )
    return Evaluation(file, session.invoker, session.options, surroundings)


def _variables(words: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise InvalidConfigError(f"--var: {word!r} is not NAME=VALUE", found=word, suggestions=["--var name=value"])
        if name in found:
            raise ConflictError(f"--var: {name} is given twice", found=word, suggestions=[f"give {name} once"])
        found[name] = value
    return found
