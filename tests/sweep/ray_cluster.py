"""A Ray cluster of two one-processor machines, all of it on 127.0.0.1 of this one.

Run as a program it lasts as long as its standard input, and prints one JSON line: the address, and of each of the two
machines the pid of its raylet, whose children are the workers.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's word for: stay on 127.0.0.1, and listen there only
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_raylet_start_wait_time_s": "240",  # where the machine is busy
}
os.environ.update(ENVIRONMENT)  # this process's Ray reads it, too, when it is imported
OBJECTS_BYTES = 80 * 2**20
STARTS = 4  # Ray gives each of its machines 30 seconds to come up, whatever its settings say: on a busy one too few


@dataclass(frozen=True)
class RayCluster:
    """A cluster that runs."""

    address: str
    raylets: tuple[int, int]

    def workers(self) -> list[psutil.Process]:
        """The processes that have a trial, on machines that are alive; each has its task's name."""
        found = []
        for raylet in self.raylets:
            with suppress(psutil.NoSuchProcess):
                found += [child for child in psutil.Process(raylet).children() if "seed" in title(child)]
        return found


def title(process: psutil.Process) -> str:
    """What Ray calls a worker: `ray::` and the name of its task."""
    with suppress(psutil.NoSuchProcess):
        return (process.cmdline() or [""])[0]
    return ""


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """Such a cluster, until the end of the block."""
    for _ in range(STARTS):
        with _started() as found:
            if found is not None:
                yield found
                return
    raise AssertionError(f"the cluster did not start, {STARTS} times")


@contextmanager
def _started() -> Iterator[RayCluster | None]:
    """A cluster, or None where it did not start."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, __file__]
        environment = os.environ | {"RAY_TMPDIR": folder}  # a short path: sockets are in it
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = json.loads(line) if line else None
            yield None if found is None else RayCluster(found["address"], tuple(found["raylets"]))


def _main() -> None:
    from ray.cluster_utils import Cluster

    common = {"node_ip_address": "127.0.0.1", "object_store_memory": OBJECTS_BYTES, "memory": 2**30}
    head = {**common, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    machines = [cluster.add_node(**common, num_cpus=1) for _ in range(2)]
    raylets = [node.all_processes["raylet"][0].process.pid for node in machines]
    print(json.dumps({"address": cluster.address, "raylets": raylets}), flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    _main()
