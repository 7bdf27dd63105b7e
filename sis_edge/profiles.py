"""Device profiles: what is known of a board before it is asked, one commented TOML file each.

The shipped profiles are data of the package; `--profile` also takes the path of a file of the user's own.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sis_agent.power import SOURCES
from sis_agent.schema import PowerRequest
from sis_edge.errors import UsageError, unknown

Positive = Annotated[int, Field(ge=1)]
# One number, or several that are measured one after the other.
Counts = Annotated[
    list[Positive], Field(min_length=1), BeforeValidator(lambda value: value if isinstance(value, list) else [value])
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Board(_Model):
    """The hardware and its system. Verified says whether somebody has run sis-edge on such a board."""

    model: str
    architecture: Literal["x86_64", "aarch64", "any"]
    cpu: str
    memory_bytes: int | None = Field(default=None, gt=0)
    system: str
    verified: bool


class AgentSettings(_Model):
    """How the agent is started: the board's Python, and the agent's own folder (relative: below the login folder).

    `sysroot` is the file tree that the agent takes for the board's; any other than "/" is a simulated board's.
    """

    python: str = "python3"
    root: str = ".sis-edge"
    sysroot: str = "/"


class Runtime(_Model):
    """Which run time measures, and with what settings; each combination of threads and batch size is a job."""

    runner: Literal["onnxruntime"] = "onnxruntime"
    threads: Counts
    batch_sizes: Counts = Field(default=[1], validation_alias=AliasChoices("batch_sizes", "batch_size"))


class Measuring(_Model):
    """How long a job measures: at least so many rounds, and of each network so many inferences and seconds.

    `inferences_per_round` 0 leaves a turn's length to the agent, which takes about 0.1 s. `power_mode` and `cpu_hz` are
    what the board should run at; a verdict compares. `memory_repeats` counts the fresh processes that a network's
    memory is taken in.
    """

    rounds: int = Field(default=30, ge=1)
    min_inferences: int = Field(default=1000, ge=0)
    min_time_s: float = Field(default=10.0, ge=0)
    inferences_per_round: int = Field(default=0, ge=0)
    memory_repeats: int = Field(default=3, ge=1)
    warmup_s: float = Field(default=0.5, ge=0)
    time_limit_s: float = Field(default=3600, gt=0)
    power_mode: str | None = None
    cpu_hz: float | None = Field(default=None, gt=0)


class PowerSettings(_Model):
    """Which sensors may be read, best first (none named: whatever is there), and the rule for the total.

    The total is the sum of `total_rails`, by the names that the board has for them; `scope` says what it covers and
    goes into every label. Without a rule the rails are recorded and no total is claimed. `idle_s` is how long the
    board rests before and after, `block_s` how long a network runs back to back for its energy, `blocks` how often.
    """

    sources: list[str] = []
    total_rails: list[str] = []
    scope: str | None = None
    idle_s: float = Field(default=10.0, ge=1)
    block_s: float = Field(default=2.0, ge=0.2)
    blocks: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _is_a_rule(self) -> "PowerSettings":
        strange = [kind for kind in self.sources if kind not in SOURCES]
        if strange:
            raise ValueError(f"there is no power source '{strange[0]}'; known: {', '.join(SOURCES)}")
        if bool(self.total_rails) != bool(self.scope):
            raise ValueError("total_rails and scope belong together: what is summed, and what that covers")
        return self

    def request(self) -> PowerRequest:
        """What the agent is asked for."""
        return PowerRequest(**self.model_dump())


class DeviceProfile(_Model):
    """One board's profile."""

    name: str
    title: str
    board: Board
    agent: AgentSettings = AgentSettings()
    runtime: Runtime
    measuring: Measuring = Measuring()
    power: PowerSettings = PowerSettings()


def profile_folder() -> Path:
    """Where the shipped profiles lie: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_profiles"
    return installed if installed.is_dir() else package.parent / "profiles"


def names() -> list[str]:
    """The shipped profiles' names."""
    return sorted(path.stem for path in profile_folder().glob("*.toml"))


def find(name_or_path: str) -> Path:
    """The file of a shipped profile's name, or of a path that ends in .toml; raises UsageError with the known names."""
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if name_or_path not in names():
        raise unknown("profile", name_or_path, [*names(), "or the path of a .toml file"])
    return profile_folder() / f"{name_or_path}.toml"


def load(name_or_path: str) -> DeviceProfile:
    """The profile of that name, or of that TOML file.

    Raises UsageError that lists the known names, or names the file, the field and what is wrong with it.
    """
    path = find(name_or_path)
    try:
        with path.open("rb") as file:
            return DeviceProfile.model_validate(tomllib.load(file))
    except OSError as error:
        raise UsageError(f"the profile {path} cannot be read ({error.strerror}); known: {', '.join(names())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the profile {path} is not TOML: {error}") from None
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise UsageError(f"the profile {path} does not fit: {places}") from None
