"""Conversion to the networks' input: uint8 [N, 3, 32, 32]."""

import numpy as np

from sis_edge.datasets.base import SIDE, Images


def grey_to_rgb(grey: Images) -> Images:
    """Grey images [N, side, side], padded with 0 to 32 x 32 evenly on all sides, as three equal channels."""
    before = (SIDE - grey.shape[1]) // 2
    after = SIDE - grey.shape[1] - before
    padded = np.pad(grey, ((0, 0), (before, after), (before, after)))
    return np.repeat(padded[:, None], 3, axis=1)
