"""How a gate measures: one board, one set of options, a fresh job each time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sis_edge.board import deploy
from sis_edge.board.attendance import ATTENDANCE, Attendance
from sis_edge.board.events import OnEvent, ignore
from sis_edge.board.jobs import DEFAULT, MeasuringOptions, job_for
from sis_edge.board.measure import StoredFile, measure
from sis_edge.board.network_jobs import profile_for
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession
from sis_edge.bundles.verify import Bundle
from sis_edge.gate.environment import Difference, differences
from sis_edge.profiles import DeviceProfile
from sis_edge.results.runtimes import runtimes
from sis_edge.results.schema import StoredRun
from sis_edge.transport import Transport


@dataclass(frozen=True)
class Measurer:
    """Measures bundles whose programs were vouched for (`sides.check`).

    `runtimes` are those asked for, none being the profile's; `rounds` is the least number of them, None the profile's.
    """

    transport: Transport
    profile: DeviceProfile
    runs_dir: Path
    options: MeasuringOptions = DEFAULT
    runtimes: tuple[str, ...] = ()
    rounds: int | None = None
    seed: int = 0
    on_event: OnEvent = ignore
    attendance: Attendance = ATTENDANCE

    def __call__(self, bundle: Bundle, networks: Sequence[str] | None, turn: int) -> list[StoredFile]:
        """A run for each combination of threads and batch size, stored; each turn draws another order of networks."""
        return measure(
            bundle,
            self.transport,
            self._profile(bundle, networks),
            self.runs_dir,
            networks=networks,
            seed=self.seed + turn,
            options=replace(self.options, trust=True),
            on_event=self.on_event,
            attendance=self.attendance,
        )

    def like(self, reference: StoredRun) -> "Measurer":
        """The same, with the reference's runtimes, threads, batch size, cores and clocks where none were asked for."""
        job = reference.record.job
        options = replace(
            self.options,
            threads=self.options.threads or job.threads,
            batch_size=self.options.batch_size or job.batch_size,
            cores=self.options.cores or tuple(job.cores),
            lock_clocks=self.options.lock_clocks or job.lock_clocks,
        )
        used = self.runtimes or runtimes(job)
        return replace(self, options=replace(options, runtimes=used if len(used) > 1 else ()), runtimes=used)

    def unlike(self, reference: StoredRun, bundle: Bundle, networks: Sequence[str]) -> tuple[Difference, ...]:
        """What a job here would not share with the reference, as far as it is known before the job runs."""
        profile = self._profile(bundle, networks)
        facts = BoardSession(self.transport, profile, self.on_event, Patience()).meet()
        runner = deploy.check_board(facts, profile, self.transport.name)
        job = job_for(bundle, profile, networks=networks, options=self.options, runner=runner, facts=facts)
        return differences((reference.record.facts_before, reference.record.job), (facts, job))

    def _profile(self, bundle: Bundle, networks: Sequence[str] | None) -> DeviceProfile:
        profile = profile_for(bundle.manifest, networks, self.profile, self.runtimes)
        if self.rounds is None:
            return profile
        return profile.model_copy(update={"measuring": profile.measuring.model_copy(update={"rounds": self.rounds})})
