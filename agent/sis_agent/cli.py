"""The agent's command line: parse, call one function, print its answer.

What only one command needs is imported by it: a host asks for a job's status again and again, and each time a board
compiles every module that it reads from the archive anew.
"""

import argparse
import os
import sys
from typing import Any, Callable, Dict, List

from sis_agent import schema
from sis_agent.files import KINDS, SITE, disk_full_is_a_problem
from sis_agent.protocol import ProblemError, answer_line, problem_line, say

DEFAULT_ROOT = "~/.sis-edge"


def _facts(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent import inventory, lock

    # Importing runtimes takes a core for a second or more: not beside a job that measures.
    logs = None if lock.is_held(arguments.root) else arguments.root
    return dict(inventory.read(arguments.sysroot, disk=arguments.root, logs=logs)._asdict())


def _examine(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent import examination

    return dict(examination.examine(arguments.root, arguments.sysroot)._asdict())


def _files(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import storage

    return storage.list_files(arguments.root, arguments.folder)


def _push(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import receive

    source = receive.Incoming(sys.stdin.fileno())
    return receive.push(arguments.root, arguments.folder, source, arguments.token)


def _run(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.commands import Commands
    from sis_agent.job import login
    from sis_agent.job.detach import detach
    from sis_agent.job.execute import execute
    from sis_agent.job.folder import JobFolder
    from sis_agent.job.waiting import execute_in_turn
    from sis_agent.tree import Tree

    root, job_id, sysroot = arguments.root, arguments.job_id, arguments.sysroot
    folder = JobFolder(root, job_id)
    folder.job()  # an unreadable job is reported before anything is started
    started: Dict[str, Any] = {}
    run = execute_in_turn if arguments.queue else execute
    if arguments.foreground:
        run(root, job_id, started.update, sysroot)
        return started
    tree, commands = Tree(sysroot), Commands(sysroot)
    if not arguments.in_scope and login.ends_with_session(tree, commands):
        words = ["--root", root, "--sysroot", sysroot, "run", "--in-scope", "--job-id", job_id]
        words += ["--queue"] if arguments.queue else []
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
                run(root, job_id, lambda answer: report({"answer": answer}), sysroot)
        except ProblemError as error:
            report({"problem": schema.to_json(error.problem)})

    first = detach(work, folder.file("log.txt"))
    if "answer" in first:
        return dict(first["answer"], **started)
    if "problem" in first:
        raise ProblemError(**first["problem"])
    raise ProblemError("bug", "job '{}' ended before it began; {} says why".format(job_id, folder.file("log.txt")))


def _status(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job.folder import status

    return status(arguments.root, arguments.job_id, arguments.since, arguments.sysroot)


def _cancel(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job.execute import cancel

    return cancel(arguments.root, arguments.job_id)


def _jobs(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import listing

    return listing.jobs(arguments.root, arguments.job_id)


def _log(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import listing

    return listing.log(arguments.root, arguments.job_id, arguments.begin)


def _claim(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import claim

    change = claim.release if arguments.release else claim.claim
    return change(arguments.root, arguments.bundle_id, arguments.token)


def _clean(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import storage

    choice = storage.Cleaning(arguments.kind, arguments.older_than, arguments.larger_than, arguments.as_of)
    return storage.clean(arguments.root, choice, arguments.dry_run)


def _provision(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job import provision

    return provision.provision(arguments.root, arguments.wheel)


def _calibrate(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.calibration.calibrate import calibrate

    return calibrate(arguments.root, arguments.folder, arguments.threads)


def _infer(arguments: argparse.Namespace) -> Dict[str, Any]:
    from sis_agent.job.infer import infer

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
    command("examine", _examine, "state of this board now: load, throttling, clocks, what is brought and what runs")
    files = command("files", _files, "list the files of a folder with their hashes")
    files.add_argument("folder", help="relative to the root")
    pushing = command("push", _push, "write files into a folder: their list and what is missing of them is read")
    pushing.add_argument("folder", help="relative to the root")
    pushing.add_argument("--token", help="of whoever pushes the bundle")
    _add_jobs(command)
    claiming = command("claim", _claim, "push a bundle while nobody else does")
    claiming.add_argument("bundle_id")
    claiming.add_argument("--token", required=True)
    claiming.add_argument("--release", action="store_true")
    command("infer", _infer, "classify the images in inference/NAME with one network").add_argument("name")
    _add_clean(command("clean", _clean, "remove what no job needs that runs or waits: jobs, bundles, old agents"))
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


def _add_jobs(command: Callable[..., argparse.ArgumentParser]) -> None:
    run = command("run", _run, "start the job in jobs/ID/job.json")
    run.add_argument("--job-id", required=True)
    run.add_argument("--foreground", action="store_true", help="stay until the job ends")
    run.add_argument("--queue", action="store_true", help="where the board is busy, wait for it and then start")
    run.add_argument("--in-scope", action="store_true", help=argparse.SUPPRESS)  # passed by the agent to itself
    status = command("status", _status, "state and progress of a job")
    status.add_argument("job_id")
    status.add_argument("--since", type=int, default=0, metavar="N", help="progress from line N")
    command("jobs", _jobs, "list every job of the root, or one").add_argument("job_id", nargs="?")
    log = command("log", _log, "a piece of a job's log")
    log.add_argument("job_id")
    log.add_argument("--from", dest="begin", type=int, default=0, metavar="BYTE", help="negative: from the end")
    command("cancel", _cancel, "end a job").add_argument("job_id")


def _add_clean(clean: argparse.ArgumentParser) -> None:
    clean.add_argument("--kind", action="append", default=[], choices=list(KINDS), help="repeatable (default: all)")
    clean.add_argument("--older-than", type=float, default=0.0, metavar="S", help="seconds without change or use")
    clean.add_argument("--larger-than", type=int, default=-1, metavar="BYTES")
    clean.add_argument(
        "--as-of", type=float, metavar="S", help="the board's time of a dry run: what changed since stays"
    )
    clean.add_argument("--dry-run", action="store_true", help="list what would be removed")


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
    if os.path.isdir(os.path.join(arguments.root, SITE)):
        from sis_agent.job import provision

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
        import traceback

        traceback.print_exc()
        problem = schema.Problem("bug", "{}: {}".format(type(error).__name__, error))
    say(problem_line(problem))
    return 1
