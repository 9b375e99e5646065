"""Results as text on the terminal, as JSON, and as a Markdown table."""

import json
import textwrap
from pathlib import Path

from figures import Spread
from measure import Options
from result import Finding, Measured, Result

# Above this share of the machine, other processes show in the figures.
QUIET = 0.05


def as_text(result: Result) -> str:
    """A few lines for the terminal."""
    lines = [f"{result.case.name}: {result.case.title}"]
    width = max(33, *(len(measured.name) for measured in result.measured))
    for measured in result.measured:
        lines.append("    " + _measured_text(measured, width))
    for finding in result.findings:
        lines.append("    " + _finding_text(finding))
    lines += textwrap.wrap(result.note, 92, initial_indent="    ", subsequent_indent="    ")
    if result.foreign and result.foreign.median > QUIET:
        lines.append(f"    noisy: other processes used {result.foreign.median:.0%} of the machine")
    return "\n".join(lines) + "\n"


def write_json(
    path: Path, machine: dict[str, str], options: Options, results: list[Result]
) -> None:
    """Everything measured, one value a round."""
    document = {
        "machine": machine,
        "settings": vars(options),
        "cases": [_case_json(result) for result in results],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def write_markdown(path: Path, machine: dict[str, str], results: list[Result]) -> None:
    """Tables of findings and of servers; README.md quotes some of them."""
    lines = [
        machine_line(machine),
        "",
        "| Case | Figure | Median | Min to max | Target | Processor time |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for result in results:
        for finding in result.findings:
            cells = [
                result.case.title,
                finding.title,
                _number(finding.value.median) + (f" {finding.unit}" if finding.unit else ""),
                _range(finding.value),
                str(finding.target) if finding.target else "",
                _number(finding.cpu.median) if finding.cpu else "",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| Case | Server | Median | Processor time per request |", "|---|---|--:|--:|"]
    for result in results:
        for measured in result.measured:
            median = Spread.of(measured.values).median
            value = f"{median:,.{_digits(measured.unit)}f} {measured.unit}"
            cpu = f"{Spread.of(measured.cpu_us).median:,.1f} us" if measured.cpu_us else ""
            lines.append(f"| {result.case.title} | {measured.name} | {value} | {cpu} |")
    for note in [result.note for result in results if result.note]:
        lines += ["", note]
    path.write_text("\n".join(lines) + "\n")


def machine_line(machine: dict[str, str]) -> str:
    """The machine in one line."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores; {machine['kernel']}; "
        f"{machine['httpd']}, MPM {machine['mpm']}; {machine['openssl']}; "
        f"{machine['client']} on the same machine; {machine['date']}."
    )


def _measured_text(measured: Measured, width: int) -> str:
    spread = Spread.of(measured.values)
    value = f"{spread.median:>11,.{_digits(measured.unit)}f}"
    text = f"{measured.name:<{width}} {value} {measured.unit:<11}"
    if measured.cpu_us:
        text += f"{Spread.of(measured.cpu_us).median:>9,.1f} us cpu"
    if measured.errors:
        text += f"   {measured.errors} requests FAILED"
    return text.rstrip()


def _finding_text(finding: Finding) -> str:
    text = f"{finding.title:<38}{_number(finding.value.median):>7} {finding.unit:<4}"
    text += f"{'(' + _range(finding.value) + ')':<18}"
    if finding.target:
        verdict = "reached" if finding.target.met(finding.value.median) else "missed"
        text += f" target {str(finding.target):<8} {verdict:<8}"
    else:
        text += " " * 25
    if finding.cpu:
        text += f" cpu {_number(finding.cpu.median)} ({_range(finding.cpu)})"
    return text.rstrip()


def _case_json(result: Result) -> dict:
    return {
        "name": result.case.name,
        "title": result.case.title,
        "servers": [
            {
                "name": measured.name,
                "unit": measured.unit,
                "values": [round(value, 2) for value in measured.values],
                "cpu_us_per_request": [round(value, 2) for value in measured.cpu_us],
                "failed_requests": measured.errors,
                "connections_closed": measured.closed,
            }
            for measured in result.measured
        ],
        "findings": [
            {
                "title": finding.title,
                "unit": finding.unit,
                **finding.value.as_json(),
                "target": str(finding.target) if finding.target else None,
                "cpu": finding.cpu.as_json() if finding.cpu else None,
            }
            for finding in result.findings
        ],
        "used_by_others": result.foreign.as_json() if result.foreign else None,
        **({"note": result.note} if result.note else {}),
    }


def _digits(unit: str) -> int:
    """Digits after the point of a server's figure."""
    return 1 if unit in ("ms", "MiB") else 0


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _range(spread: Spread) -> str:
    return f"{_number(spread.least)} to {_number(spread.greatest)}"
