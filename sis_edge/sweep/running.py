"""A sweep from its plan to its trials: missing ones are run, and written as they come."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sis_edge.files import stages
from sis_edge.sweep import trial as trials
from sis_edge.sweep.plan import PreparedSweep, SweepPlan, prepare
from sis_edge.sweep.trial import Failure, Task, Trial

TRIALS = "trials"

Outcomes: TypeAlias = Generator[tuple[Task, Trial | Failure], None, None]
Executor: TypeAlias = Callable[[Sequence[Task], Path], Outcomes]
"""Runs tasks, their stages below a folder, and gives each one's outcome once, as it comes."""

OnStep: TypeAlias = Callable[[Task, int, int, float], None]
"""Called with a task, its steps done, steps in all, and the loss of the last step."""

Say: TypeAlias = Callable[[str], None]
"""Called with what a user should know while trials run."""

OnTrial: TypeAlias = Callable[[int, int, str], None]
"""Called with trials done, trials in all, and the outcome of the last one."""


@dataclass(frozen=True)
class SweepResult:
    """Trials by their key; failures with their tasks; how many trials were done before."""

    plan: SweepPlan
    prepared: PreparedSweep
    trials: dict[str, Trial]
    failures: tuple[tuple[Task, Failure], ...]
    done_before: int


def run(plan: SweepPlan, executor: Executor, on_trial: OnTrial = lambda done, total, outcome: None) -> SweepResult:
    """Run the trials that `plan.folder` lacks. Each is written when it comes, so an interruption keeps it.

    Raises UsageError for a plan with unknown names or impossible values, DatasetError, and DiskError where a trial
    cannot be written.
    """
    from sis_edge import datasets

    dataset = datasets.load(plan.dataset, data_dir=plan.data_dir, own=plan.own)
    prepared = prepare(plan, dataset)
    folder = plan.folder / TRIALS
    root = plan.folder / ".stages"
    failures = []
    with stages.alone(root, "--folder"):
        stored = {task.key: trials.load(task.key, folder) for task in prepared.tasks}
        done = {key: trial for key, trial in stored.items() if trial is not None}
        done_before = len(done)
        on_trial(done_before, len(prepared.tasks), "done before" if done_before else "")
        missing = [task for task in prepared.tasks if task.key not in done]
        with closing(executor(missing, root)) as outcomes:  # an interruption ends what still runs
            for task, outcome in outcomes:
                if isinstance(outcome, Failure):
                    failures.append((task, outcome))
                    text = f"failed: {outcome.reason}"
                else:
                    trials.save(outcome, folder)
                    done[task.key] = outcome
                    text = f"{100 * outcome.accuracy:.2f}% of {outcome.held_out:,}"
                on_trial(len(done) + len(failures), len(prepared.tasks), f"{task.name}: {text}")
    return SweepResult(plan, prepared, done, tuple(failures), done_before)
