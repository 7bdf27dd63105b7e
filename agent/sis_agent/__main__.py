"""Entry of the agent. This file also parses under Python 2.7, so that an old interpreter gets a sentence."""

import sys


def main():
    # type: () -> int
    """Run one command of the agent; the exit code is 0 when it went well, 1 with a problem, 2 for a wrong line."""
    if sys.version_info < (3, 6):
        version = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write("sis_agent needs Python 3.6 or newer, this is %s; start it with python3\n" % version)
        return 1
    from sis_agent.cli import run_command_line

    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
