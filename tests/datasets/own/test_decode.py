from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sis_agent.schema import Resize
from sis_edge.datasets.own.decode import DamagedImageError, decode, size_of

from .pictures import pixels, save


def shown(path: Path) -> Any:
    """As [height, width, 3]."""
    return decode(path).transpose(1, 2, 0)


def test_png_to_the_bit(tmp_path: Path) -> None:
    image = pixels(1, 5, 7)
    path = save(tmp_path / "a.png", image)
    assert size_of(path) == (5, 7)
    assert decode(path).shape == (3, 5, 7)
    assert (shown(path) == image).all()


def test_grey_has_three_equal_channels(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        path = save(tmp_path / name, np.full((4, 6), 100, dtype=np.uint8))
        assert shown(path).shape == (4, 6, 3)
        assert (shown(path) == 100).all()


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257, 32768, 65535]], dtype=np.uint16)).save(path)
    assert shown(path)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.png", transparency=1)
    assert shown(tmp_path / "a.png").tolist() == [[[10, 20, 30], [200, 100, 50]]]
    assert shown(tmp_path / "b.png").tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (1, 1), (*[0] * (len(mode) - 1), 0)).save(tmp_path / "a.png")
    Image.new(mode, (1, 1), (*[0] * (len(mode) - 1), 255)).save(tmp_path / "b.png")
    assert shown(tmp_path / "a.png").tolist() == [[[255] * 3]]
    assert shown(tmp_path / "b.png").tolist() == [[[0] * 3]]


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    red, green, blue = shown(tmp_path / "red.jpg")[4, 4].tolist()
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(pixels(2, 4, 6))
    image.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as written:
        upright = np.asarray(ImageOps.exif_transpose(written))
    assert (shown(tmp_path / "a.png") == upright).all()
    assert size_of(tmp_path / "a.png") == upright.shape[:2] == ((4, 6) if orientation < 5 else (6, 4))


def test_resize_takes_the_centre(tmp_path: Path) -> None:
    """A wide image loses its left and right, not its shape."""
    image = np.zeros((20, 60, 3), dtype=np.uint8)
    image[:, 20:40] = 255
    path = save(tmp_path / "a.png", image)
    resized = decode(path, Resize(10, 10))
    assert resized.shape == (3, 10, 10)
    assert (resized[:, :, 1:-1] == 255).all()
    assert decode(path, Resize(10, 30)).shape == (3, 10, 30)
    assert (decode(path, Resize(10, 30))[:, :, :9] == 0).all()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_cut_off(keep: float, name: str, tmp_path: Path) -> None:
    path = save(tmp_path / name, pixels(3, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(DamagedImageError):
        decode(path)


def test_other_contents(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(DamagedImageError, match="is not a JPEG or PNG image"):
        size_of(tmp_path / "text.png")
    Image.fromarray(pixels(4)).save(tmp_path / "gif.png", format="GIF")
    with pytest.raises(DamagedImageError, match="is not a JPEG or PNG image"):
        decode(tmp_path / "gif.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DamagedImageError, match="is a link to nothing"):
        decode(tmp_path / "link.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DamagedImageError, match="cannot be read"):
        decode(tmp_path / "folder.png")


def test_a_flipped_byte_in_the_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", pixels(5, 64))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DamagedImageError):
        decode(path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", pixels(6, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DamagedImageError, match="too many pixels"):
        decode(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)  # between one and two times that Pillow only warns
    assert decode(path).shape == (3, 64, 64)
