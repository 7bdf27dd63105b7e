"""The base of everything that is read from a file: immutable, complete, and without fields that nobody knows."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A pydantic model that refuses unknown fields, NaN and infinity, and cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
