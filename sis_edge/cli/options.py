"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sis_edge.cli import complete
from sis_edge.cli.command import OUTPUT
from sis_edge.errors import UsageError
from sis_edge.registries import BACKENDS, DATASETS, GRANULARITIES, NETWORKS

SEEDS = 2**32
"""Seeds of a training are below it."""


def seed_of_training(seed: int) -> int:
    """The seed; raises UsageError for one that torch and numpy cannot both take."""
    if seed >= SEEDS:
        raise UsageError(f"--seed is {seed}, and must be a whole number from 0 to {SEEDS - 1}")
    return seed


Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as one JSON document on standard output; `sis-edge schema` describes it.",
        rich_help_panel=OUTPUT,
    ),
]

# How a board is reached over SSH.
Host = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The board: a name in boards.toml or ~/.ssh/config, [user@]host[:port] or ssh://... "
        "[default: this machine]",
        autocompletion=complete.one(complete.inventory),
    ),
]
Inventory = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File that names your boards; see `sis-edge boards`. [default: ./boards.toml, else the one in the "
        "user's configuration folder]",
    ),
]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, metavar="N", help="SSH port. [default: ~/.ssh/config's, or 22]")
]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Login name on the board.")]
Identity = Annotated[Path | None, typer.Option("--identity", "-i", metavar="FILE", help="Private key file.")]
KnownHosts = Annotated[Path | None, typer.Option(metavar="FILE", help="Additional file of known host keys.")]
TrustOnFirstUse = Annotated[
    bool,
    typer.Option(
        "--trust-on-first-use",
        help="Add the key of a host that is not known yet to the known hosts; a changed key is always refused.",
    ),
]
PasswordFd = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Read the password from this file descriptor, as in `3<FILE`. [default: ask at the terminal]",
    ),
]
PassphraseFd = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Read passphrases of keys from this file descriptor, one per line. [default: ask at the terminal]",
    ),
]

