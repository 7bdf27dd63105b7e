"""`sis-edge calibrate`: measure how fast a board is with sparse kernels, for `build` and `predict`."""

from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import connection

if TYPE_CHECKING:
    from sis_edge.native.costs import Calibration
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport

app = typer.Typer()


@app.command()
def calibrate(
    host: connection.Host = None,
    port: connection.Port = None,
    user: connection.User = None,
    identity: connection.Identity = None,
    known_hosts: connection.KnownHosts = None,
    profile: Annotated[
        str | None, typer.Option(help="The board's profile. [default: the one that fits; here: local]")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew, though the board was measured before.")] = False,
) -> None:
    """Measure a board's processor with sparse kernels and with ONNX Runtime: some ten seconds, then kept."""
    from sis_edge import profiles
    from sis_edge.board.calibrate import calibrate as measured
    from sis_edge.cli.console import log
    from sis_edge.transport import connect

    transport = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    try:
        board = profiles.load(profile or "local") if profile or host is None else _fitting(transport)
        found = measured(transport, board, again=again, say=lambda message: log.print(message, soft_wrap=True))
    finally:
        transport.close()
    show(found, board)


def _fitting(transport: "Transport") -> "DeviceProfile":
    """The profile that the board fits by its facts."""
    from sis_edge import profiles
    from sis_edge.board.agent_client import AgentClient
    from sis_edge.profiles.detect import detect

    agent = AgentClient(transport, profiles.AgentSettings())
    agent.install()
    return detect(agent.facts(), [profiles.load(name) for name in profiles.names()]).profile


def show(calibration: "Calibration", profile: "DeviceProfile") -> None:
    """A calibration as a table of at most 80 columns."""
    from rich.table import Table

    from sis_edge.cli.console import log, out
    from sis_edge.native import costs, probes

    dense = calibration.plain[probes.WHOLE_NIN.name]
    table = Table(show_header=False)
    for label, text in (
        ("board", calibration.board),
        ("profile", profile.name),
        ("processor", calibration.cpu or "unknown"),
        ("instruction set", calibration.instruction_set),
        ("peak of one core", f"{calibration.peak_flops / 1e9:,.1f} GFLOP/s, on registers"),
        ("ONNX Runtime", calibration.onnxruntime),
        ("dense NiN in it", f"{dense * 1e3:,.2f} ms an image on {costs.on_threads(calibration.threads)}"),
        ("sparse kernels", calibration.library),
        ("measured", f"{len(calibration.native)} networks by the kernels, {len(calibration.dense)} by ONNX Runtime"),
        ("cost-model error", ", ".join(f"{share:.1%} for {way}" for way, share in calibration.fit_error.items())),
    ):
        table.add_row(label, text)
    out.print(table)
    if calibration.doubt:
        log.print(f"Warning: {calibration.doubt}.", soft_wrap=True)
    out.print(f"`sis-edge build` and `sis-edge predict` for the profile {profile.name} use it.", soft_wrap=True)
