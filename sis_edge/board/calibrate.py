"""How fast a board's processor is with sparse kernels and with ONNX Runtime: asked of the agent, kept in the cache.

Library and probes go over the same transport as a bundle; the agent times them on as many threads as the profile
computes with (the first of them, where it names several), and the cost model (`native/costs.py`) is fitted to the
answer.
"""

import logging
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sis_agent.calibration.calibrate import LIBRARY, PROBES
from sis_agent.files import CALIBRATION
from sis_agent.schema import Facts
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.deploy import check_board
from sis_edge.errors import AgentError, BoardError, RecordError, UsageError
from sis_edge.files.hashing import file_sha256
from sis_edge.native import build, calibrations, costs, probes
from sis_edge.native.costs import CALIBRATION_VERSION, Calibration
from sis_edge.profiles import DeviceProfile, detect
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
    """The calibration of a board, from the cache or measured now (some fifteen seconds on an idle machine).

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
    library = build.library(detect.architecture(facts) or profile.board.architecture)
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
    calibration = None if again else _stored(path)
    if calibration is None:
        count, threads = probes.count(), threads_of(profile)
        say(f"timing {count} small networks on {transport.name}, {costs.on_threads(threads)}")
        _push(transport, agent, library)
        calibration = _calibration(
            agent.calibrate(CALIBRATION, threads),
            transport.name,
            board=_board(facts, transport),
            library=library.parent.name,
        )
    else:
        log.debug("calibration: reused %s", path)
    calibrations.save(calibration, path, profile.name)
    return calibration


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
    """The calibration that a build chooses by, or None: then the structure decides. A simulated board has none.

    It is the last one of the profile. Where there is none and this machine fits the profile, this machine is
    calibrated; `say` reports that, and a kept one that cannot be used.
    """
    if profile.agent.sysroot != "/":
        return None
    try:
        return known(profile, say)
    except RecordError as error:
        reason = str(error)
    except (UsageError, BoardError, AgentError) as error:
        say(f"not calibrated: {error}")
        return None
    kept = calibrations.kept(profile.name)
    own = _this_machine(profile, kept, say) if profile.board.architecture == platform.machine() else None
    if own is None and (kept is not None or profile.name == LOCAL):
        say(f"not calibrated: {reason}")
    return own


def _this_machine(profile: DeviceProfile, kept: Calibration | None, say: Say) -> Calibration | None:
    """The calibration of this machine as the profile's; None where it does not fit, or another one's is `kept`."""
    transport = connect(None)
    try:
        agent = AgentClient(transport, profile.agent)
        agent.install()
        facts = agent.facts()
        is_another = kept is not None and (kept.board, kept.cpu) != (_board(facts, transport), facts.cpu_model)
        if is_another or not detect.fits(facts, profile):
            return None
        say(
            f"this machine fits the profile {profile.name}, which has no current calibration: calibrating this machine "
            f"(`sis-edge calibrate --host HOST --profile {profile.name}` calibrates another)"
        )
        return calibrate(transport, profile, say=say)
    except (UsageError, BoardError, AgentError) as error:
        say(f"not calibrated: {error}")
        return None
    finally:
        transport.close()


def _board(facts: Facts, transport: Transport) -> str:
    return facts.model or facts.hostname or transport.name


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
        calibration = Calibration.model_validate(answer | known | {"calibration_version": CALIBRATION_VERSION})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AgentError(f"the agent on {name} answers something unreadable ({place}: {first['msg']})") from error
    return calibration.model_copy(update={"fit_error": dict(costs.fit(calibration).fit_error)})
