"""How a command reaches a board over SSH: the options that `deploy`, `profiles detect` and others share."""

from pathlib import Path
from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option(help="The board: a name, or one of ~/.ssh/config. [default: this machine]")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="The SSH server's port.")]
User = Annotated[str | None, typer.Option(help="The login on the board.")]
Identity = Annotated[Path | None, typer.Option("--identity", "-i", help="A private key file.")]
KnownHosts = Annotated[Path | None, typer.Option(help="One more file of known host keys.")]
