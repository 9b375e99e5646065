"""What comes out of a case."""

from dataclasses import dataclass, field

from case import Case, Target
from figures import Spread


@dataclass
class Measured:
    """The values of one subject, one for each round."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    errors: int = 0
    closed: int = 0


@dataclass(frozen=True)
class Finding:
    """A figure to be read against a target."""

    title: str
    value: Spread
    unit: str = ""
    target: Target | None = None
    # The same ratio, of the servers' processor time per request.
    cpu: Spread | None = None


@dataclass
class Result:
    """All that came out of a case."""

    case: Case
    measured: list[Measured]
    findings: list[Finding]
    # The share of the machine that other processes used, at the median and at most.
    foreign: Spread | None = None
    # What the figures mean, in a sentence or two.
    note: str = ""
