"""What every power source can do: name its rails and read them, in watts or in cumulative joules."""

import errno
import os
import time
from typing import Dict, List, Optional, Sequence, Tuple

# A sensor that errs is asked this often in all, with pauses.
READS, PAUSE_S = 4, 0.15
LASTING = (errno.EACCES, errno.EPERM)


class UnavailableError(Exception):
    """This board has no such source, or it cannot be read here; the text says why."""


class Source:
    """One sensor source with all its rails, read together.

    `update_interval_s` is the sensor's own, None where it reports none. `counts_energy`: `read` gives joules since an
    arbitrary start instead of watts. `kind` is the name that the source is listed under, set when it is opened.
    `gain_error` is the share by which the data sheets of its chips allow power to be off, None where none says so.
    `faults` says for each rail that was given up while it was read why that was.
    """

    kind = ""
    counts_energy = False
    gain_error: Optional[float] = None

    @property
    def faults(self) -> Dict[str, str]:
        """Why rails were given up while they were read."""
        return {}

    def __init__(self, rails: Sequence[str], skipped_rails: Sequence[str], update_interval_s: Optional[float]) -> None:
        self.rails = list(rails)
        self.skipped_rails = list(skipped_rails)
        self.update_interval_s = update_interval_s
        # Processor time that the source took outside of the thread that reads it.
        self.cpu_s = 0.0

    def read(self) -> Dict[str, Optional[float]]:
        """A value for every rail; None where this read failed."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files and processes."""


class NumberFile:
    """A small file of /sys with a whole number in it, kept open: reading it again is one call of the kernel."""

    def __init__(self, path: str, scale: float) -> None:
        self.path = path
        self.fault: Optional[str] = None
        self.error: Optional[int] = None
        self._scale = scale
        self._descriptor: Optional[int] = None

    def read(self) -> Optional[float]:
        """The number in SI units; None where it cannot be read, and `fault` says why."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDONLY)
            return int(os.pread(self._descriptor, 64, 0)) * self._scale
        except OSError as error:  # asleep (EAGAIN), unplugged (ENODEV), forbidden (EACCES): unknown, not zero
            self.fault, self.error = error.strerror, error.errno
            self.close()
            return None
        except ValueError:
            self.fault, self.error = "it holds no number", None
            return None

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileSource(Source):
    """Rails that are files: a rail's value is the product of its files (power, or voltage times current)."""

    def __init__(
        self,
        rails: Sequence[Tuple[str, List[NumberFile]]],
        skipped_rails: Sequence[str],
        update_interval_s: Optional[float],
    ) -> None:
        super().__init__([name for name, _ in rails], skipped_rails, update_interval_s)
        self._files = dict(rails)

    def read(self) -> Dict[str, Optional[float]]:
        """All rails, one right after the other."""
        return {name: _product(files) for name, files in self._files.items()}

    def fault(self) -> Optional[str]:
        """Why no rail can be read; None where one can."""
        if any(value is not None for value in self.read().values()):
            return None
        for files in self._files.values():
            for file in files:
                if file.fault is not None:
                    return "{} cannot be read ({})".format(file.path, file.fault)
        return "it has no rails"

    def errs_for_now(self) -> bool:
        """Whether a file errs in a way that can pass: not where it is forbidden."""
        faults = [file.error for files in self._files.values() for file in files if file.fault is not None]
        return any(error not in LASTING for error in faults)

    def close(self) -> None:
        """Close the files."""
        for files in self._files.values():
            for file in files:
                file.close()


def checked(source: FileSource) -> FileSource:
    """The source, if one of its rails can be read; raises UnavailableError else.

    A chip that was just bound or is asleep may err at first (EAGAIN, ENODATA, EIO), so it is asked a few times.
    """
    fault = source.fault()
    for _ in range(READS - 1):
        if fault is None or not source.errs_for_now():
            break
        time.sleep(PAUSE_S)
        fault = source.fault()
    if fault is not None:
        source.close()
        raise UnavailableError(fault)
    return source


def unique(name: str, taken: Sequence[str], place: str) -> str:
    """A rail's name; one that another chip uses too gets its place behind it."""
    return name if name not in taken else "{} ({})".format(name, place)


def _product(files: List[NumberFile]) -> Optional[float]:
    product = 1.0
    for file in files:
        value = file.read()
        if value is None:
            return None
        product *= value
    return product
