"""One image file to pixels, by Pillow.

Turned as its EXIF orientation says; grey and palette images become RGB, CMYK is converted, 16 bits are scaled to 8, and
what is transparent is shown on white.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sis_agent.schema import Resize
from sis_edge.datasets.base import Images

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG")
SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))

_ORIENTATION = 0x0112
_PNG_EXIF = {"exif", "Raw profile type exif"}
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""


class DamagedImageError(Exception):
    """A file that is not the image that its name says; its text is a reason for behind the file's name."""


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image as it will be decoded, from its header; raises DamagedImageError."""
    with _opened(path) as image:
        # For a PNG that has none in its header Pillow would decode the whole image to look for it behind the pixels.
        has_exif = image.format != "PNG" or _PNG_EXIF & image.info.keys()
        turned = bool(has_exif) and image.getexif().get(_ORIENTATION) in _TURNED
        return (image.width, image.height) if turned else (image.height, image.width)


def decode(path: Path, resize: Resize | None = None) -> Images:
    """The image uint8 [3, height, width], resized where asked; raises DamagedImageError."""
    from PIL import ImageOps

    with _opened(path) as image:
        image.load()
        upright = _rgb(ImageOps.exif_transpose(image))
        return np.asarray(fitted(upright, resize)).transpose(2, 0, 1)


def fitted(image: "Image", resize: Resize | None) -> "Image":
    """The image in its new size, or as it is."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    if resize is None or image.size == (resize.width, resize.height):
        return image
    return ImageOps.fit(image, (resize.width, resize.height), method=Resampling.BILINEAR)


def _rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits a pixel, grey
        grey = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layered).convert("RGB")
    return image.convert("RGB")


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    """The image for reading; what Pillow says of damaged contents becomes DamagedImageError."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns of odd metadata and of very large images; only what it cannot read is an error here.
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            yield image
    except UnidentifiedImageError:
        raise DamagedImageError("is not a JPEG or PNG image") from None
    except FileNotFoundError:
        raise DamagedImageError("is a link to nothing") from None
    except OSError as error:
        raise DamagedImageError(f"cannot be read ({error.strerror or error})") from None
    except (SyntaxError, ValueError, TypeError, EOFError, zlib.error, struct.error) as error:
        raise DamagedImageError(f"is damaged ({error})") from None
    except Image.DecompressionBombError:
        raise DamagedImageError("has too many pixels to be a photograph") from None
