import pytest

from .board import Board
from .networks import write_bundle


@pytest.mark.slow
def test_memory_of_fresh_processes_agrees(board: Board) -> None:
    """Of real sessions of ONNX Runtime: peaks of five processes lie within 2% of each other."""
    pytest.importorskip("onnxruntime")
    job = write_bundle(board.root / "bundles" / "real")
    board.put_job("j1", job._replace(memory_repeats=5, rounds=1))
    board.call("run", "--foreground", "--job-id", "j1")
    for network in board.record("j1").networks:
        assert network.memory is not None
        peaks = network.memory.repeats_peak_rss_bytes
        assert len(peaks) == 5
        assert peaks[0] == network.memory.peak_rss_bytes
        assert max(peaks) <= 1.02 * min(peaks)
        assert network.memory.device_reason is not None
