"""A stored run: what the agent recorded, and all that is needed to read it later without the bundle.

History of STORE_VERSION:
    1   first version
    2   manifest of version 4, job and record of version 2 (see `upgrade`)
    3   job and record of version 3
    4   job and record of version 4, manifest of version 5: networks of the user's own, several runtimes
    5   record of version 5: interruptions, the board's lock
    6   record of version 6, job of version 5: sustained work, rests, the timed call of each network;
        content_sha256, without which a changed file of an older version is not noticed
"""

import json
from typing import Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from sis_agent.schema import NetworkRecord, Record, to_json
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.manifest import GivenNetwork, Manifest, NetworkEntry, Sha256
from sis_edge.errors import RecordError
from sis_edge.results import digest
from sis_edge.results.checks import check
from sis_edge.results.runtimes import runtime, runtimes, shown
from sis_edge.results.upgrade import upgraded
from sis_edge.text.foreign import loads

STORE_VERSION = 6

KnownNetwork: TypeAlias = NetworkEntry | GivenNetwork
"""What a bundle says of one of its networks, formed here or the user's own."""


class StoredRun(BaseModel):
    """One run of one job on one board: immutable, with its raw samples.

    `board` is how the board was reached, "local" or "user@host:port"; `stored_at` is the host's clock, since
    boards without a battery often do not know the date. `profile_verified`: sis-edge had run on such a board before
    (None is unknown). `content_sha256` is of a file (see `digest`): None in memory, where it would be of what was read.
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
    content_sha256: Sha256 | None = None

    @field_serializer("record")
    def _record_as_objects(self, record: Record) -> Any:
        """NamedTuples by their fields' names; pydantic alone would write lists."""
        return to_json(record)

    @model_validator(mode="after")
    def _fits_together(self) -> "StoredRun":
        check(self.manifest, self.record)
        return self

    @property
    def is_simulated(self) -> bool:
        """Whether a simulated board, or something simulated on it, took part."""
        return self.record.simulated or self.record.facts_before.simulated

    @property
    def board_kind(self) -> Literal["real", "simulated", "emulated"]:
        """What the board is; one that is emulated is never called simulated."""
        return "emulated" if self.record.facts_before.emulated else "simulated" if self.is_simulated else "real"

    def networks(self) -> list[tuple[KnownNetwork, NetworkRecord | None]]:
        """Every network of the bundle with what was measured of it; None where the job did not contain it.

        Each form that was measured (another precision, native kernels, another runtime) has an entry of its own: the
        network's, with the form's name for people, and its accuracy on the host.
        """
        pairs: list[tuple[KnownNetwork, NetworkRecord | None]] = []
        for entry in self.entries:
            forms = [record for record in self.record.networks if record.network == entry.name]
            pairs += [(self._of_form(entry, record), record) for record in forms] or [(entry, None)]
        return pairs

    @property
    def entries(self) -> tuple[KnownNetwork, ...]:
        """What the bundle says of each of its networks: those formed, then those given."""
        return (*self.manifest.networks, *self.manifest.given)

    @property
    def title(self) -> str:
        """What the run is about, in a few words: the data set, or the networks where all are the user's own."""
        return self.manifest.dataset or ", ".join(self.manifest.names)

    @property
    def runtimes(self) -> tuple[str, ...]:
        """Every runtime that ran a network, the first first."""
        return runtimes(self.record.job)

    def runtime(self, record: NetworkRecord | None) -> str:
        """What ran a network; the first runtime for one that was not measured."""
        return self.runtimes[0] if record is None else runtime(self.record.job, record)

    def is_reference(self, entry: KnownNetwork, record: NetworkRecord | None) -> bool:
        """Whether the others' speed-ups are over this one."""
        if record is None:
            return entry.name == self.manifest.reference
        return record.name == (self.record.job.reference or self._first_plain(self.manifest.reference))

    def _first_plain(self, network: str | None) -> str | None:
        plain = (record.name for record in self.record.networks if record.network == network and record.form == PLAIN)
        return next(plain, None)

    def _of_form(self, entry: KnownNetwork, record: NetworkRecord) -> KnownNetwork:
        name = shown(self.record.job, record)
        identity = {"name": name, "form": record.form, "precision": record.precision}
        if isinstance(entry, GivenNetwork):
            return entry.model_copy(update=identity)
        model = next(network.model for network in self.record.job.networks if network.name == record.name)
        source = next((engine.source for engine in entry.engines if engine.plan == model), model)
        training = entry.training
        for variant in entry.variants:
            if variant.model == source:
                accuracy = {"host_accuracy": variant.host_accuracy, "host_test_images": variant.host_test_images}
                training = training.model_copy(update={**accuracy, "host_wrong": variant.host_wrong})
        return entry.model_copy(update={**identity, "model": source, "training": training})

    def to_json(self) -> str:
        """The run as text, one file's worth, which ends with its own digest."""
        data = self.model_dump(mode="json", exclude={"content_sha256"})
        return digest.closed(json.dumps(data, indent=1, allow_nan=False) + "\n")

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> "StoredRun":
        """Parse and check a run, lifting older versions; raises RecordError with `source`, the field and its fault."""
        try:
            data = loads(text, longest=None)
            if not isinstance(data, dict):
                raise RecordError(f"{source} is not a stored run: it holds a {type(data).__name__}, not an object")
            return cls.model_validate(_upgraded(data, source)).model_copy(update={"content_sha256": None})
        except ValidationError as error:
            raise RecordError(
                f"{source} is not a stored run of this sis-edge: {fault(error)}; "
                "move it out of the folder, or measure again"
            ) from error
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{source} is not JSON ({error}); move it out of the folder, or measure again") from error


def fault(error: ValidationError) -> str:
    """The first field that is wrong, and why."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{field} is missing"
    return f"{field + ': ' if field else ''}{first['msg']}"


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
