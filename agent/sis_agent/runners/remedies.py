"""Why a package cannot be imported, read from what the import printed, and the step that repairs it."""

import re
import sys
from typing import Callable, Match, Optional, Tuple

LEFT_OVER = "the folder {} is no package: it has no __init__.py; {} was removed or its installation was interrupted"

NOEXEC = "failed to map segment from shared object"

# A remedy is made of the match and the package's name.
Remedy = Callable[[Match[str], str], str]

# Debian's packages for libraries that runtimes often miss.
LIBRARIES = {
    "libgomp": "libgomp1",
    "libatomic": "libatomic1",
    "libopenblas": "libopenblas0",
    "libgfortran": "libgfortran5",
    "libstdc++": "libstdc++6",
    "libcblas": "libatlas3-base",
    "libf77blas": "libatlas3-base",
}
NVIDIA = re.compile(r"lib(nv|cu|dla)", re.IGNORECASE)


def pip(words: str) -> str:
    """The command that installs for this Python: into its virtual environment, where it is one's, else for the user."""
    where = "--user " if sys.prefix == sys.base_prefix else ""
    return "`{} -m pip install {}{}`".format(sys.executable, where, words)


def _numpy_2(match: Match[str], module: str) -> str:
    return "install a numpy that it was built for: " + pip("'numpy<2'")


def _numpy_newer(match: Match[str], module: str) -> str:
    return "numpy is older than the one that {} was built for: {}".format(module, pip("--upgrade numpy"))


def _preload(match: Match[str], module: str) -> str:
    library = match.group(1) or "that library"
    return (
        "load the library first: name a script as `python` in the profile's [agent] that does "
        '`LD_PRELOAD={} exec {} "$@"`'.format(library, sys.executable)
    )


def _newer_system(match: Match[str], module: str) -> str:
    return "this build is for a newer system than the board's; install an older version of {}".format(module)


def _library(match: Match[str], module: str) -> str:
    name = match.group(1)
    if NVIDIA.match(name):
        return (
            "install {0} as JetPack has it (`apt install nvidia-jetpack`); in a container, start it with "
            "`--runtime nvidia`".format(name)
        )
    for start, package in LIBRARIES.items():
        if name.startswith(start):
            return "`sudo apt install {}` on the board".format(package)
    return "install the system's package that has {}".format(name)


def _module(match: Match[str], module: str) -> str:
    return "install what {} needs: {}".format(module, pip(match.group(1)))


def _again(match: Match[str], module: str) -> str:
    return "install it again: " + pip("--force-reinstall {}".format(module))


# What the log says -> what helps. The first that fits counts; the line that it is in is the cause.
SIGNS: Tuple[Tuple[str, Remedy], ...] = (
    (r"has no __init__\.py", lambda match, module: "remove that folder, then install it: " + pip(module)),
    (r"(?:(\S+): )?cannot allocate memory in static TLS block", _preload),
    (r"version `?'?(GLIBC|GLIBCXX|CXXABI)_[\d.]+'? not found", _newer_system),
    (r"compiled using NumPy 1\.x cannot be run in|_ARRAY_API not found", _numpy_2),
    (r"compiled against (?:ABI|API) version (?:0x)?\w+ but this version of numpy is", _numpy_newer),
    (r"numpy\.(?:dtype|ndarray|ufunc) size changed|numpy\.?_?core\.\w+ failed to import", _numpy_newer),
    (
        r"wrong ELF class|Exec format error|invalid ELF header",
        lambda match, module: (
            "its files are for another processor than this Python; remove it and install it for " + sys.executable
        ),
    ),
    (
        NOEXEC,
        lambda match, module: "its folder is mounted noexec: install it on another file system, or mount that one exec",
    ),
    (
        r"cannot enable executable stack",
        lambda match, module: (
            "this system refuses libraries of old builds; install a newer one: " + pip("--upgrade " + module)
        ),
    ),
    (r"(lib[\w.+-]+): (?:cannot open shared object file|file too short)", _library),
    (r"No module named '([\w.]+)'", _module),
    (r"Permission denied", lambda match, module: "let this user read its files, or install it for this user"),
    (
        r"MemoryError|Cannot allocate memory|std::bad_alloc",
        lambda match, module: "the board has too little memory left for it: end other programs, or add swap",
    ),
    (
        r"SyntaxError|unsupported operand type\(s\) for \|",
        lambda match, module: "it is for another Python than {}.{}: install a version for this one".format(
            *sys.version_info[:2]
        ),
    ),
    (r"undefined symbol|file too short|partially initialized module|has no attribute", _again),
)

# How an import ended that did not say why -> what helps.
SIGNALS = {
    "SIGILL": "it uses an instruction that this processor does not have: install another version of it",
    "SIGKILL": "the board may be out of memory: end other programs, or add swap",
    "did not end": "the board is busy or very slow: end other programs, then try again",
}
NUMPY_SIGILL = "its OpenBLAS uses an instruction that this processor does not have: install numpy 1.19.4 or 1.21"
PINNED = "the profile pins wheels that do not run on this board: pin other versions in its [[wheels]]"


def find(module: str, how: str, text: str, own: bool) -> Tuple[str, str]:
    """The cause and the remedy of an import that ended so and printed this; `own`: the host brought the package."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for signal, advice in SIGNALS.items():
        if signal in how:
            advice = NUMPY_SIGILL if (module, signal) == ("numpy", "SIGILL") else advice
            return "its import " + how, PINNED if own and signal == "SIGILL" else advice
    for sign, remedy in SIGNS:
        for line in reversed(lines):  # an exception stands behind the line of code that raised it
            match = re.search(sign, line)
            if match:
                pinned = own and remedy in (_numpy_2, _numpy_newer, _newer_system, _module, _again)
                return _short(line), PINNED if pinned else remedy(match, module)
    native = "exit code" not in how
    cause = "its import " + how if native or not lines else _short(lines[-1])
    if native and lines:
        cause += " ({})".format(_short(lines[-1]))
    return cause, PINNED if own else "install it again: " + pip("--force-reinstall " + module)


def of_library(text: str) -> Optional[str]:
    """The remedy for a library of the bundle's that does not load, where it is not to build the bundle again."""
    if NOEXEC in text:
        return (
            "the agent's folder is mounted noexec: name one on another file system as `root` in the profile's [agent]"
        )
    return None


def _short(line: str) -> str:
    line = re.sub(r"^(ImportError|ModuleNotFoundError): ", "", line)
    return line if len(line) <= 300 else line[:297] + "..."
