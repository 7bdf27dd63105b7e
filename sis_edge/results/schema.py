"""A stored run: what the agent recorded, and all that is needed to read it later without the bundle.

History of STORE_VERSION:
    1   first version
    2   manifest of version 4, job and record of version 2 (see `upgrade`)
    3   job and record of version 3
"""

import json
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from sis_agent.schema import RECORD_VERSION, NetworkRecord, Record, to_json
from sis_edge.bundles.identity import PLAIN, label
from sis_edge.bundles.manifest import Manifest, NetworkEntry
from sis_edge.errors import RecordError
from sis_edge.results.upgrade import upgraded

STORE_VERSION = 3


class StoredRun(BaseModel):
    """One run of one job on one board: immutable, with its raw samples.

    `board` is how the board was reached, "local" or "user@host:port"; `stored_at` is the host's clock, since
    boards without a battery often do not know the date. `profile_verified`: sis-edge had run on such a board before
    (None is unknown).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    store_version: int = Field(default=STORE_VERSION, ge=STORE_VERSION, le=STORE_VERSION)
    stored_at: AwareDatetime
    profile: str
    profile_verified: bool | None = None
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
        strangers = {str(network.network) for network in self.record.networks if network.network not in known}
        if strangers:
            raise ValueError(f"record.networks holds {sorted(strangers)[0]}, which the manifest does not know")
        for network in self.record.networks:
            if any(latency < 0 for turn in network.rounds for latency in turn.latencies_s):
                raise ValueError(f"record.networks.{network.name} holds a negative latency")
        return self

    def networks(self) -> list[tuple[NetworkEntry, NetworkRecord | None]]:
        """Every network of the bundle with what was measured of it; None where the job did not contain it.

        Each form that was measured (another precision, native kernels) has an entry of its own: the network's, with the
        form's name for people, and its accuracy on the host.
        """
        pairs: list[tuple[NetworkEntry, NetworkRecord | None]] = []
        for entry in self.manifest.networks:
            forms = [record for record in self.record.networks if record.network == entry.name]
            pairs += [(self._of_form(entry, record), record) for record in forms] or [(entry, None)]
        return pairs

    def is_reference(self, entry: NetworkEntry, record: NetworkRecord | None) -> bool:
        """Whether the others' speed-ups are over this one."""
        if record is None:
            return entry.name == self.manifest.reference
        return record.name == (self.record.job.reference or self._first_plain(self.manifest.reference))

    def _first_plain(self, network: str | None) -> str | None:
        plain = (record.name for record in self.record.networks if record.network == network and record.form == PLAIN)
        return next(plain, None)

    def _of_form(self, entry: NetworkEntry, record: NetworkRecord) -> NetworkEntry:
        model = next(network.model for network in self.record.job.networks if network.name == record.name)
        source = next((engine.source for engine in entry.engines if engine.plan == model), model)
        training = entry.training
        for variant in entry.variants:
            if variant.model == source:
                accuracy = {"host_accuracy": variant.host_accuracy, "host_test_images": variant.host_test_images}
                training = training.model_copy(update={**accuracy, "host_wrong": variant.host_wrong})
        name = label(entry.name, record.form, record.precision)
        identity = {"name": name, "form": record.form, "precision": record.precision}
        return entry.model_copy(update={**identity, "model": source, "training": training})

    def to_json(self) -> str:
        """The run as text, one file's worth."""
        return json.dumps(self.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> "StoredRun":
        """Parse and check a run, lifting older versions; raises RecordError with `source`, the field and its fault."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise RecordError(f"{source} is not a stored run: it holds a {type(data).__name__}, not an object")
            return cls.model_validate(_upgraded(data, source))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            fault = (
                f"{field} is missing"
                if first["type"] == "missing"
                else f"{field + ': ' if field else ''}{first['msg']}"
            )
            raise RecordError(
                f"{source} is not a stored run of this sis-edge: {fault}; move it out of the folder, or measure again"
            ) from error
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{source} is not JSON ({error}); move it out of the folder, or measure again") from error


def _upgraded(data: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        run = upgraded(data)
    except (KeyError, TypeError, AttributeError) as error:
        version = data.get("store_version")
        fault = f"{error.args[0]} is missing" if isinstance(error, KeyError) else "a field is of another kind"
        raise RecordError(
            f"{source} has store version {version} and is not a run of it ({fault}); "
            "move it out of the folder, or measure again"
        ) from error
    version = run.get("store_version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise RecordError(
            f"{source} is not a stored run: it has no store_version; name a file that `bench` or `deploy` stored"
        )
    if version != STORE_VERSION:
        raise RecordError(
            f"{source} has store version {version}, this sis-edge reads up to {STORE_VERSION}; "
            "use the sis-edge that wrote it, or a newer one"
        )
    return run
