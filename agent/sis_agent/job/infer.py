"""A bundle's network used once: logits of images that the host brought, on a board that measures nothing meanwhile.

The host brings a folder below `inference` in the agent's root; it is removed at the end:

    job.json        a job as for measuring, with one network
    images.npy      uint8 [N, channels, height, width]
"""

import os
import shutil
from typing import Any, Dict

from sis_agent import clock, lock, runners
from sis_agent.board import exclusive
from sis_agent.files import BUNDLES, ENGINES, INFERENCE, checked_name, read_json
from sis_agent.job.job_json import job_from_json
from sis_agent.measure.context import bundle_file
from sis_agent.protocol import ProblemError
from sis_agent.runners import engine_cache
from sis_agent.schema import Job
from sis_agent.worker.process import StopRequest, WorkerProcess

ANSWER_LIMIT_S = 1800.0
"""For building an engine, which a board's first use of a network may need."""


def infer(root: str, name: str) -> Dict[str, Any]:
    """Logits of the images in `inference/NAME`, as the board's only job.

    Raises ProblemError: `busy` where something is measured, `bad-job`, `bad-bundle`, `no-runtime`, and the worker's.
    """
    folder = os.path.join(root, INFERENCE, checked_name("request", name))
    owner = lock.acquire(root, INFERENCE)
    try:
        job = _job(os.path.join(folder, "job.json"))
        runners.check(job.runner)
        with exclusive.exclusive("/", exclusive.few_seconds()):
            return _logits(root, job, os.path.join(folder, "images.npy"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release(root, owner)


def _job(path: str) -> Job:
    try:
        return job_from_json(read_json(path))
    except (OSError, ValueError) as error:
        raise ProblemError("bad-job", "{} cannot be used ({}); run the command again".format(path, error))


def _logits(root: str, job: Job, images: str) -> Dict[str, Any]:
    bundle = os.path.join(root, BUNDLES, checked_name("bundle id", job.bundle_id))
    network = job.networks[0]
    model = bundle_file(bundle, network.model)
    options = dict(network.options, **{option: bundle_file(bundle, file) for option, file in network.files.items()})
    stop = StopRequest(clock.now_s() + job.time_limit_s)
    variables = {engine_cache.FOLDER_VARIABLE: os.path.join(os.path.abspath(root), ENGINES)}
    with WorkerProcess(job, stop, ANSWER_LIMIT_S, variables) as worker:
        order = {"model": model, "options": options, "runner": job.runner}
        worker.ask(dict(order, do="prepare", inputs=None))
        logits = worker.ask(dict(order, do="infer", images=images))
    if logits is None:
        raise ProblemError("no-runtime", "the runner {} computes no outputs; choose another".format(job.runner))
    return {"logits": logits, "runner": job.runner}