# What is built and trained.
Profile = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Board profile: a name or a TOML file.", autocompletion=complete.one(complete.profiles)
    ),
]
BoardProfile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Board profile: a name or a TOML file. [default: boards.toml's, else the bundle's]",
        autocompletion=complete.one(complete.profiles),
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Run the bundle's programs though they were not made here, nor signed by an allowed signer."
    ),
]
AgentProfile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Profile that says where the agent is on the board. [default: the newest bundle's, or local]",
        autocompletion=complete.one(complete.profiles),
    ),
]
BundleFolder = Annotated[
    Path | None, typer.Option("--bundle", metavar="FOLDER", help="Bundle folder. [default: the newest build]")
]
Preset = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Network of the paper, such as cifar10-sis1.",
        autocompletion=complete.one(complete.presets),
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Network: {NETWORKS.listed()}, or a TOML file of your own.",
        autocompletion=complete.one(lambda: NETWORKS),
    ),
]
Dataset = Annotated[
    str,
    typer.Option(metavar="NAME", help=f"Data set: {DATASETS.listed()}.", autocompletion=complete.one(lambda: DATASETS)),
]
DataDir = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Folder with your own copy of the data set's files; nothing is downloaded."),
]
Granularity = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Granularity of convolutional layers: {GRANULARITIES.listed()}. [default: the profile's]",
        autocompletion=complete.one(lambda: GRANULARITIES),
    ),
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact",
        help="Sparse kernels by direct convolution only. Winograd's algorithm is faster and changes logits by up to "
        "0.1% of their range.",
    ),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Training epochs. [default: the data set's recipe]")
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="SETTINGS",
        help="Changes of the data set's recipe, comma-separated, such as cutout=8,ema_decay=0.999.",
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Learn from a trained network's outputs, too (distillation): one of the zoo, or the folder of a finished "
        "training. Every table says so.",
        autocompletion=complete.one(complete.zoo),
    ),
]
Rewire = Annotated[
    bool,
    typer.Option(
        "--rewire",
        help="Move kernels or single synapses during training (RigL), at the same count per layer. The networks are "
        "named NAME-rewired.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=2, metavar="N", help="Train on the first N images only, for a quick try; reports say so."),
]
TrainingSeed = Annotated[
    int,
    typer.Option(
        "--seed",
        min=0,
        metavar="N",
        callback=seed_of_training,
        help="Random seed for weight initialisation and data order.",
    ),
]
TrainingPrecision = Annotated[
    Literal["bf16", "fp32"] | None, typer.Option(help="Training precision. [default: the faster one here]")
]

# What is measured, and how.
Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder.")]
BoardName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Measure on a simulated board, such as nano-sim; results are marked as simulated.",
        autocompletion=complete.one(complete.boards),
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help=f"Runtime, one of the profile's: {BACKENDS.listed()}; several, comma-separated, are measured side by "
        "side. [default: the first that the board has]",
        autocompletion=complete.several(lambda: BACKENDS),
    ),
]
BuildBackend = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAMES",
        help="Build for these of the profile's runtimes only, comma-separated. [default: all of them]",
        autocompletion=complete.several(lambda: BACKENDS),
    ),
]
Networks = Annotated[str | None, typer.Option(metavar="NAMES", help="Measure these networks only, comma-separated.")]
OrderSeed = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", help="Random seed for the order of the networks in each round.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Measure at least 60 s and 1,024 inferences per network.")]
Quick = Annotated[bool, typer.Option("--quick", help="Measure about 1 s per network, to check that everything works.")]
TargetCi = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Stop once every speed-up is known to within this share (95% interval): 1% or 0.01, for example.",
    ),
]
Cores = Annotated[
    str | None, typer.Option(metavar="LIST", help="Run on these cores only, comma-separated: 0,1 for example.")
]
LockClocks = Annotated[
    bool, typer.Option("--lock-clocks", help="Lock the board's clocks while measuring, where permitted.")
]
Threads = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Number of runtime threads. [default: the profile's]")
]
BatchSize = Annotated[int | None, typer.Option(min=1, metavar="N", help="Images per call. [default: the profile's]")]
Processes = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Spread the rounds over N fresh processes. [default: the profile's, 3; 1 with --quick]",
    ),
]
ExternalMeter = Annotated[
    bool,
    typer.Option(
        "--meter", help="An external power meter is recording: add idle and load phases for it; see `sis-edge meter`."
    ),
]
Sustain = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="After all else, keep each network at work for this long, such as 30m, to see how the board holds up.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="With --sustain: make N calls a second by a fixed schedule. [default: back to back]"
    ),
]
CoolTo = Annotated[
    float | None,
    typer.Option(
        metavar="CELSIUS",
        help="Before the rounds and each sustained run, wait (15 min at most) until the hottest zone is this cool.",
    ),
]
RestTime = Annotated[
    str | None,
    typer.Option(
        "--rest", metavar="TIME", help="Before the rounds and each sustained run, leave the board idle, such as 60s."
    ),
]
NoQueue = Annotated[
    bool, typer.Option("--no-queue", help="Exit with code 8 if the board is busy, instead of waiting for it.")
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Job, as `sis-edge jobs` lists it.")]
RequireEnergy = Annotated[
    bool, typer.Option("--require-energy", help="Exit with code 8 if no energy could be measured.")
]
RequireValid = Annotated[
    bool,
    typer.Option(
        "--require-valid",
        help="Exit with code 11 unless the verdict is VALID or 'VALID as far as seen'; the run is stored anyway.",
    ),
]

# Where things are kept.
BuildDir = Annotated[
    Path, typer.Option("--build-dir", metavar="FOLDER", help="Folder for bundles and finished build stages.")
]
Signers = Annotated[
    Path | None,
    typer.Option(
        "--signers", metavar="FILE", help="File of allowed signers. [default: allowed_signers in the user's folder]"
    ),
]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", metavar="FOLDER", help="Folder for stored runs, one file per run.")
]
ReportsDir = Annotated[Path, typer.Option("--reports-dir", metavar="FOLDER", help="Folder for reports.")]
