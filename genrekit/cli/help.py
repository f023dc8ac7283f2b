"""Layout of ``--help``: options in panels by purpose, in words of the command line."""

from __future__ import annotations

import re
from collections import defaultdict
from enum import Enum
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_PANELS = {
    "Input": "features data read merge_labels ambiguous results offset duration split min_duration split_by test_size "
    "valid_size window_s prefer undo root "
    "against source shards label_from labels_map match rows index duplicates unlike similarity "
    "genres region provider regions_file limit playlists",
    "Prediction": "model top_k min_confidence labels unfamiliar windows explain explain_dir heat_map with_ labels_max by map_file k genre other_artists",
    "Training": "backend config print_config settings seed refit grid device multilabel about licence no_keys cv "
    "rank_by no_cost min_new max_share promote rollback watch weights space trials batch objective pick prune repeats learning_curve parent",
    "Output": "format output field report_folder html to link copy write overwrite append keep_time journal card as_json columns "
    "unpack keep_archive int8 track history",
    "Run": "dry_run jobs cluster timeout resume prune retry_errors no_cache yes clear quiet verbose version "
    "help install_completion show_completion",
    "Server": "host port api_key_file admin_key_file no_key allow_host allow_origin allow_path root_path trust_proxy "
    "max_upload max_files max_duration queue rate drain ab shadow shadow_file log log_names certfile keyfile open_ exit_with_page insecure keep store store_limit uploader_limit max_kept retention",
}
_PANEL_OF = {name: panel for panel, names in _PANELS.items() for name in names.split()}
_OTHER = "Options"


def names(parameter: Any) -> str:
    """Return the spelling of a parameter on the command line: '-k, --top-k N', or the name of an argument."""
    if parameter.param_type_name == "argument":
        return metavar(parameter)
    words = sorted((*parameter.opts, *parameter.secondary_opts), key=lambda word: (len(word) > 2, word))
    value = "" if parameter.is_flag or parameter.count else f" {metavar(parameter)}"
    return ", ".join(words) + value


def metavar(parameter: Any) -> str:
    """Return the placeholder of a value: its choices, or its kind."""
    if parameter.metavar:
        return str(parameter.metavar)
    if isinstance(parameter.default, Enum):
        return "|".join(str(choice.value) for choice in type(parameter.default))
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return "N" if isinstance(parameter.default, int) else "NUMBER"


def default_of(parameter: Any) -> str:
    """Return the default as text; '' if there is none."""
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return "" if default in (None, False, "", ()) or callable(default) else str(default)


def usage(command: Any, path: str) -> str:
    """Return the usage line of a command."""
    words = [path, "[OPTIONS]"]
    if hasattr(command, "commands"):
        words.append("COMMAND ...")
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = metavar(parameter)
            words.append(word if parameter.required or word.endswith("...") else f"[{word}]")
    return " ".join(words)


def _print(command: Any, ctx: Any) -> None:
    from rich.console import Console, RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)

    def panel(title: str, rows: list[tuple[str, str]]) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        longest = max(len(left) for left, _ in rows)
        table.add_column(width=min(longest, max(16, (console.width - 4) * 2 // 5)), overflow="fold")
        table.add_column(overflow="fold", ratio=1)
        for left, right in rows:
            table.add_row(Text(left, "bold cyan"), Text(right))
        return Panel(table, title=title, title_align="left", border_style="dim")

    console.print(Text(f"\nUsage: {usage(command, ctx.command_path)}\n", "bold"))
    for part in (command.help or "").split("\n\n"):
        console.print(Text(" ".join(part.split()) + "\n"))
    panels: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for parameter in command.get_params(ctx):
        if getattr(parameter, "hidden", False):
            continue
        is_argument = parameter.param_type_name == "argument"
        words = " ".join((getattr(parameter, "help", None) or "").split())
        default = default_of(parameter)
        title = "Input" if is_argument else _PANEL_OF.get(parameter.name, _OTHER)
        shown = f"{words} [default: {default}]" if default and not is_argument else words
        panels[title].append((names(parameter), shown))
    if hasattr(command, "commands"):
        children = [(name, child) for name, child in command.commands.items() if not child.hidden]
        rows = [(name, (child.help or "").strip().split("\n\n")[0]) for name, child in children]
        console.print(panel("Commands", [(name, " ".join(words.split())) for name, words in rows]))
    for title in (*_PANELS, _OTHER):
        if panels[title]:
            console.print(panel(title, panels[title]))


_WORDS = (
    (re.compile(r"Input should be a valid integer\b.*"), "is not a whole number"),
    (re.compile(r"Input should be a valid number\b.*"), "is not a number"),
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"is too small; at least \1 is allowed"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"is too large; at most \1 is allowed"),
    (re.compile(r"Input should be greater than (\S+)"), r"is too small; more than \1 is allowed"),
    (re.compile(r"Input should be less than (\S+)"), r"is too large; less than \1 is allowed"),
    (re.compile(r"Input should be a finite number\b.*"), "is not a finite number"),
)
"""Words of the library that checks values, and what to say of the value instead."""


def _plain(error: Any, arguments: list[str]) -> Any:
    """Return an error of usage in the words of this program, with the value that was given."""
    message = error.message.removeprefix("Value error, ")
    for pattern, words in _WORDS:
        if found := pattern.fullmatch(message):
            given = _given(error, arguments)
            message = f"{given} is not a number." if given == "'nan'" else f"{given} {found.expand(words)}."
            break
    error.message = message
    if getattr(error.param, "envvar", None):  # it would be shown as a list of Python
        error.param_hint = f"'{error.param.opts[0]}'"
    return error


def _given(error: Any, arguments: list[str]) -> str:
    """Return the value of the option of an error in quotation marks; 'the value' where it was not typed.

    The last value counts where an option is typed twice.
    """
    options = getattr(error.param, "opts", ())
    given = "the value"
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    for word, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, has_value, rest = word.partition("=")
        if name in options:
            given = f"'{rest if has_value else value}'"
        elif len(word) > 2 and not word.startswith("--") and word[:2] in options:
            given = f"'{word[2:]}'"
    return given


class Command(TyperCommand):
    """A command with this help."""

    def get_usage(self, ctx: Any) -> str:
        """Return the usage line."""
        return f"Usage: {usage(self, ctx.command_path)}"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            raise _plain(error, given) from None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _print(self, ctx)


class Group(TyperGroup):
    """A group of commands with this help."""

    def get_usage(self, ctx: Any) -> str:
        """Return the usage line."""
        return f"Usage: {usage(self, ctx.command_path)}"

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _print(self, ctx)
