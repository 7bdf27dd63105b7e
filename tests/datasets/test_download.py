import hashlib
from pathlib import Path

import pytest

from sis_edge.datasets.download import download
from sis_edge.errors import DatasetError

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_download_with_a_bar(served: tuple[Path, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder, url = served
    (folder / "data.bin").write_bytes(CONTENT)
    download(f"{url}/data.bin", tmp_path / "data.bin", SHA256, progress=True)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "data.bin" in shown.err
    assert "512.0/512.0 kB" in shown.err


def test_no_bar_when_not_asked(served: tuple[Path, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder, url = served
    (folder / "data.bin").write_bytes(CONTENT)
    download(f"{url}/data.bin", tmp_path / "data.bin", SHA256, progress=False)
    assert capfd.readouterr() == ("", "")


def test_other_content_is_refused(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = served
    (folder / "data.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(DatasetError, match=r"data\.bin from 127\.0\.0\.1 is damaged \(511,999 bytes, SHA-256"):
        download(f"{url}/data.bin", tmp_path / "data.bin", SHA256, progress=False)


def test_server_says_no(served: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^127\.0\.0\.1 answered 404 Client Error: File not found$"):
        download(f"{served[1]}/data.bin", tmp_path / "data.bin", SHA256, progress=False)


def test_connection_that_breaks_off(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = served
    (folder / "cut-data.bin").write_bytes(CONTENT)
    with pytest.raises(DatasetError, match=r"from 127\.0\.0\.1 was cut off \(.*256000 bytes read"):
        download(f"{url}/cut-data.bin", tmp_path / "data.bin", SHA256, progress=False)


def test_nobody_listens(closed_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DatasetError, match=r"^127\.0\.0\.1 cannot be reached \(Connection refused\)$"):
        download(f"{closed_url}/data.bin", tmp_path / "data.bin", SHA256, progress=True)
    assert "data.bin" not in capfd.readouterr().err
