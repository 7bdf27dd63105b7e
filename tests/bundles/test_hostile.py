"""Bundles that somebody else made: their hashes are right, and what they hold is refused without being read."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bundle import tiny_bundle

from sis_edge.bundles import arrays
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import Bundle, file_entries, open_bundle, problems, verify
from sis_edge.errors import BundleError

NAME = "data/golden_inputs.npy"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny")


def forged(bundle: Bundle, content: bytes | None = None, name: str = NAME, size_bytes: int = 0) -> Bundle:
    """The bundle with this content in one of its files, and with the manifest that belongs to it; None: as it lies."""
    if content is not None:
        (bundle.path / name).write_bytes(content)
    path = bundle.path / MANIFEST
    manifest = json.loads(path.read_text())
    if content is None:
        for entry in manifest["files"]:
            if entry["path"] == name:
                entry.update(size_bytes=size_bytes)
    else:
        manifest["files"] = [entry.model_dump() for entry in file_entries(bundle.path)]
    path.write_text(json.dumps(manifest))
    return open_bundle(bundle.path)


def saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text: str, version: int = 1, length: int | None = None) -> bytes:
    data = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", length or len(data)) + data


class Program:
    """Runs as it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch /tmp/this-must-not-be-there",)


@pytest.mark.timeout(60)  # what waits for a pipe's writer, or reads a device, never ends
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_nothing_but_files_is_opened(bundle: Bundle, kind: str) -> None:
    """A pipe whose size in the manifest is right, 0, was opened, and no program ever wrote to it."""
    path = bundle.path / NAME
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, 0o140644)
    elif kind == "device":
        try:
            os.mknod(path, 0o020644, os.makedev(1, 5))  # /dev/zero
        except PermissionError:
            pytest.skip("only root makes devices")
    else:
        path.mkdir()
    (found,) = problems(forged(bundle))
    assert found == f"{NAME}: {'missing' if kind == 'folder' else 'a pipe, socket or device, not a file'}"


@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_a_manifest_that_is_no_file(bundle: Bundle, kind: str) -> None:
    path = bundle.path / MANIFEST
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(BundleError, match="is not a file of at most 64 MB"):
        open_bundle(bundle.path)


def test_a_manifest_that_is_too_large(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    size_bytes = (bundle.path / MANIFEST).stat().st_size
    monkeypatch.setattr("sis_edge.bundles.verify.MOST_MANIFEST_BYTES", size_bytes)
    assert open_bundle(bundle.path).id == bundle.id
    monkeypatch.setattr("sis_edge.bundles.verify.MOST_MANIFEST_BYTES", size_bytes - 1)
    with pytest.raises(BundleError, match="is not a file of at most"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (saved(np.array([Program()], dtype=object)), "holds Python objects (a pickle), which run code"),
        (header("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}"), "holds Python objects"),
        (header(" " * 20_000), "header has 20,000 bytes (limit 10,000)"),
        (header("{}", version=2, length=0xFFFFFFFF), "header has 4,294,967,295 bytes"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999, 9999999)}"), "its header belongs to"),
        (saved(np.zeros(9)) + b"more", "its header belongs to 200 bytes, and it has 204"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "a shape that cannot be"),
        (header("(" * 5000), "too many nested parentheses"),
        (header("__import__('os')"), "malformed"),
        (header("7"), "has no shape"),
        (b"\x93NUMPY", "not an array of numpy"),
        (b"", "not an array of numpy"),
        (b"PK\x03\x04", "not an array of numpy"),
    ],
)
def test_arrays_are_judged_by_their_headers(bundle: Bundle, content: bytes, sentence: str) -> None:
    with pytest.raises(BundleError) as caught:
        verify(forged(bundle, content).path)
    assert sentence in str(caught.value)
    assert NAME in str(caught.value)


def packed(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (packed(("a.npy", saved(np.array([Program()], dtype=object)))), "holds Python objects"),
        (packed(("a.npy", b"x")), "not an array of numpy"),
        (packed(("program.pkl", b"")), "program.pkl in it is not an array"),
        (packed(("a.npy", header("{'descr': '|u1', 'fortran_order': False, 'shape': (9,)}"))), "its header belongs to"),
        (b"no archive", "is not an archive of arrays"),
        (packed(("a.npy", saved(np.zeros(9))))[:-30], "is not an archive of arrays"),
    ],
)
def test_archives_too(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "inputs.npz").write_bytes(content)
    assert sentence in str(arrays.problem(tmp_path / "inputs.npz"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_an_archive(tmp_path: Path) -> None:
    """Readers take the first or the last of them: the one that was judged need not be the one that is loaded."""
    (tmp_path / "inputs.npz").write_bytes(packed(("a.npy", saved(np.zeros(9))), ("a.npy", saved(np.ones(9)))))
    assert arrays.problem(tmp_path / "inputs.npz") == "it holds a name twice, or too many"


def test_an_archive_that_unpacks_to_more_than_a_disk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inputs.npz").write_bytes(packed(("a.npy", saved(np.zeros(9))), ("b.npy", saved(np.ones((3, 4))))))
    assert arrays.problem(tmp_path / "inputs.npz") is None
    monkeypatch.setattr(arrays, "MOST_BYTES", 300)
    assert "unpacks to" in str(arrays.problem(tmp_path / "inputs.npz"))


@pytest.mark.parametrize("kind", ["<f4", "<f2", "|u1", "<i8", "|b1", "<U5", "<c8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_sound_arrays_are_taken(tmp_path: Path, kind: str, order: Any) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), kind, order))
    np.savez_compressed(tmp_path / "b.npz", a=np.zeros((2, 3), kind, order), b=np.zeros((), kind))
    assert [arrays.problem(tmp_path / name) for name in ("a.npy", "b.npz")] == [None, None]
