"""The agent's command line: parse, call one function, print its answer."""

import argparse
import os
import traceback
from typing import Any, Callable, Dict, List

from sis_agent import inventory, lock, schema
from sis_agent.calibration.calibrate import calibrate
from sis_agent.commands import Commands
from sis_agent.files import disk_full_is_a_problem
from sis_agent.job import login, provision, storage
from sis_agent.job.detach import detach
from sis_agent.job.execute import cancel, execute
from sis_agent.job.folder import JobFolder, status
from sis_agent.job.infer import infer
from sis_agent.protocol import ProblemError, answer_line, problem_line, say
from sis_agent.tree import Tree

DEFAULT_ROOT = "~/.sis-edge"


def _facts(arguments: argparse.Namespace) -> Dict[str, Any]:
    # Importing runtimes takes a core for a second or more: not beside a job that measures.
    logs = None if lock.is_held(arguments.root) else arguments.root
    return dict(inventory.read(arguments.sysroot, disk=arguments.root, logs=logs)._asdict())


def _files(arguments: argparse.Namespace) -> Dict[str, Any]:
    return storage.list_files(arguments.root, arguments.folder)


def _run(arguments: argparse.Namespace) -> Dict[str, Any]:
    root, job_id, sysroot = arguments.root, arguments.job_id, arguments.sysroot
    folder = JobFolder(root, job_id)
    folder.job()  # an unreadable job is reported before anything is started
    started: Dict[str, Any] = {}
    if arguments.foreground:
        execute(root, job_id, started.update, sysroot)
        return started
    tree, commands = Tree(sysroot), Commands(sysroot)
    if not arguments.in_scope and login.ends_with_session(tree, commands):
        words = ["--root", root, "--sysroot", sysroot, "run", "--in-scope", "--job-id", job_id]
        line = login.run_in_scope(words, commands) if login.lingers(tree) else None
        if line is None:
            started["warning"] = login.WARNING
        elif line["ok"]:
            return dict(line["answer"])
        else:
            raise ProblemError(**line["problem"])

    def work(report: Callable[[Dict[str, Any]], None]) -> None:
        try:
            with disk_full_is_a_problem():
                execute(root, job_id, lambda answer: report({"answer": answer}), sysroot)
        except ProblemError as error:
            report({"problem": schema.to_json(error.problem)})

    first = detach(work, folder.file("log.txt"))
    if "answer" in first:
        return dict(first["answer"], **started)
    if "problem" in first:
        raise ProblemError(**first["problem"])
    raise ProblemError("bug", "job '{}' ended before it began; {} says why".format(job_id, folder.file("log.txt")))


def _status(arguments: argparse.Namespace) -> Dict[str, Any]:
    return status(arguments.root, arguments.job_id, arguments.since)


def _cancel(arguments: argparse.Namespace) -> Dict[str, Any]:
    return cancel(arguments.root, arguments.job_id)


def _clean(arguments: argparse.Namespace) -> Dict[str, Any]:
    return storage.clean(arguments.root, arguments.keep_bundles)


def _provision(arguments: argparse.Namespace) -> Dict[str, Any]:
    return provision.provision(arguments.root, arguments.wheel)


def _calibrate(arguments: argparse.Namespace) -> Dict[str, Any]:
    return calibrate(arguments.root, arguments.folder, arguments.threads)


def _infer(arguments: argparse.Namespace) -> Dict[str, Any]:
    return infer(arguments.root, arguments.name)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="sis_agent", description="Measures networks on this board for sis-edge.")
    top.add_argument("--root", default=DEFAULT_ROOT, help="the agent's only folder (default: %(default)s)")
    top.add_argument(
        "--sysroot",
        default="/",
        metavar="DIR",
        help="a simulated board's file tree, read in place of this machine's /proc and /sys (default: %(default)s)",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True

    def command(name: str, call: Callable[[argparse.Namespace], Dict[str, Any]], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(call=call)
        return added

    command("facts", _facts, "hardware, system, runners and sensors of this board")
    files = command("files", _files, "list the files of a folder with their hashes")
    files.add_argument("folder", help="relative to the root")
    run = command("run", _run, "start the job in jobs/ID/job.json")
    run.add_argument("--job-id", required=True)
    run.add_argument("--foreground", action="store_true", help="stay until the job ends")
    run.add_argument("--in-scope", action="store_true", help=argparse.SUPPRESS)  # passed by the agent to itself
    status = command("status", _status, "state and progress of a job")
    status.add_argument("job_id")
    status.add_argument("--since", type=int, default=0, metavar="N", help="progress from line N")
    command("cancel", _cancel, "end a job").add_argument("job_id")
    command("infer", _infer, "classify the images in inference/NAME with one network").add_argument("name")
    clean = command("clean", _clean, "remove jobs that do not run, bundles and old agents")
    clean.add_argument("--keep-bundles", action="store_true")
    unpack = command(
        "provision", _provision, "unpack wheels from the folder `wheels`; without names, list what is there"
    )
    unpack.add_argument("wheel", nargs="*")
    probing = command(
        "calibrate", _calibrate, "time the probes in a folder of the root: how fast the kernels are on this processor"
    )
    probing.add_argument("folder", help="relative to the root; holds the library and the probes")
    probing.add_argument("--threads", type=int, default=1, metavar="N", help="threads within a layer (default: 1)")
    return top


def run_command_line(words: List[str]) -> int:
    """Run one command; its answer is the last line of standard output. Returns the exit code.

    What the agent and its workers write meanwhile is nobody else's.
    """
    before = os.umask(0o077)
    try:
        return _run_command_line(parser().parse_args(words))
    finally:
        os.umask(before)


def _run_command_line(arguments: argparse.Namespace) -> int:
    arguments.root = os.path.abspath(os.path.expanduser(arguments.root))
    arguments.sysroot = os.path.abspath(arguments.sysroot)
    provision.activate(arguments.root)
    try:
        with disk_full_is_a_problem():
            say(answer_line(arguments.call(arguments)))
        return 0
    except ProblemError as error:
        problem = error.problem
    except PermissionError as error:
        problem = schema.Problem("no-permission", "no permission for {} ({})".format(error.filename, error.strerror))
    except Exception as error:  # a bug of ours: the traceback goes to standard error, the host still gets a line
        traceback.print_exc()
        problem = schema.Problem("bug", "{}: {}".format(type(error).__name__, error))
    say(problem_line(problem))
    return 1
