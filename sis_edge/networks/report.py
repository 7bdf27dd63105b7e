"""What of a torch module can be formed: a line for each of its steps, and the network."""

from dataclasses import dataclass

from sis_edge.errors import UsageError
from sis_edge.spec import NetworkSpec
from sis_edge.text.tables import as_html, as_text

_HEADINGS = ("step", "is", "becomes")


@dataclass(frozen=True)
class ModuleStep:
    """A step of the module's forward: its name, what it is, and what becomes of it (`why_not` None) or why nothing."""

    name: str
    what: str
    becomes: str
    why_not: str | None = None


@dataclass(frozen=True)
class ModuleReport:
    """What a torch module's steps become. `spec` is the dense network, None where a step cannot be formed."""

    name: str
    steps: tuple[ModuleStep, ...]
    spec: NetworkSpec | None
    fault: str | None = None

    @property
    def formed(self) -> NetworkSpec:
        """The dense network; raises UsageError with the first step that cannot be formed, and why."""
        if self.spec is not None:
            return self.spec
        for step in self.steps:
            if step.why_not is not None:
                raise UsageError(f"{self.name} cannot be formed: {step.name} ({step.what}) {step.why_not}")
        raise UsageError(f"{self.name} cannot be formed: {self.fault}")

    @property
    def _title(self) -> str:
        if self.spec is None:
            return f"{self.name}: cannot be formed"
        return f"{self.name}: {self.spec.synapse_count:,} synapses, {self.spec.macs:,} multiply-accumulates"

    def _rows(self) -> list[list[str]]:
        return [
            [step.name, step.what, step.becomes if step.why_not is None else f"no: it {step.why_not}"]
            for step in self.steps
        ]

    def __repr__(self) -> str:
        return as_text(_HEADINGS, self._rows(), title=self._title)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return as_html(_HEADINGS, self._rows(), title=self._title)
