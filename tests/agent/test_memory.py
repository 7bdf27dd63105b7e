from pathlib import Path

from sis_agent.worker import memory


def test_memory(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Name:\tx\nVmHWM:\t   2000 kB\nVmRSS:\t  1000 kB\n")
    assert memory.read(str(tmp_path)) == (1000 * 1024, 2000 * 1024)
    assert memory.read(str(tmp_path / "none")) == (None, None)
