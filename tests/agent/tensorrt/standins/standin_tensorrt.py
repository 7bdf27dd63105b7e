"""A stand-in for the `tensorrt` module of one version: the names of that version and no others, from surface.json.

It behaves as the documentation says: calls in the wrong order fail, a failed build or load gives None, errors go to the
error recorder where there is one and to the logger else, the builder tells of sparsity in its version's words, and
without a device the process dies. Logits are real: ONNX Runtime computes them. CPython 3.6.
"""

import enum
import json
import pathlib
import weakref

import standin_builder
import standin_engine
from standin_names import ILayer, ILogger, IProfiler, ITensor, Logger, ParserError, Severity, limited

HERE = pathlib.Path(__file__).resolve().parent


class Maker:
    """The module's classes for one version; they know each other through this."""

    def __init__(self, version, is_rtx=False):
        file = HERE / ("surface_rtx.json" if is_rtx else "surface.json")
        surface = json.loads(file.read_text(encoding="utf-8"))[version]
        self.version = version
        self.is_rtx = is_rtx
        self.major = 11 if is_rtx else int(version.split(".")[0])  # TensorRT for RTX speaks as TensorRT 11 does
        self.surface = {name: text.split() for name, text in surface["classes"].items()}
        self.enums = {name: enum.IntEnum(name, text, start=0) for name, text in surface["enums"].items()}
        self._logger = None
        self.weak = "FP16" in self.enums["BuilderFlag"].__members__
        self.classes = {}
        for make in (
            standin_builder.make_builder,
            standin_builder.make_config,
            standin_builder.make_network,
            standin_builder.make_parser,
            standin_builder.make_profile,
            standin_engine.make_runtime,
            standin_engine.make_engine,
            standin_engine.make_context,
            standin_engine.make_inspector,
            standin_builder.make_timing_cache,
        ):
            name, members = make(self)
            self.classes[name] = limited(name, members, self.surface[name])

    def registered(self, logger):
        """The logger that hears everything: the first one, as long as it is alive, whatever others are passed in."""
        first = self._logger and self._logger()
        if first is None:
            self._logger = weakref.ref(logger)
            return logger
        if first is not logger:
            first.log(Severity.WARNING, "The logger passed in differs from one already provided, which will be used")
        return first

    def new(self, name, **state):
        found = self.classes[name].__new__(self.classes[name])
        for key, value in state.items():
            object.__setattr__(found, key, value)
        return found


def populate(module, version, is_rtx=False):
    """Make a module's namespace `tensorrt` of that version, or `tensorrt_rtx`."""
    maker = Maker(version, is_rtx)
    module.update(maker.classes)
    module.update(maker.enums)
    module.update(ILogger=ILogger, Logger=Logger, ITensor=ITensor, ILayer=ILayer, ParserError=ParserError)
    module.update(IProfiler=IProfiler)
    module.update(__version__=version, __sis_simulated__=True)
