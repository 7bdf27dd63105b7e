"""Names and the modules behind them, built in or from a plugin; a module is imported when it is used.

What a plugin does wrong costs its own name and nothing else: whatever it raises becomes a BrokenPluginError, whose text
says so in a sentence, and the traceback goes to standard error. The agent's own modules keep their errors.
"""

import contextlib
import importlib
import traceback
from typing import Any, Dict, Iterator, Type


class BrokenPluginError(Exception):
    """A plugin that cannot be imported or does what no such module may; the text is the answer for its name."""


class Modules:
    """The built-in names in their order, then the plugins'. `answers` is the error by which a module says no."""

    def __init__(self, builtin: Dict[str, str], plugins: Dict[str, str], answers: Type[Exception]) -> None:
        self._modules = dict(plugins, **builtin)
        self._names = [*builtin, *(name for name in plugins if name not in builtin)]
        self._builtin = builtin
        self._answers = answers

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    @contextlib.contextmanager
    def using(self, name: str) -> Iterator[Any]:
        """The module of this name, within a block; raises BrokenPluginError for a plugin that breaks in it."""
        try:
            yield importlib.import_module(self._modules[name])
        except self._answers:
            raise
        except (Exception, SystemExit) as error:
            if name in self._builtin:
                raise
            traceback.print_exc()
            first_line = (str(error).splitlines() or [""])[0]
            raise BrokenPluginError("unavailable ({}: {})".format(type(error).__name__, first_line))

    def listed(self) -> str:
        """The names for a message."""
        return ", ".join(self._names)
