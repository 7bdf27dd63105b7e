"""The exponential moving average of weights and of the statistics of normalisation, over the steps of a training."""

from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import EMAWeightAveraging


class AveragedWeights(EMAWeightAveraging):
    """Lightning's average, which goes with every checkpoint; `finish` puts it in the place of the last weights."""

    def __init__(self, decay: float) -> None:
        super().__init__(decay=decay)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int) -> None:
        """Count a step in; which synapses exist, and counts of steps, have no average."""
        super().on_train_batch_end(trainer, module, outputs, batch, batch_index)
        assert self._average_model is not None
        for averaged, now in zip(self._average_model.module.buffers(), module.buffers(), strict=True):
            if not averaged.is_floating_point():
                averaged.copy_(now)

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Take the average."""
        self.finish(module)

    def finish(self, module: LightningModule) -> None:
        """Put the average in the place of the last weights; lightning does not where a training had been finished."""
        assert self._average_model is not None
        own, averaged = module.state_dict(), self._average_model.module.state_dict()
        with torch.no_grad():
            for name, value in own.items():  # a view: the module's own
                if value.is_floating_point():
                    value.copy_(averaged[name])
