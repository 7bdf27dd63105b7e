"""What all documents of `--json` share: their name and version, and no null without a reason."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DENSE_ALGORITHM = "ONNX Runtime computes the layer"
"""Why native kernels' algorithm is null."""


class Part(BaseModel):
    """A piece of a document. Quantities carry their SI unit in their name; shares are numbers in [0, 1]."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
        protected_namespaces=(),  # a network's `model_bytes` is no method
    )

    reasons: dict[str, str] = Field(default={}, description="For every key that is null the reason.")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        nulls = {name for name in type(self).model_fields if getattr(self, name) is None}
        if nulls != set(self.reasons):
            raise ValueError(f"null and reasons disagree: {sorted(nulls ^ set(self.reasons))}")
        return self


class Document(Part):
    """A whole document. `document` names its schema; `document_version` changes when a key changes its meaning."""

    document: str
    document_version: int = 1


def known(**found: tuple[Any, str]) -> dict[str, Any]:
    """Keys that may be unknown, each with the reason that holds where its value is None.

    >>> known(a=(1, "never asked"), b=(None, "no sensor"))
    {'a': 1, 'b': None, 'reasons': {'b': 'no sensor'}}
    """
    values = {name: value for name, (value, _) in found.items()}
    return values | {"reasons": {name: reason for name, (value, reason) in found.items() if value is None}}
