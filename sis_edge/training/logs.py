"""What lightning logs while it trains."""

import logging


def quieten_lightning() -> None:
    """Only its errors."""
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
