"""Commands made from operations: `outrider FAMILY OPERATION [POSITIONAL...] [--param value]`."""

from typing import Any

import click
import msgspec

from outrider.core.calls import Call
from outrider.core.errors import InvalidConfigError
from outrider.core.manifest import ServiceDeclaration
from outrider.core.operation import Effect
from outrider.core.plans import Plan
from outrider.core.registry import Family
from outrider.core.schema import json_schema
from outrider.core.units import parse_duration
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import Operation, load_operation
from outrider.surfaces.cli.output import Output, output_option
from outrider.surfaces.cli.plans import confirm_and_apply, show_plan
from outrider.surfaces.cli.results import show_result
from outrider.surfaces.cli.session import LocalSession, execute
from outrider.surfaces.cli.settings import FINDINGS
from outrider.surfaces.cli.values import typed_value
from outrider.surfaces.fields import field_helps
from outrider.surfaces.serve import serve_part


class FamilyGroup(click.Group):
    """The operations of one family; each is imported when it is used."""

    def __init__(self, family: Family, *, name: str) -> None:
        super().__init__(name=name, help=family.declaration.summary)
        self._family = family

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the operations in the manifest's order."""
        del ctx
        names = [operation.name for operation in self._family.declaration.operations]
        return [*names, *(["serve"] if self._service() else [])]

    def _service(self) -> ServiceDeclaration | None:
        """Return the service that goes by the family's name, for which there is the command `serve`."""
        return registry().services.get(self._family.name) if self.name == self._family.name else None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of one operation.

        Raises:
            UnknownOperationError: With near names.
        """
        del ctx
        service = self._service()
        if cmd_name == "serve" and service is not None:
            return _serving(service)
        operation = load_operation(registry(), self._family.name, cmd_name)
        letters = {name: letter for letter, name in self._family.declaration.short.items()}
        return operation_command(operation, self._preset(cmd_name), letters)

    def _preset(self, verb: str) -> dict[str, Any]:
        _, family_preset = registry().family(self.name or self._family.name)
        _, verb_preset = self._family.operation(verb)
        return {**family_preset, **verb_preset}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the manifest."""
        del ctx
        rows = [
            (operation.name, f"{operation.summary} ({operation.effect})")
            for operation in self._family.declaration.operations
        ]
        with formatter.section("Operations"):
            formatter.write_dl(rows)
        service = self._service()
        if service is not None:
            with formatter.section("Services"):
                formatter.write_dl([("serve", service.summary)])


def _serving(service: ServiceDeclaration) -> click.Command:
    """Return the command that runs a service, which reads its arguments itself."""

    def body(arguments: tuple[str, ...]) -> int:
        return serve_part(service.name, [*arguments])

    return click.Command(
        "serve", callback=body, params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)], help=service.summary,
        add_help_option=False, context_settings={"ignore_unknown_options": True},
    )  # fmt: skip


def operation_command(operation: Operation, preset: dict[str, Any], letters: dict[str, str]) -> click.Command:
    """Build the command of an operation from its parameter type; `letters` are short options, by parameter."""
    fields = {
        field.encode_name: field
        for field in msgspec.structs.fields(operation.code.params)
        if field.encode_name not in preset
    }
    helps = field_helps(operation.code.params)
    positional = [name for name in operation.declaration.positional if name in fields]
    params: list[click.Parameter] = [_argument(name, fields[name]) for name in positional]
    params += [_option(name, field, helps.get(name, ""), letters.get(name)) for name, field in fields.items()]
    params.append(click.Option(["--timeout", "_deadline"], help="Deadline of the whole call, such as 30s.")
                  if "timeout" not in fields else click.Option(["--deadline", "_deadline"], help="Deadline of the whole call."))  # fmt: skip
    if operation.declaration.effect.changes:
        params.append(click.Option(["--yes", "_yes"], is_flag=True, help="Apply the plan without asking."))
        params.append(click.Option(["--plan", "_plan"], is_flag=True, help="Only show the plan."))

    @output_option(operation.code.result, *([Plan] if operation.declaration.effect.changes else []))
    @click.pass_context
    def body(ctx: click.Context, /, output: Output, **words: Any) -> int:
        return _invoke(ctx, operation, preset, words, output)

    command = click.Command(
        operation.declaration.name,
        callback=body,
        params=params,
        help=_help(operation),
        short_help=operation.declaration.summary,
    )
    command.params.extend(getattr(body, "__click_params__", []))
    return command


def _argument(name: str, field: msgspec.structs.FieldInfo) -> click.Argument:
    many = json_schema(field.type).get("type") == "array"
    return click.Argument([name], required=False, nargs=-1 if many else 1)


def _option(name: str, field: msgspec.structs.FieldInfo, help_text: str, letter: str | None) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    names = [*([f"-{letter}"] if letter else []), flag, *([f"--{name}"] if "_" in name else [])]
    schema = json_schema(field.type)
    if schema.get("type") == "boolean":
        return click.Option([f"{flag}/--no-{name.replace('_', '-')}", f"opt_{name}"], default=None, help=help_text)
    return click.Option(
        [*names, f"opt_{name}"], multiple=schema.get("type") == "array", help=help_text, metavar=_metavar(schema)
    )


def _metavar(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(str(option) for option in schema["enum"])
    return {"integer": "N", "number": "X", "object": "JSON"}.get(str(schema.get("type")), "TEXT")


def _invoke(
    ctx: click.Context, operation: Operation, preset: dict[str, Any], words: dict[str, Any], output: Output
) -> int:
    deadline, yes, only_plan = words.pop("_deadline", None), words.pop("_yes", False), words.pop("_plan", False)
    params = {**preset, **_params(operation, words)}
    call = Call(operation.family, operation.declaration.name, params)
    session = LocalSession(ctx)
    options = msgspec.structs.replace(session.options, timeout=parse_duration(deadline) if deadline else None)
    invocation = session.invoker.prepare(call, options)
    if not invocation.effect.changes:
        return show_result(operation, execute(session.invoker.run(call, options)), output)
    plan = execute(session.planner.plan([call], options))
    if only_plan:
        show_plan(plan, output)
        return FINDINGS
    return confirm_and_apply(session, plan, options, output=output, yes=yes)


def _params(operation: Operation, words: dict[str, Any]) -> dict[str, Any]:
    """Turn words of the command line into values, by the declared type of each field only."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(operation.code.params)}
    params: dict[str, Any] = {}
    for name, field in fields.items():
        argument, option = words.get(name), words.get(f"opt_{name}")
        given = [value for value in (argument, option) if value not in (None, ())]
        if len(given) > 1:
            raise InvalidConfigError(
                f"'{name}' is given twice, as argument and as option", path=name, suggestions=[f"remove --{name}"]
            )
        if given:
            params[name] = typed_value(name, given[0], field.type)
    return params


def _help(operation: Operation) -> str:
    declaration = operation.declaration
    lines = [declaration.summary + ".", "", f"\b\nEffect: {declaration.effect}."]
    if declaration.effect is not Effect.READ:
        lines.append("Shows its plan first; --yes applies it.")
    if declaration.errors:
        lines.append(f"Errors: {', '.join(declaration.errors)}.")
    return "\n".join(lines)
