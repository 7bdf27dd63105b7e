"""Python packages of the agent's own: wheels that the host brought, unpacked below the agent's root.

wheels/<name>.whl                 on their way; gone once they are unpacked
site/<python>-<machine>/          the packages, and `provisioned.json` with the SHA-256 of every wheel

The board needs no internet, no pip and no root for it. The packages come before the system's, in the agent and in its
workers. A wheel is a zip archive (PEP 427), whose RECORD has every file's hash.
"""

import base64
import csv
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
import zlib
from typing import Any, Dict, List

from sis_agent import lock
from sis_agent.files import SITE, WHEELS, disk_full_is_a_problem, read_json, write_atomic
from sis_agent.job import wheel_tags
from sis_agent.protocol import ProblemError
from sis_agent.runners import importing

LISTING = "provisioned.json"
MOST_BYTES = 2 << 30  # of a wheel, unpacked
# What zipfile, zlib, csv and the system make of a wheel that is damaged, encrypted or packed in a way that is unknown.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    OverflowError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)
# What is imported before it takes the place of what was there, in this order.
RUNTIMES = ("numpy", "onnxruntime")


def site_folder(root: str) -> str:
    """Where this interpreter's packages lie."""
    tag = "cp{}{}-{}".format(sys.version_info[0], sys.version_info[1], os.uname().machine)
    return os.path.join(root, SITE, tag)


def activate(root: str) -> None:
    """Let this process and its children find the packages, before the system's."""
    folder = site_folder(root)
    if os.path.isdir(folder) and folder not in sys.path:
        sys.path.insert(1, folder)  # behind the agent itself
        others = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = folder + (os.pathsep + others if others else "")


def provisioned(root: str) -> Dict[str, str]:
    """The wheels that are unpacked for this interpreter: file name -> SHA-256."""
    try:
        found = read_json(os.path.join(site_folder(root), LISTING))
    except (OSError, ValueError):
        return {}
    return (
        {name: sha256 for name, sha256 in found.items() if isinstance(sha256, str)} if isinstance(found, dict) else {}
    )


def provision(root: str, names: List[str]) -> Dict[str, Any]:
    """Unpack these wheels in place of what was there; without names, only list what is there.

    Raises ProblemError `bad-wheel` for one that is damaged, for another interpreter or cannot be imported here, `busy`
    while a job runs, and `no-wheels`, also without names, on a board where no wheel can run.
    """
    folder = site_folder(root)
    lack = wheel_tags.obstacle(root)
    if lack is not None:
        raise ProblemError("no-wheels", lack)
    if names:
        with lock.guarded(root) as guard:
            running = lock.owner(guard)
            if running is not None:
                raise lock.busy(running)
            _unpack_all(root, names, folder)
    return {"folder": folder, "wheels": provisioned(root)}


def _unpack_all(root: str, names: List[str], folder: str) -> None:
    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    done = {}
    try:
        with disk_full_is_a_problem():
            os.makedirs(part)
            for name in names:
                done[name] = _unpack(root, name, part)
            _check_imports(root, part)
            write_atomic(os.path.join(part, LISTING), json.dumps(done, indent=1, sort_keys=True))
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    for name in names:
        os.remove(os.path.join(root, WHEELS, name))


def _check_imports(root: str, part: str) -> None:
    """Raise the problem `bad-wheel` for runtimes that were unpacked and cannot be imported here."""
    brought = [name for name in RUNTIMES if importing.holds(part, name)]
    lack = importing.problem(tuple(brought), root, part) if brought else None
    if lack is not None:
        raise ProblemError("bad-wheel", "the wheels do not run here, and what was there before stays: " + lack)


def _unpack(root: str, name: str, target: str) -> str:
    """Unpack one wheel and return its SHA-256."""
    if os.path.basename(name) != name or not name.endswith(".whl"):
        raise ProblemError("bad-wheel", "'{}' is not a wheel's name".format(name))
    wheel_tags.check(name)
    path = os.path.join(root, WHEELS, name)
    try:
        with open(path, "rb") as file:
            content = file.read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _extract(archive, name, target)
    except FileNotFoundError:
        raise ProblemError("bad-wheel", "the wheel {} is not on this board; push it first".format(name))
    except DAMAGE as error:
        raise ProblemError("bad-wheel", "the wheel {} is damaged ({}); push it again".format(name, error))
    return hashlib.sha256(content).hexdigest()


def _extract(archive: zipfile.ZipFile, name: str, target: str) -> None:
    names = archive.namelist()
    if len(set(names)) < len(names):
        raise ValueError("it holds a file twice")
    if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
        raise ValueError("it unpacks to more than {:.1f} GB".format(MOST_BYTES / 1e9))
    records = [entry for entry in archive.namelist() if entry.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        raise ProblemError("bad-wheel", "the wheel {} has no list of its files; push it again".format(name))
    hashes = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(records[0]).decode())) if len(row) == 3}
    for entry in archive.infolist():
        if entry.filename.endswith("/"):
            continue
        content = archive.read(entry)
        if entry.filename != records[0] and _record_hash(content) != hashes.get(entry.filename):
            raise ProblemError(
                "bad-wheel", "{} in the wheel {} is not what its list says; push it again".format(entry.filename, name)
            )
        place = _place(entry.filename)
        if place is None:
            continue
        path = os.path.normpath(os.path.join(target, place))
        if not path.startswith(target + os.sep):
            raise ProblemError("bad-wheel", "the wheel {} has a file outside of its folder".format(name))
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(content)


def _place(name: str) -> Any:
    """Where a wheel's file goes, below the packages' folder; None for scripts, headers and the like."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, rest = rest.partition("/")
    return rest if kind in ("purelib", "platlib") else None


def _record_hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.decode().rstrip("=")
