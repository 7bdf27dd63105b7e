"""A Ray cluster (extra `ray`): its address, joining it, and noticing that it is gone."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import TransportError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "pip install 'sis-edge[ray]'"
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_PROBE_S = 10.0  # for a machine to answer at all
_TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "2"}  # where something answers that is no Ray: by default 20, 40 s each


@contextmanager
def connected(address: str) -> Iterator["ModuleType"]:
    """Ray, connected until the end of the block, which also ends trials that still run."""
    os.environ.update({**_TRIES, **os.environ})  # Ray reads it when it is imported
    try:
        import ray
    except ImportError:
        raise UsageError(f"--ray needs Ray, which is not installed here; install it with {INSTALL}") from None
    probe(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, TimeoutError) as error:
        if address == "auto":
            raise TransportError(
                "no Ray cluster runs on this machine; start one with `ray start --head`, or give --ray HOST:PORT"
            ) from None
        raise TransportError(
            f"the Ray cluster at {address} takes no sweep from here ({line(error)}); HOST:PORT is for its own "
            "machines, from any other give ray://HOST:10001; the versions of Ray and Python must be the cluster's"
        ) from None
    try:
        # Of everything that dies Ray tells on standard output, at length, whatever it was asked; we say it in a line.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield ray
    except BrokenPipeError:  # whoever reads our progress went away
        raise
    except ConnectionError as error:  # Ray's client
        raise _gone(address, error) from None
    finally:
        ray.shutdown()


def probe(address: str) -> None:
    """Raise UsageError for what is no address, TransportError where nothing answers: Ray itself tries for minutes."""
    parts = ADDRESS.fullmatch(address)
    if address == "auto":
        return
    if parts is None or not 0 < int(parts["port"]) < 2**16:
        raise UsageError(
            f"--ray {address} is no address of a Ray cluster; give HOST:PORT on one of its machines (Ray's own port is "
            "6379), ray://HOST:10001 from any other, or auto for the cluster of this machine"
        )
    error = _unanswered(parts)
    if error is not None:
        raise TransportError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); start one there with "
            "`ray start --head`, or give another address"
        )


def still_there(address: str) -> None:
    """Raise TransportError where the cluster's head is gone: Ray itself would end this process, a minute later."""
    parts = ADDRESS.fullmatch(address)
    error = parts and _unanswered(parts)
    if error:
        raise _gone(address, error)


def _gone(address: str, error: OSError) -> TransportError:
    return TransportError(
        f"the Ray cluster at {address} is gone ({line(error)}); what was finished is kept, and the same command goes "
        "on from it"
    )


def _unanswered(parts: re.Match[str]) -> OSError | None:
    """Why nothing answers at an address; None where something does."""
    try:
        socket.create_connection((parts["host"].strip("[]"), int(parts["port"])), timeout=_PROBE_S).close()
    except OSError as error:
        return error
    return None


def line(error: BaseException) -> str:
    """An error of Ray's, often many lines, as part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).partition(' traceback:')[0]}"[:200]
