"""The board at rest before it is measured: for a time, and until its hottest zone has cooled down."""

from typing import Callable, Dict, Optional, Tuple

from sis_agent.board.thermal import hottest
from sis_agent.measure.context import MeasurementContext
from sis_agent.protocol import ProblemError
from sis_agent.schema import BoardRest, RestRequest

Temperatures = Callable[[], Dict[str, Optional[float]]]

LOOK_EVERY_S = 1.0
# A board that is not told how far it must cool down is as it was at its first start within so many degrees.
SAME_C = 2.0


def check(request: Optional[RestRequest], temperatures: Temperatures) -> None:
    """Raise the problem `no-temperature` where a board has to cool down and does not report how warm it is."""
    if request is not None and request.cool_to_c is not None and hottest(temperatures()) is None:
        raise ProblemError(
            "no-temperature",
            "the job waits until the board has cooled down to {:g} degrees, and this board reports no temperature; "
            "leave that out and let it rest for a time (--rest 60s)".format(request.cool_to_c),
        )


class BoardRests:
    """The rests of one job; each goes to its results, with the temperature that the board had at its end."""

    def __init__(self, context: MeasurementContext, temperatures: Temperatures) -> None:
        self._context = context
        self._temperatures = temperatures
        self._request = context.job.rest or RestRequest()

    def before_rounds(self) -> None:
        """That before the rounds, where the job asks for one and has not had it."""
        rests = self._context.results.rests
        if self._context.job.rest is not None and all(rest.run is not None for rest in rests):
            self._rest(None, self._request.cool_to_c)

    def before_run(self, run: int) -> None:
        """That before a sustained run: to the temperature that the job asks for, else to that of the first run."""
        target_c = self._request.cool_to_c
        first = next((rest for rest in self._context.results.rests if rest.run is not None), None)
        if target_c is None and first is not None and first.end_c is not None:
            target_c = first.end_c + SAME_C
        self._rest(run, target_c)

    def _rest(self, run: Optional[int], target_c: Optional[float]) -> None:
        context, start = self._context, hottest(self._temperatures())
        begin_s = context.elapsed_s()
        while context.elapsed_s() < begin_s + self._request.rest_s:
            spent_s = context.elapsed_s() - begin_s
            context.progress("rest", None, round(spent_s, 1), self._request.rest_s)
            context.stop.sleep(min(LOOK_EVERY_S, self._request.rest_s - spent_s))
        reached, end = (None, hottest(self._temperatures())) if target_c is None else self._cooled(target_c)
        zone, end_c = (None, None) if end is None else end
        start_c = None if start is None else start[1]
        context.results.rests.append(
            BoardRest(run, begin_s, context.elapsed_s(), target_c, start_c, end_c, zone, reached)
        )
        context.keep(at_once=True)

    def _cooled(self, target_c: float) -> Tuple[Optional[bool], Optional[Tuple[str, float]]]:
        """Wait; returns whether it was cool enough in the end, None where that is unknown, and the hottest zone."""
        context, limit_s, begin_s = self._context, self._request.limit_s, self._context.elapsed_s()
        while True:
            now = hottest(self._temperatures())
            if now is None:
                return None, None
            spent_s = context.elapsed_s() - begin_s
            if now[1] <= target_c:
                return True, now
            if spent_s >= limit_s:
                return False, now
            context.progress("cool", None, round(spent_s, 1), limit_s)
            context.stop.sleep(min(LOOK_EVERY_S, limit_s - spent_s))
