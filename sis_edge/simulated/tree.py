"""A simulated board's file tree: what every Linux has, the definition's own files, and the changing ones."""

import os
from pathlib import Path

from sis_edge.files.shipped import board_folder
from sis_edge.simulated.definition import Definition
from sis_edge.simulated.model import Model

CPUFREQ = "sys/devices/system/cpu/cpu{}/cpufreq/{}"
NUMBER_WIDTH = 24  # All numbers have the same width, so that one write replaces them while others read.


def write_constant_files(definition: Definition, root: Path) -> None:
    """Write the constant files, links and tools."""
    for name, text in (_linux(definition) | definition.files).items():
        _write(root / name, text)
    for name, target in definition.links.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    for tool in definition.tools:
        path = root / "usr/bin" / tool
        _write(path, (board_folder() / "tools" / tool).read_text(encoding="utf-8"))
        path.chmod(0o755)


class ChangingFiles:
    """The files that change. Numbers are written in place, in one call; text is replaced whole."""

    def __init__(self, definition: Definition, root: Path) -> None:
        self._root = root
        self._zones = list(definition.temperatures_c)
        rails = {f"{{{name}." for name in definition.rails}
        templates = _moving_linux(definition) | definition.moving
        # Files of a single rail's value change with the sensors, the rest more slowly.
        self._fast = {
            path: text for path, text in templates.items() if _is_number(text) and text[: text.find(".") + 1] in rails
        }
        self._slow = {path: text for path, text in templates.items() if path not in self._fast}
        self._descriptors: dict[str, int] = {}

    def write_sensors(self, model: Model) -> None:
        """The sensors' files."""
        for path, text in self._fast.items():
            self._write_number(path, text.format_map(model.rails))

    def write_others(self, model: Model) -> None:
        """Temperatures, load, and the tools' output."""
        temperatures = {
            f"temperature_{index}": round(model.heat.temperature_c(zone) * 1e3)
            for index, zone in enumerate(self._zones)
        }
        values = {**model.rails, "board": model.board(), "thermal": model.heat.values(), **temperatures}
        for path, text in self._slow.items():
            if _is_number(text):
                self._write_number(path, text.format_map(values))
            else:
                part = self._root / f"{path}.part"
                _write(part, text.format_map(values))
                part.replace(self._root / path)

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _write_number(self, path: str, text: str) -> None:
        if path not in self._descriptors:
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            self._descriptors[path] = os.open(self._root / path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(self._descriptors[path], f"{text:<{NUMBER_WIDTH}}\n".encode(), 0)


def _is_number(template: str) -> bool:
    return template.startswith("{") and template.endswith("}") and template.count("{") == 1


def _linux(definition: Definition) -> dict[str, str]:
    cpu = definition.cpu
    files = {
        "proc/sys/kernel/arch": definition.machine,
        "proc/sys/kernel/osrelease": definition.kernel,
        "proc/sys/kernel/hostname": definition.name,
        "proc/cpuinfo": "".join(_core(definition, index) for index in range(cpu.count)),
        "proc/meminfo": _meminfo(definition.memory_bytes),
        "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0",
        "etc/os-release": f'PRETTY_NAME="{definition.os_name}"',
    }
    model_file = "proc/device-tree/model" if definition.machine == "aarch64" else "sys/class/dmi/id/product_name"
    files[model_file] = definition.model
    for index in range(cpu.count):
        for name, value in (
            ("scaling_cur_freq", cpu.max_khz),
            ("scaling_min_freq", cpu.min_khz),
            ("scaling_max_freq", cpu.max_khz),
            ("cpuinfo_min_freq", cpu.min_khz),
            ("cpuinfo_max_freq", cpu.max_khz),
            ("scaling_governor", cpu.governor),
            ("scaling_available_governors", f"performance powersave {cpu.governor}"),
        ):
            files[CPUFREQ.format(index, name)] = str(value)
    for index, zone in enumerate([*definition.temperatures_c, *definition.zones_off]):
        files[f"sys/class/thermal/thermal_zone{index}/type"] = zone
        if zone in definition.zones_off:
            files[f"sys/class/thermal/thermal_zone{index}/temp"] = ""  # a real one answers the read with EAGAIN
    return files


def _moving_linux(definition: Definition) -> dict[str, str]:
    stat = " {board.user_ticks} 0 0 {board.idle_ticks} 0 0 0 0 0 0"
    files = {
        "proc/stat": f"cpu {stat}",
        "proc/loadavg": "{board.load_average:.2f} {board.load_average:.2f} {board.load_average:.2f} 1/200 1000",
        "proc/uptime": "{board.uptime_s:.2f} {board.uptime_s:.2f}",
    }
    for index in range(len(definition.temperatures_c)):
        files[f"sys/class/thermal/thermal_zone{index}/temp"] = f"{{temperature_{index}}}"
    if definition.thermal is not None:
        for index in range(definition.cpu.count):
            files[CPUFREQ.format(index, "scaling_cur_freq")] = "{thermal.cpu_khz}"
    return files


def _core(definition: Definition, index: int) -> str:
    cpu = definition.cpu
    if not cpu.parts:
        return f"processor\t: {index}\nmodel name\t: {cpu.model_name}\nflags\t\t: {cpu.features}\n\n"
    implementer, part = cpu.parts[index % len(cpu.parts)].split()
    return f"processor\t: {index}\nFeatures\t: {cpu.features}\nCPU implementer\t: {implementer}\nCPU part\t: {part}\n\n"


def _meminfo(memory_bytes: int) -> str:
    total = memory_bytes // 1024
    lines = {"MemTotal": total, "MemFree": total // 2, "MemAvailable": total * 3 // 4, "SwapTotal": 0, "SwapFree": 0}
    return "\n".join(f"{name}: {value} kB" for name, value in lines.items())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
