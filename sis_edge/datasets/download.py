"""Downloads over HTTP with a progress bar; failures are one short reason each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sis_edge.datasets.cache import fault
from sis_edge.errors import DatasetError

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16


def download(url: str, target: Path, checksum: str, progress: bool) -> None:
    """Download `url` to the file `target` and check its hash; raises DatasetError with the reason."""
    import requests
    from pooch import HTTPDownloader

    host = urlsplit(url).hostname
    try:
        with bar(target.name, progress) as advance:
            fetch = HTTPDownloader(
                progressbar=advance, chunk_size=CHUNK_BYTES, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
            )
            fetch(url, str(target), None)
    except requests.ConnectTimeout:
        raise DatasetError(f"{host} did not answer within {CONNECT_TIMEOUT_S:g} s") from None
    except requests.HTTPError as error:
        raise DatasetError(f"{host} answered {str(error).partition(' for url')[0]}") from None
    except requests.ConnectionError as error:
        raise DatasetError(f"{host} cannot be reached ({root_cause(error)})") from None
    except requests.RequestException as error:
        raise DatasetError(f"the download from {host} was cut off ({root_cause(error)})") from None
    if problem := fault(target, checksum):
        raise DatasetError(f"{target.name} from {host} {problem}")


def root_cause(error: BaseException) -> str:
    """The innermost reason of a chain of exceptions; the outer ones add addresses and object ids."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Bar:
    """A progress bar of bytes with the interface that pooch calls: `total`, `update`, `reset`, `close`.

    It appears with the first byte, so that an unreachable source leaves no empty bar.
    """

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress = progress
        self._task = task

    @property
    def total(self) -> int | None:
        """Bytes in all; None when the server does not report them."""
        total: float | None = self._progress.tasks[self._task].total
        return None if total is None else int(total)

    @total.setter
    def total(self, total_bytes: int) -> None:
        self._progress.update(self._task, total=total_bytes or None, visible=True)

    def update(self, count_bytes: int) -> None:
        """Add bytes."""
        self._progress.update(self._task, advance=count_bytes)

    def reset(self) -> None:
        """Back to the start."""
        self._progress.update(self._task, completed=0)

    def set(self, count_bytes: int) -> None:
        """Set the bytes so far."""
        self._progress.update(self._task, completed=count_bytes, visible=True)

    def close(self) -> None:
        """Nothing to do: `bar` closes the display."""


@contextmanager
def bar(label: str, enabled: bool, total_bytes: int | None = None) -> Iterator[Bar]:
    """A progress bar on standard error while the block runs; drawn only when `enabled`."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not enabled) as progress:
        yield Bar(progress, progress.add_task(label, total=total_bytes, visible=False))
