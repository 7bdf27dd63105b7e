"""Two pushes of one bundle at once: the second waits for the first, and sends only what that one left."""

import shutil
from pathlib import Path

import pytest
from results.factory import facts
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge.board import jobs_on_board
from sis_edge.board.claim import Claim
from sis_edge.board.events import Event
from sis_edge.board.patience import Patience
from sis_edge.transport import LocalTransport

QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.02, poll_s=0.01)


@pytest.mark.fault("two pushes of one bundle at once", "the second waits for the first")
@pytest.mark.parametrize("has_sent_all", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_second_push_waits_for_the_first(tmp_path: Path, has_sent_all: bool) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if "another sis-edge" in event.message:
            if has_sent_all:
                shutil.copytree(bundle.path, tmp_path / ".sis-edge/bundles" / bundle.id, dirs_exist_ok=True)
            first.agent.ask(Claim, "claim", bundle.id, "--token", "first", "--release")

    first = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile(), patience=QUICK)
    assert first.agent.ask(Claim, "claim", bundle.id, "--token", "first").held
    second = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile(), on_event, QUICK)
    second.push(bundle, facts())
    said = [event.message for event in events]
    assert said[0] == "another sis-edge is pushing this bundle to local; waiting for its end"
    assert (said.count(said[0]), len(said) == 2) == (1, has_sent_all)
    assert second.agent.ask(Claim, "claim", bundle.id, "--token", "third").held


def test_a_bundle_that_is_there_is_not_claimed(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    at = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile(), patience=QUICK)
    at.push(bundle, facts())
    pushes = tmp_path / ".sis-edge/pushes"
    pushes.unlink()
    at.push(bundle, facts())
    assert not pushes.exists()
