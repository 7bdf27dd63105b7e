"""What may make two runs differ: a function for each kind of thing, in the order in which equals are shown."""

from collections.abc import Callable, Iterator

from sis_edge.explaining.causes import board, bundle, clocks, inert, kernels, load, sampling, software, work
from sis_edge.explaining.factor import Factor
from sis_edge.explaining.pair import RunPair

Cause = Callable[[RunPair], Iterator[Factor]]

CAUSES: tuple[Cause, ...] = (
    board.board,
    board.reality,
    work.batch_size,
    work.precision,
    work.runtime,
    work.form,
    work.threads,
    work.cores,
    clocks.clocks,
    load.other_programs,
    load.steal,
    load.memory,
    kernels.layer_choices,
    kernels.tactics,
    kernels.options,
    kernels.library,
    kernels.quantisation,
    kernels.instruction_sets,
    bundle.structure,
    bundle.weights,
    bundle.calibration,
    software.runtimes,
    software.board_software,
    software.own,
    sampling.timed_call,
    sampling.warm_up,
    sampling.rest,
    sampling.length,
    sampling.sampler,
    sampling.interruptions,
    inert.surroundings,
)

__all__ = ["CAUSES", "Cause"]
