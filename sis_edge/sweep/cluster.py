"""A Ray cluster: its address, the connection to it, and what is said where it is lost."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge import extras
from sis_edge.errors import TransportError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

ADDRESS = re.compile(r"(?:ray://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_PROBE_S = 10.0  # for a machine to answer at all
_RETRIES = {"RAY_NUM_REDIS_GET_RETRIES": "2"}  # where something else than Ray answers: by default 20, 40 s each


@contextmanager
def connected(address: str, kept: str) -> Iterator["ModuleType"]:
    """Ray, connected until the end of the block, which also ends tasks that still run.

    `kept` is what the user may do where the cluster is lost. Raises UsageError without the extra and for text that is
    not an address, TransportError where the cluster cannot be reached or is lost.
    """
    os.environ.update({**_RETRIES, **os.environ})  # Ray reads it when it is imported
    try:
        import ray
    except ImportError:
        raise UsageError(f"--ray needs Ray, which is not installed here: `{extras.adding('ray')}`") from None
    probe(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, TimeoutError) as error:
        if address == "auto":
            raise TransportError(
                "no Ray cluster runs on this machine; start one with `ray start --head`, or give --ray HOST:PORT"
            ) from None
        raise TransportError(
            f"cannot connect to the Ray cluster at {address} ({one_line(error)}); HOST:PORT works on its own nodes, "
            "from other machines use ray://HOST:10001; Ray and Python must have the cluster's versions"
        ) from None
    try:
        # Ray reports every death on standard output, at length, whatever its settings; we do it in one line.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield ray
    except BrokenPipeError:  # whoever reads our progress went away
        raise
    except ConnectionError as error:  # Ray's client
        raise lost(address, error, kept) from None
    finally:
        ray.shutdown()


def probe(address: str) -> None:
    """Raise UsageError for text that is not an address, TransportError where nothing answers: Ray tries for minutes."""
    parts = ADDRESS.fullmatch(address)
    if address == "auto":
        return
    if parts is None or not 0 < int(parts["port"]) < 2**16:
        raise UsageError(
            f"--ray {address} is not an address of a Ray cluster; use HOST:PORT on one of its nodes (default port "
            "6379), ray://HOST:10001 from other machines, or auto for the cluster on this machine"
        )
    error = _connection_error(parts)
    if error is not None:
        raise TransportError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); start one there with "
            "`ray start --head`, or give another address"
        )


def check_head(address: str, kept: str) -> None:
    """Raise TransportError where the cluster's head is gone: Ray itself would end this process, a minute later."""
    parts = ADDRESS.fullmatch(address)
    error = parts and _connection_error(parts)
    if error:
        raise lost(address, error, kept)


def lost(address: str, error: Exception, kept: str) -> TransportError:
    """The error of a cluster that is gone; `kept` is what the user may do."""
    return TransportError(f"lost the Ray cluster at {address} ({one_line(error)}); {kept}")


def _connection_error(parts: re.Match[str]) -> OSError | None:
    """Why nothing answers at an address; None where something does."""
    try:
        socket.create_connection((parts["host"].strip("[]"), int(parts["port"])), timeout=_PROBE_S).close()
    except OSError as error:
        return error
    return None


def our_node(ray: "ModuleType") -> Any:
    """The node that this process, or its proxy, is connected to: what runs there survives the death of any other."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def one_line(error: BaseException) -> str:
    """An error of Ray's, often many lines, as part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).partition(' traceback:')[0]}"[:200]
