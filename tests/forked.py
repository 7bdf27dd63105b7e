"""Code that ends its process, in one forked from a process that has imported what takes long."""

import multiprocessing

_FORKS = multiprocessing.get_context("forkserver")  # a process without threads, which would not survive a fork
_FORKS.set_forkserver_preload(
    ["tiny_build", "small", "sis_edge.build.pipeline", "sis_edge.training.train", "lightning"]
)


def exit_code(code: str, timeout_s: float = 200) -> int | None:
    """How a process that runs `code` ended: a negative number is a signal's, and None that it had to be killed."""
    process = _FORKS.Process(target=exec, args=(code, {}))
    process.start()
    process.join(timeout_s)
    ended = process.exitcode
    process.kill()
    process.join()
    process.close()
    return ended
