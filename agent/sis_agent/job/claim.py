"""Who pushes a bundle: a second push of the same one waits for the first instead of writing into its files.

The file `pushes` in the root has a token for each bundle that is being pushed. A host may vanish, so a claim lasts only
as long as something happens: its renewal, or a change below the bundle's folder.
"""

import contextlib
import json
import os
import time
from typing import Any, Dict, Iterator, List, Optional

from sis_agent.files import BUNDLES, checked_name, guarded_file, parsed_json, rewrite
from sis_agent.job.extent import extent

PUSHES = "pushes"
QUIET_S = 90.0
"""After so long without a change the one who pushed is gone; a host gives up a transfer without progress in 20 s."""

LATEST_S = 1e11
"""Later than any clock: a number that no claim has, and that would hold for ever."""

Pushes = Dict[str, Dict[str, Any]]


def claim(root: str, bundle_id: str, token: str, now_s: Optional[float] = None) -> Dict[str, Any]:
    """Let the holder of this token push a bundle: whether it may now, and else how long the other has been quiet."""
    now_s = time.time() if now_s is None else now_s
    with _changed(root) as pushes:
        other = pushes.get(checked_name("bundle id", bundle_id))
        quiet_s = None if other is None else _quiet_s(root, bundle_id, other, now_s)
        if other is not None and other["token"] != token and quiet_s is not None and quiet_s < QUIET_S:
            return {"held": False, "quiet_s": quiet_s}
        pushes[bundle_id] = {"token": token, "at_s": now_s}
    return {"held": True, "quiet_s": 0.0}


def release(root: str, bundle_id: str, token: str) -> Dict[str, Any]:
    """End a claim, if this token still holds it."""
    with _changed(root) as pushes:
        held = pushes.get(bundle_id, {}).get("token") == token
        if held:
            del pushes[bundle_id]
    return {"held": held, "quiet_s": 0.0}


def pushed(root: str) -> List[str]:
    """The bundles that are being pushed now."""
    try:
        with open(os.path.join(root, PUSHES), encoding="utf-8", errors="replace") as file:
            pushes = _sound(file.read())
    except OSError:
        return []
    now_s = time.time()
    return [name for name, other in pushes.items() if _quiet_s(root, name, other, now_s) < QUIET_S]


def _quiet_s(root: str, bundle_id: str, other: Dict[str, Any], now_s: float) -> float:
    """How long ago something changed; a clock that was set back says nothing, and the claim then holds."""
    at_s: float = other["at_s"]
    return now_s - max(at_s, extent(os.path.join(root, BUNDLES, bundle_id)).changed_s)


@contextlib.contextmanager
def _changed(root: str) -> Iterator[Pushes]:
    """The claims, to be changed; nobody else changes them meanwhile. Of a damaged file there are none."""
    with guarded_file(root, PUSHES) as file:
        pushes = _sound(file.read())
        yield pushes
        rewrite(file, json.dumps(pushes) if pushes else "")


def _sound(text: str) -> Pushes:
    try:
        found = parsed_json(text) if text else {}
    except ValueError:
        return {}
    return {
        name: each
        for name, each in (found.items() if isinstance(found, dict) else ())
        if isinstance(each, dict)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("at_s"), (int, float))
        and 0 <= each["at_s"] < LATEST_S
        and os.path.basename(name) == name
    }
