"""TensorRT 8.2 to 11: engines built on the board, cached there, timed on the GPU and from the host.

Options: see `options.EngineOptions`. What is timed is one inference of a batch that is on the device already, from
the enqueueing to the end of the stream; copies are measured apart.
"""

import sys
from typing import Optional

from sis_agent.cuda.preflight import preflight
from sis_agent.runners import importing
from sis_agent.runners.base import Runner

IMPORTS = ("numpy", "tensorrt")


def missing() -> Optional[str]:
    """What this board lacks for TensorRT; None when nothing. Asks CUDA only where the packages are there."""
    lacking = importing.not_installed(IMPORTS)
    if lacking:
        return (
            "not installed for {} (Python {}.{}) on this board: {}; on a Jetson TensorRT comes with JetPack "
            "(`apt install python3-libnvinfer`), for the system's own Python".format(
                sys.executable, sys.version_info[0], sys.version_info[1], ", ".join(lacking)
            )
        )
    return preflight().problem


def make(threads: int, batch_size: int) -> Runner:
    """TensorRT with engines for batches of `batch_size`; the threads are the GPU's own business."""
    from sis_agent.runners.tensorrt.runner import TensorRtRunner

    return TensorRtRunner(batch_size)
