"""Commands whose options have defaults in `sis-edge.toml` and in the environment, below the command line.

Typer's own map of defaults has them, so that `--help` shows what holds here. A flag that is set there is unset on the
command line by its opposite, such as `--no-strict`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sis_edge.config import Configuration, Setting, Table, find, read, variables
from sis_edge.errors import SisEdgeError, UsageError
from sis_edge.files.home import expanded

VARIABLE = "SIS_EDGE_CONFIG"

Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File with defaults of options; see `sis-edge config`. [default: sis-edge.toml, here or above]",
    ),
]
NoConfig = Annotated[bool, typer.Option("--no-config", help="Read no such file.")]

# Behind a command they are taken, too; its help has enough without them.
HiddenConfig = Annotated[Path | None, typer.Option("--config", hidden=True, help="File with defaults of options.")]
HiddenNoConfig = Annotated[bool, typer.Option("--no-config", hidden=True, help="Read no such file.")]

NEVER = frozenset({"help", "as_json", "quiet", "verbose"})
"""How one call prints is said on its command line."""


class _Configured:
    """What a command and a group that is one share."""

    params: Any
    get_params: Any

    def make_parser(self, ctx: Any) -> Any:
        """The parser, with the opposites of flags."""
        parser = super().make_parser(ctx)  # type: ignore[misc]
        taken = {name for param in self.params for name in param.opts}
        for param in configurable(self).values():
            if is_one_sided(param) and (name := _opposite(param)) not in taken:
                parser.add_option(obj=param, opts=[name], dest=param.name, action="store_const", const=False)
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with the defaults that hold here."""
        if ctx.parent is not None and not ctx.resilient_parsing:
            ctx.meta[__name__] = found = self._read(ctx, args)
            held = found.of(path_of(ctx))
            own = {param.name: held[key] for key, param in configurable(self).items() if key in held}
            ctx.meta[_key(ctx)] = own
            ctx.default_map = {name: setting.value for name, setting in own.items()}
        with naming(ctx):
            return super().parse_args(ctx, args)  # type: ignore[misc, no-any-return]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, where a default that holds here takes the place of the one that the text names."""
        for param in self.params:
            if param.name in settings(ctx):
                param.help = re.sub(r"\s*\[default: [^]]*\]", "", param.help or "")
                param.required = False
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def _read(self, ctx: Any, args: list[str]) -> Configuration:
        """All settings; a help is shown even where they are damaged."""
        words = self.make_parser(ctx).parse_args(args=list(args))[0]
        try:
            return configuration(ctx, words)
        except UsageError:
            asks = {param.name for param in self.get_params(ctx) if {*param.opts} & {*ctx.help_option_names}}
            if any(words.get(name) for name in asks):
                return Configuration()
            raise


class ConfiguredCommand(_Configured, TyperCommand):
    """A command with such defaults."""


class ConfiguredGroup(_Configured, TyperGroup):
    """A group that is a command too, with such defaults."""


def configuration(ctx: Any, words: Mapping[str, Any]) -> Configuration:
    """All settings for this command line; `words` are the options behind the command."""
    from sis_edge.cli.tables import tables

    root = ctx.find_root()
    is_off, named = (words.get(name) or root.params.get(name) for name in ("no_config", "config"))
    if is_off and named:
        raise UsageError("--config and --no-config exclude each other; leave one out")
    name = None if is_off else named or os.environ.get(VARIABLE)
    path = None if is_off else expanded(Path(name)) if name else _nearest()
    if path is None and not variables():
        return Configuration()
    return read(tables(root.command), path, is_named=name is not None)


def _nearest() -> Path | None:
    try:
        return find(Path.cwd(), expanded(Path("~")))
    except FileNotFoundError:  # a current folder that was removed
        return None


def current(ctx: Any) -> Configuration:
    """All settings, as the command read them."""
    found: Configuration = ctx.meta.get(__name__, Configuration())
    return found


def settings(ctx: Any) -> dict[str, Setting]:
    """The settings that a command was parsed with, by the names of its parameters."""
    found: dict[str, Setting] = ctx.meta.get(_key(ctx), {})
    return found


def configurable(command: Any) -> dict[str, Any]:
    """The options of a command that may have such defaults, by their keys."""
    options = (param for param in command.params if param.param_type_name == "option" and not param.hidden)
    return {word(param).lstrip("-"): param for param in options if param.name not in NEVER}


def word(param: Any) -> str:
    """An option as the help has it."""
    return str(max(param.opts, key=len))


def is_one_sided(param: Any) -> bool:
    """Whether an option is a flag without an opposite of its own."""
    return bool(getattr(param, "is_flag", False)) and not param.secondary_opts


def source(ctx: Any, name: str) -> str:
    """Where Typer has a parameter's value from: COMMANDLINE, DEFAULT_MAP or another name."""
    return str(getattr(ctx.get_parameter_source(name), "name", ""))


def path_of(ctx: Any) -> Table:
    """The words of a command."""
    return () if ctx.parent is None else (*path_of(ctx.parent), str(ctx.info_name))


@contextmanager
def naming(ctx: Any) -> Iterator[None]:
    """Where an error in the block names an option or a value that a setting gave, it says where that is."""
    try:
        yield
    except SisEdgeError as error:
        if found := list(_named(ctx, str(error))):
            error.args = ("; ".join((str(error), *found)),)
        raise


def _named(ctx: Any, sentence: str) -> Iterator[str]:
    for param in ctx.command.params:
        setting = settings(ctx).get(param.name)
        if setting is None or source(ctx, param.name) == "COMMANDLINE":
            continue
        option, value = word(param), str(setting.value)
        if re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", sentence) or _has(sentence, value):
            yield f"{option} is from {setting.place}"


def _has(sentence: str, value: str) -> bool:
    """Whether a sentence is about a value: between quotes, or as a path.

    >>> _has("unknown profile 'x'", "x"), _has("the bundle a/b has no manifest", "a/b"), _has("an axe", "x")
    (True, True, False)
    """
    return f"'{value}'" in sentence or ("/" in value and value in sentence)


def _opposite(param: Any) -> str:
    """What unsets a flag: --no-strict, and --queue for --no-queue."""
    name = word(param).removeprefix("--")
    return f"--{name.removeprefix('no-')}" if name.startswith("no-") else f"--no-{name}"


def _key(ctx: Any) -> str:
    return f"{__name__} {ctx.command_path}"
