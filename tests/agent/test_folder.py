import os
from pathlib import Path

import pytest

from sis_agent import lock, schema
from sis_agent.job.folder import JobFolder, State
from sis_agent.protocol import ProblemError


def folder(root: Path) -> JobFolder:
    found = JobFolder(str(root), "j1")
    Path(found.path).mkdir(parents=True)
    return found


def test_states(tmp_path: Path) -> None:
    job = folder(tmp_path)
    with pytest.raises(ProblemError, match="no job 'j1'"):
        job.state()
    Path(job.file("job.json")).write_text("{}")
    assert job.state() == State(schema.QUEUED)
    ticks = lock.start_ticks(os.getpid())
    running = State(schema.RUNNING, os.getpid(), ticks)
    job.write_state(running)
    assert job.state() == running
    assert ticks is not None
    job.write_state(running._replace(start_ticks=ticks + 1))
    lost = job.state()
    assert lost.state == schema.FAILED
    assert lost.problem is not None
    assert lost.problem.code == "job-lost"
    done = State(schema.FAILED, 1, 1, schema.Problem("code", "message"))
    job.write_state(done)
    assert job.state() == done


def test_progress_leaves_out_a_line_that_is_being_written(tmp_path: Path) -> None:
    job = folder(tmp_path)
    assert job.progress(0) == []
    Path(job.file("progress.jsonl")).write_text('{"done": 0}\n{"done": 1}\n{"do')
    assert job.progress(0) == [{"done": 0}, {"done": 1}]
    assert job.progress(1) == [{"done": 1}]
    assert job.progress(5) == []
