"""JUnit XML, which CI systems show as tests: a case for each metric of each network."""

from xml.etree import ElementTree

from sis_edge.gate.decision import GateFinding
from sis_edge.gate.formats.lines import cells, measured_how
from sis_edge.gate.result import GateResult
from sis_edge.text.foreign import printable

SUITE = "sis-edge gate"


def junit(result: GateResult) -> str:
    """The document. What stops the candidate is a failure; what was not measured or not decided, else, is skipped."""
    stopping = result.stopping
    skipped = [each for each in result.findings if each not in stopping and each.state != "ok"]
    counts = {"tests": len(result.findings), "failures": len(stopping), "errors": 0, "skipped": len(skipped)}
    numbers = {name: str(number) for name, number in counts.items()}
    root = ElementTree.Element("testsuites", {"name": SUITE, **numbers})
    started = min(each.run.stored_at for each in result.runs).isoformat(timespec="seconds")
    seconds = f"{sum(each.run.record.duration_s for each in result.runs):.3f}"
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, **numbers, "time": seconds, "timestamp": started})
    for finding in result.findings:
        _case(suite, finding, result)
    ElementTree.SubElement(suite, "system-out").text = _text("\n".join((measured_how(result), *result.notes)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _case(suite: "ElementTree.Element", finding: GateFinding, result: GateResult) -> None:
    network, metric, base, candidate, change, limit, state = cells(finding, result.rules)
    case = ElementTree.SubElement(suite, "testcase", {"classname": _text(network), "name": metric, "time": "0"})
    sentence = _text(f"{metric} {change}, limit {limit}{f'; {finding.reason}' if finding.reason else ''}")
    if result.rules.stops(finding):
        failure = ElementTree.SubElement(case, "failure", {"message": sentence, "type": finding.state})
        failure.text = _text(f"base {base}, candidate {candidate}, change {change}, limit {limit}: {state}")
    elif finding.state != "ok":
        ElementTree.SubElement(case, "skipped", {"message": _text(f"{finding.state}: {finding.reason}")})


def _text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    lines = (printable(line) for line in text.split("\n"))
    return "\n".join(lines).translate(dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}"))
