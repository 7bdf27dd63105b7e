"""The flags for trtexec: which ones a version has is read from its help, and every one that matters is given.

Defaults changed. From TensorRT 11 on the tool replays a CUDA graph, leaves out the copies and spins while it waits
unless flags say otherwise: they do, so that all versions time the same.
"""

import re
from typing import List, Optional

from sis_agent.protocol import ProblemError
from sis_agent.runners.tensorrt.dialects import PRECISION_FLAGS
from sis_agent.runners.tensorrt.options import EngineOptions


def version_of(text: str) -> Optional[str]:
    """TensorRT's version from trtexec's first line, where it is one number: 8502 is 8.5.2, 101303 is 10.13.3."""
    match = re.search(r"\[TensorRT v(\d+)\]", text)
    if match is None:
        return None
    number = int(match.group(1))
    major, rest = divmod(number, 1000 if number < 10000 else 10000)
    return "{}.{}.{}".format(major, *divmod(rest, 100))


class Flags:
    """The flags of the tool that gives this help."""

    def __init__(self, text: str) -> None:
        self.help = text
        self.version = version_of(text)

    def has(self, flag: str) -> bool:
        """Whether this version knows the flag."""
        return re.search(re.escape(flag) + r"(?![A-Za-z])", self.help) is not None

    def of_build(self, options: EngineOptions) -> List[str]:
        """Flags for a build with these options; raises ProblemError `bad-option` for what this version cannot do."""
        flags = ["--verbose", "--skipInference" if self.has("--skipInference") else "--buildOnly"]
        flags.append("--profilingVerbosity=detailed" if self.has("--profilingVerbosity") else "--nvtxMode=verbose")
        if self.has("--fp16"):  # strongly typed versions take the precision from the ONNX alone
            flags += ["--" + name.lower() for name in PRECISION_FLAGS[options.precision]]
        if not options.tf32 and self.has("--noTF32"):
            flags.append("--noTF32")
        if self.has("--sparsity"):
            flags.append("--sparsity=" + ("enable" if options.sparse_weights else "disable"))
        elif options.sparse_weights:
            raise self._lacks("--sparsity")
        if options.workspace_bytes is not None:
            pool = "--memPoolSize=workspace:{}" if self.has("--memPoolSize") else "--workspace={}"
            flags.append(pool.format(max(1, options.workspace_bytes >> 20)))  # the tool counts in MiB
        if options.optimization_level is not None:
            if not self.has("--builderOptimizationLevel"):
                raise self._lacks("--builderOptimizationLevel")
            flags.append("--builderOptimizationLevel={}".format(options.optimization_level))
        if options.tactic_sources is not None:
            flags.append(self._tactic_sources(options.tactic_sources))
        if not options.timing_cache and self.has("--noBuilderCache"):
            flags.append("--noBuilderCache")
        return flags

    def of_run(self) -> List[str]:
        """Flags for a run: one inference at a time, with its copies, without a CUDA graph, waiting without a spin."""
        flags = ["--infStreams=1" if self.has("--infStreams") else "--streams=1", "--duration=0", "--avgRuns=1"]
        # Where these are missing, what they ask for is what the tool does anyway.
        return flags + [flag for flag in ("--includeDataTransfers", "--noCudaGraph", "--noSpinWait") if self.has(flag)]

    def _tactic_sources(self, wanted: List[str]) -> str:
        """These sources and no others: the tool adds to its own choice, and takes from it."""
        if not self.has("--tacticSources"):
            raise self._lacks("--tacticSources")
        known = re.findall(r'"([A-Z_]+)"', self.help.partition("Tactic Sources:")[2].partition("For example")[0])
        for name in wanted:
            if name not in known:
                text = "trtexec of TensorRT {} has no tactic source '{}'; known: {}"
                raise ProblemError("bad-option", text.format(self.version, name, ", ".join(known)))
        return "--tacticSources=" + ",".join(("+" if name in wanted else "-") + name for name in known)

    def _lacks(self, flag: str) -> ProblemError:
        return ProblemError(
            "bad-option",
            "trtexec of TensorRT {} has no {}; leave the option out, or use the runner tensorrt".format(
                self.version, flag
            ),
        )
