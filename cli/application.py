"""How a command is declared: what every one of them has, and what is done when one fails."""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from typer.core import TyperGroup

from cli.connection import AGENT_NAME, QfSettings, Services, load_settings, open_services
from cli.errors import CommandFailed, ExitStatus, refused_input
from cli.output import Output
from services.kit.errors import InvalidField
from services.kit.logs import error_location

Parameters = ParamSpec("Parameters")

DEFAULT_CONFIG = Path(".local/qf.toml")
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help=f"Configuration; else QF_CONFIG, else ./{DEFAULT_CONFIG}."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]


def parse_agent_name(text: str) -> str:
    """The name of an agent. Raises typer.BadParameter."""
    if re.fullmatch(AGENT_NAME, text) is None:
        raise typer.BadParameter(
            "an agent's name is 1 to 100 lower-case letters, digits, dots, dashes, e.g. odile.agents.qf.internal"
        )
    return text


AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="NAME",
        parser=parse_agent_name,
        help="The agent of the caisse who acts (art. 4-1); else QF_AGENT, else the configuration's.",
    ),
]

_NIR_SHAPE = re.compile(r"[1-478][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{8}")
_SPACES = re.compile(r"[\s\u00a0\u202f]")
_EMAIL_SHAPE = re.compile(r"(?<![^\s<(=])[^\s@/<(=]+@[^\s@/]+\.[^\s@/]+")
_NEVER_TYPED = (
    *("--nir", "--nom", "--prenom", "--email", "--password"),
    *("--representative", "--signatory", "--signatory-name"),
)


@dataclass(frozen=True)
class GlobalOptions:
    """What may stand before the command as well as after it."""

    config: Path
    as_json: bool
    agent: str | None


class Qf:
    """What a command works with."""

    def __init__(self, command: str, options: GlobalOptions, resources: ExitStack) -> None:
        self._command = command
        self.output = Output(as_json=options.as_json)
        self._config = options.config
        self._agent = options.agent
        self._resources = resources

    @cached_property
    def settings(self) -> QfSettings:
        """The configuration, read when it is first needed."""
        return load_settings(self._config)

    @cached_property
    def services(self) -> Services:
        """The services."""
        configured = self.settings.agent
        agent = self._agent or (configured.name if configured else None)
        return self._resources.enter_context(open_services(self.settings, agent, self._command))


class GuardedGroup(TyperGroup):
    """The root of the commands: nothing confidential gets past it as an argument (N5)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuses what other users of the machine could read in the list of processes."""
        refuse_confidential_arguments(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the work: what has no group, and is only looked at, comes last."""
        return sorted(super().list_commands(ctx), key=lambda name: name in _LOOKED_AT)


_LOOKED_AT = frozenset({"deadlines", "history", "events", "report", "retention", "status"})


def refuse_confidential_arguments(arguments: Sequence[str]) -> None:
    """Raises typer.BadParameter, without repeating it, where a NIR, a name or a password is an argument (N5)."""
    for argument in arguments:
        option, _, value = argument.partition("=")
        if (
            option in _NEVER_TYPED
            or any(map(_is_nir_shaped, (argument, value)))
            or _EMAIL_SHAPE.search(argument)
        ):
            raise typer.BadParameter(
                "a NIR, a person's name, an e-mail address or a password is never an argument: every user of this "
                "machine could read it in the list of processes, and the shell keeps it in its history. Leave it out "
                "and qf asks for it, or give a file (--nir-file, --user-file, --form, --profile-file, --identity-file; "
                "- for standard input). If one was just typed, remove it from the shell's history."
            )


def command(
    group: typer.Typer, name: str, *, examples: Sequence[str], panel: str | None = None
) -> Callable[[Callable[Concatenate[Qf, Parameters], None]], Callable[Concatenate[Qf, Parameters], None]]:
    """Adds a function to `group`: it is handed a Qf, has the global options, and its failures are told in words."""

    def add(
        function: Callable[Concatenate[Qf, Parameters], None],
    ) -> Callable[Concatenate[Qf, Parameters], None]:
        @functools.wraps(function)
        def run(
            ctx: typer.Context, config: Path | None, as_json: bool, acting: str | None, **arguments: Any
        ) -> None:
            above: GlobalOptions = ctx.obj
            options = GlobalOptions(config or above.config, as_json or above.as_json, acting or above.agent)
            raise typer.Exit(_run(ctx.command_path, options, functools.partial(function, **arguments)))

        _show_signature(run, function)
        epilog = "\n\n".join(["Examples:", *(example.replace("[", r"\[") for example in examples)])
        group.command(name, help=_folded(function), epilog=epilog, rich_help_panel=panel)(run)
        return function

    return add


def _run(command_path: str, options: GlobalOptions, function: Callable[[Qf], None]) -> int:
    with ExitStack() as resources:
        qf = Qf(command_path, options, resources)
        try:
            function(qf)
        except CommandFailed as failed:
            qf.output.failure(failed)
            return failed.status
        except InvalidField as error:
            qf.output.failure(refused_input(error))
            return ExitStatus.REFUSED
        except KeyboardInterrupt:
            qf.output.note("Interrupted.")
            return ExitStatus.INTERRUPTED
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError:
            # Who reads us has seen enough (`qf … | head`); nothing is left to say, nor where to say it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:  # noqa: BLE001  # the outermost net: a traceback could quote what a person typed
            qf.output.failure(_defect(error))
            return ExitStatus.REFUSED
    return ExitStatus.DONE


def _defect(error: Exception) -> CommandFailed:
    where = f"{type(error).__name__} at {error_location(error)}"
    return CommandFailed(f"qf has a defect ({where}).", "Report this line; nothing you typed is in it.")


def _folded(function: Callable[..., None]) -> str:
    """The docstring with one line for each paragraph: the help breaks lines at the terminal's own width."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _show_signature(run: Callable[..., None], function: Callable[..., None]) -> None:
    """Lets typer see `function`'s own parameters, then the global options; the Qf is ours to give."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        *(parameter.replace(kind=keyword) for parameter in own),
        inspect.Parameter("config", keyword, default=None, annotation=ConfigOption),
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonOption),
        inspect.Parameter("acting", keyword, default=None, annotation=AgentOption),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # honoured by inspect.signature
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _is_nir_shaped(text: str) -> bool:
    return _NIR_SHAPE.fullmatch(_SPACES.sub("", text).upper()) is not None
