"""How fast a board's processor is with sparse kernels and with ONNX Runtime: asked of the agent, kept in the cache.

Library and probes go over the same transport as a bundle; the agent times them on as many threads as the profile
computes with (the first of them, where it names several), and the cost model (`native/costs.py`) is fitted to the
answer.
"""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sis_agent.calibration.calibrate import LIBRARY, PROBES
from sis_agent.files import CALIBRATION
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.deploy import check_board
from sis_edge.errors import AgentError, BoardError, RecordError, UsageError
from sis_edge.files.hashing import file_sha256
from sis_edge.native import build, calibrations, costs, probes
from sis_edge.native.costs import CALIBRATION_VERSION, Calibration
from sis_edge.profiles import DeviceProfile
from sis_edge.profiles.detect import architecture
from sis_edge.transport import Transport, connect

log = logging.getLogger(__name__)

LOCAL = "local"
"""The profile of this machine."""

Say = Callable[[str], None]


def calibrate(
    transport: Transport,
    profile: DeviceProfile,
    *,
    again: bool = False,
    folder: Path | None = None,
    say: Say = lambda message: None,
) -> Calibration:
    """The calibration of a board, from the cache or measured now (some ten seconds on an idle machine).

    It is kept by the board's model, processor, library and ONNX Runtime, and as the last of its profile. Raises
    BoardError for a board that is simulated, emulated, not the profile's or without ONNX Runtime, UsageError without
    a compiler for it, and as transport and agent do.
    """
    agent = AgentClient(transport, profile.agent)
    agent.install()
    facts = agent.facts()
    check_board(facts, profile, transport.name)
    if facts.simulated or facts.emulated:
        what = "simulated" if facts.simulated else "emulated"
        raise BoardError(f"{transport.name} is {what}: its speed says nothing about a board, so it is not calibrated")
    library = build.library(architecture(facts) or profile.board.architecture)
    version = str(facts.packages.get("onnxruntime"))
    path = calibrations.place(
        folder or calibrations.default_folder(),
        library.parent.name,
        version,
        threads_of(profile),
        facts.model,
        facts.cpu_model,
        facts.cpu_features,
    )
    found = None if again else _stored(path)
    if found is None:
        count, threads = len(probes.NATIVE) + len(probes.DENSE) + len(probes.PLAIN), threads_of(profile)
        say(f"timing {count} small networks on {transport.name}, {costs.on_threads(threads)}")
        _push(transport, agent, library)
        found = _calibration(
            agent.calibrate(CALIBRATION, threads),
            transport.name,
            board=facts.model or facts.hostname or transport.name,
            library=library.parent.name,
        )
    else:
        log.debug("calibration: reused %s", path)
    calibrations.save(found, path, profile.name)
    return found


def threads_of(profile: DeviceProfile) -> int:
    """The threads that layers are chosen for: those of the first job of the profile."""
    return profile.runtime.threads[0]


def known(profile: DeviceProfile, say: Say = lambda message: None) -> Calibration:
    """The calibration of the profile's board: for `local` measured now where need be, else the last one that was kept.

    Raises RecordError where there is none of the profile, and for `local` as `calibrate` does.
    """
    if profile.name != LOCAL:
        return calibrations.of_profile(profile.name, threads_of(profile))
    transport = connect(None)
    try:
        return calibrate(transport, profile, say=say)
    finally:
        transport.close()


def for_build(profile: DeviceProfile, say: Say = lambda message: None) -> Calibration | None:
    """As `known`, and None where there is none: a build goes on without. A simulated board has none."""
    if profile.agent.sysroot != "/":
        return None
    try:
        return known(profile, say)
    except (RecordError, UsageError, BoardError, AgentError) as error:
        if profile.name == LOCAL:
            say(f"not calibrated: {error}")
        return None


def _stored(path: Path) -> Calibration | None:
    """What was measured before; one that is damaged or of another version is measured again."""
    try:
        return calibrations.read(path)
    except RecordError:
        return None


def _push(transport: Transport, agent: AgentClient, library: Path) -> None:
    """Bring what the board does not have yet."""
    there = agent.files(CALIBRATION)
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        archive = Path(folder) / PROBES
        archive.write_bytes(probes.archive())
        for source, name in ((library, LIBRARY), (archive, PROBES)):
            if name not in there or there[name].sha256 != file_sha256(source):
                transport.put(source, f"{agent.root}/{CALIBRATION}/{name}")


def _calibration(answer: dict[str, Any], name: str, **known: Any) -> Calibration:
    try:
        found = Calibration.model_validate(answer | known | {"calibration_version": CALIBRATION_VERSION})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AgentError(f"the agent on {name} answers something unreadable ({place}: {first['msg']})") from error
    return found.model_copy(update={"fit_error": dict(costs.fit(found).fit_error)})
