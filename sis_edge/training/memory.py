"""Memory of a training: each step takes and gives back the same hundreds of megabytes."""

import ctypes

# Numbers of glibc's mallopt (malloc.h).
_TRIM_THRESHOLD = -1
_TOP_PAD = -2
_MMAP_THRESHOLD = -3


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed for the next step; False where the C library is another and nothing changed.

    By default large blocks go back to the kernel at once, and the next step's are zeroed by it anew, page by page: a
    third of a step of cifar10-sis3 (`benchmarks/training.py`). It holds for this process until its end.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, (1 << 31) - 1), (_TOP_PAD, 1 << 26))
    return all(mallopt(what, value) == 1 for what, value in settings)
