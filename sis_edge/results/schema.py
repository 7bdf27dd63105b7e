"""A stored run: what the agent recorded, and all that is needed to read it later without the bundle.

History of STORE_VERSION:
    1   first version
"""

import json
from collections.abc import Callable
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from sis_agent.schema import RECORD_VERSION, NetworkRecord, Record, to_json
from sis_edge.bundles.manifest import Manifest, NetworkEntry
from sis_edge.errors import RecordError

STORE_VERSION = 1

# From a version to the function that lifts a run's plain data to the next one.
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class StoredRun(BaseModel):
    """One run of one job on one board: immutable, with its raw samples.

    `board` is how the board was reached, "local" or "user@host:port"; `stored_at` is the host's clock, since
    boards without a battery often do not know the date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    store_version: int = Field(default=STORE_VERSION, ge=STORE_VERSION, le=STORE_VERSION)
    stored_at: AwareDatetime
    profile: str
    board: str
    bundle_id: str
    manifest: Manifest
    record: Record

    @field_serializer("record")
    def _record_as_objects(self, record: Record) -> Any:
        """NamedTuples by their fields' names; pydantic alone would write lists."""
        return to_json(record)

    @model_validator(mode="after")
    def _fits_together(self) -> "StoredRun":
        if self.record.record_version != RECORD_VERSION:
            raise ValueError(
                f"record.record_version is {self.record.record_version}, this sis-edge reads {RECORD_VERSION}"
            )
        for place, names in (
            ("manifest", [network.name for network in self.manifest.networks]),
            ("record", [network.name for network in self.record.networks]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{place}.networks holds {sorted(twice)[0]} more than once")
        known = {entry.name for entry in self.manifest.networks}
        of = self._bundle_names()
        strangers = {
            network.name for network in self.record.networks if of.get(network.name, network.name) not in known
        }
        if strangers:
            raise ValueError(f"record.networks holds {sorted(strangers)[0]}, which the manifest does not know")
        for network in self.record.networks:
            if any(latency < 0 for turn in network.rounds for latency in turn.latencies_s):
                raise ValueError(f"record.networks.{network.name} holds a negative latency")
        return self

    def networks(self) -> list[tuple[NetworkEntry, NetworkRecord | None]]:
        """Every network of the bundle with what was measured of it; None where the job did not contain it.

        A variant of a network (another precision, a sparse engine) follows it under its own name.
        """
        measured = {network.name: network for network in self.record.networks}
        of = self._bundle_names()
        found: list[tuple[NetworkEntry, NetworkRecord | None]] = []
        for entry in self.manifest.networks:
            variants = [name for name in measured if name != entry.name and of.get(name) == entry.name]
            if entry.name in measured or not variants:
                found.append((entry, measured.get(entry.name)))
            found += [(self._variant(entry, name), measured[name]) for name in variants]
        return found

    def _bundle_names(self) -> dict[str, str]:
        """The bundle's name of each network of the job."""
        return {network.name: network.network or network.name for network in self.record.job.networks}

    def _variant(self, entry: NetworkEntry, name: str) -> NetworkEntry:
        """The entry of a variant: the network's own, with the variant's name and its accuracy on the host."""
        model = next(network.model for network in self.record.job.networks if network.name == name)
        training = entry.training
        model = next((engine.source for engine in entry.engines if engine.plan == model), model)
        for variant in entry.variants:
            if variant.model == model:
                training = training.model_copy(
                    update={"host_accuracy": variant.host_accuracy, "host_test_images": variant.host_test_images}
                )
        return entry.model_copy(update={"name": name, "model": model, "training": training})

    def to_json(self) -> str:
        """The run as text, one file's worth."""
        return json.dumps(self.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> "StoredRun":
        """Parse and check a run, lifting older versions; raises RecordError with `source`, the field and its fault."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise RecordError(f"{source} is no stored run: it holds a {type(data).__name__}, not an object")
            return cls.model_validate(_upgraded(data, source))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            raise RecordError(
                f"{source} is no stored run that this sis-edge reads: {field + ': ' if field else ''}{first['msg']}; "
                "move it out of the folder, or measure again"
            ) from error
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{source} is not JSON ({error}); move it out of the folder, or measure again") from error


def _upgraded(data: dict[str, Any], source: str) -> dict[str, Any]:
    version = data.get("store_version")
    while version in _UPGRADES:
        data = _UPGRADES[version](data)
        version = data.get("store_version")
    if version != STORE_VERSION:
        raise RecordError(
            f"{source} has store version {version}, this sis-edge reads up to {STORE_VERSION}; "
            "use the sis-edge that wrote it, or a newer one"
        )
    return data
