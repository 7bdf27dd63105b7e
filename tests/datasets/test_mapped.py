from pathlib import Path

import numpy as np
import pytest

from sis_edge.build.context import save_array
from sis_edge.datasets.mapped import chunks, give_back, pick


@pytest.fixture
def mapped(tmp_path: Path) -> np.memmap:
    array = np.random.default_rng(0).integers(0, 256, (240, 3, 64, 64), dtype=np.uint8)
    array.tofile(tmp_path / "images.u8")
    return np.memmap(tmp_path / "images.u8", dtype=np.uint8, mode="r", shape=array.shape)


def test_parts_are_the_whole(mapped: np.memmap) -> None:
    for chunk_bytes in (1, 3 * 64 * 64 * 7, 1 << 30):
        assert (np.concatenate([part.copy() for part in chunks(mapped, chunk_bytes)]) == mapped).all()
    assert len(list(chunks(mapped, 3 * 64 * 64 * 7))) == 35
    assert list(chunks(mapped[:0])) == []


def test_a_pick_is_a_copy_in_memory(mapped: np.memmap) -> None:
    rows = np.array([7, 7, 0, 239])
    picked = pick(mapped, rows)
    assert (picked == mapped[rows]).all()
    assert picked.flags.writeable
    assert type(picked) is np.ndarray


def resident_bytes(path: Path) -> int:
    """How much of a file this process holds in memory, as the system counts it."""
    inside, found = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if not first.endswith(":"):
            inside = line.endswith(str(path))
        elif inside and first == "Rss:":
            found += int(line.split()[1]) * 1024
    return found


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not say what is resident")
def test_pages_are_given_back(mapped: np.memmap, tmp_path: Path) -> None:
    file = tmp_path / "images.u8"
    assert int(mapped.sum()) > 0
    assert resident_bytes(file) == mapped.nbytes
    give_back(mapped)
    assert resident_bytes(file) == 0
    for part in chunks(mapped, mapped.nbytes // 10):
        assert resident_bytes(file) == 0  # the part before is given back, and of this one nothing is read yet
        assert part.any()
    assert resident_bytes(file) == 0
    pick(mapped[5:], np.arange(200))
    assert resident_bytes(file) == 0


@pytest.mark.parametrize("kind", ["memory", "mapped", "turned", "empty", "floats"])
def test_arrays_are_written_as_numpy_writes_them(kind: str, mapped: np.memmap, tmp_path: Path) -> None:
    array = {
        "memory": np.array(mapped),
        "mapped": mapped,
        "turned": mapped.transpose(0, 2, 3, 1),
        "empty": np.zeros((0, 3, 4), np.float32),
        "floats": np.linspace(0, 1, 300, dtype=np.float32).reshape(100, 3),
    }[kind]
    save_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpy.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
