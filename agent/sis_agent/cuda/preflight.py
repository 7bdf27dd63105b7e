"""The look at CUDA before TensorRT is touched, in a child process: a broken driver costs a sentence, not the agent.

Without a device TensorRT does not say so: its objects wrap a null pointer and any use of them ends the process.
"""

import functools
import json
import os
import subprocess
from typing import NamedTuple, Optional

from sis_agent import child
from sis_agent.cuda import AUTO, open_driver
from sis_agent.cuda.base import Device
from sis_agent.protocol import ProblemError
from sis_agent.schema import to_json

# The first call of a CUDA driver may have to start the GPU.
LIMIT_S = 60.0
BACKEND_VARIABLE = "SIS_AGENT_CUDA_BACKEND"


class Preflight(NamedTuple):
    """The device, or the sentence that says why there is none."""

    device: Optional[Device]
    problem: Optional[str]


@functools.lru_cache(maxsize=None)
def preflight(backend: str = AUTO) -> Preflight:
    """What CUDA says, asked once in this process's life."""
    try:
        done = subprocess.run(
            child.command(__name__),
            env=dict(os.environ, **{BACKEND_VARIABLE: backend}),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return Preflight(None, "CUDA did not answer within {:g} s; restart the board".format(LIMIT_S))
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0 or not lines:
        how = child.how_it_ended(done.returncode)
        return Preflight(None, "the first call of CUDA {}; reinstall the GPU's driver".format(how))
    answer = json.loads(lines[-1])
    if "problem" in answer:
        return Preflight(None, answer["problem"])
    return Preflight(Device(**answer["device"]), None)


def main() -> int:
    """The child: one line of JSON, and out without destructors, which some drivers do not survive."""
    child.die_with_parent()
    try:
        answer = {"device": to_json(open_driver(os.environ.get(BACKEND_VARIABLE, AUTO)).device())}
    except ProblemError as error:
        answer = {"problem": error.problem.message}
    print(json.dumps(answer), flush=True)
    os._exit(0)
