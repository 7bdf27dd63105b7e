"""Memory of a training: each step allocates and frees the same hundreds of megabytes."""

import ctypes

# Numbers of glibc's mallopt (malloc.h).
_TRIM_THRESHOLD = -1
_TOP_PAD = -2
_MMAP_THRESHOLD = -3


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; False with another C library, where nothing changes.

    By default large blocks return to the kernel at once, which then zeroes the next step's page by page: a third of a
    step of cifar10-sis3 (`benchmarks/training.py`). The setting lasts as long as this process.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, (1 << 31) - 1), (_TOP_PAD, 1 << 26))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)
