"""How sustained work and rests were measured."""

from sis_agent.schema import BoardRest
from sis_edge.report import rows as show
from sis_edge.results.runtimes import shown
from sis_edge.results.schema import StoredRun
from sis_edge.results.sustained.words import duration


def sustained_method(run: StoredRun) -> tuple[tuple[str, str], ...]:
    """Label and text of each part of it; nothing of a run without."""
    request, record = run.record.job.sustained, run.record
    found = []
    if request is not None:
        pace = "back to back" if request.rate_hz is None else f"{request.rate_hz:g} calls a second by a fixed schedule"
        found.append(
            (
                "Sustained work",
                f"each network alone for {duration(request.time_s)} in a fresh process, {pace}, in windows of "
                f"{show.seconds(request.window_s)}, in random order; of a window a histogram of latencies is kept "
                "(0.2% wide), means of power and clocks, and the highest temperature",
            )
        )
    labels = {network.name: shown(record.job, network) for network in record.networks}
    names = {window.run: labels.get(window.network, window.network) for window in record.sustained_windows}
    for rest in record.rests:
        before = "the rounds" if rest.run is None else names.get(rest.run, "a sustained run")
        found.append((f"Rest before {before}", _rest(rest)))
    return tuple(found)


def _rest(rest: BoardRest) -> str:
    spent = duration(rest.end_s - rest.start_s)
    if rest.end_c is None:
        return f"{spent}; temperature unknown"
    start = "" if rest.start_c is None else f"from {rest.start_c:.1f} "
    heat = f"{spent}; {start}to {rest.end_c:.1f} °C ({rest.zone})"
    if rest.target_c is None:
        return heat
    return f"{heat}, to be {rest.target_c:.1f} °C at most: {'reached' if rest.reached else 'NOT reached'}"
