"""Medians and ratios.

A ratio is taken within each round, in which both servers run within seconds of
each other; the rounds are summed up after that. Other work on the machine slows
both servers of a round, and leaves their ratio alone.
"""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """A median with the least and the greatest value."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(median(values), min(values), max(values))

    def as_json(self) -> dict:
        """Rounded to the precision of the measurement."""
        return {
            "median": _round(self.median),
            "min": _round(self.least),
            "max": _round(self.greatest),
        }


def ratios(above: list[float], below: list[float]) -> list[float]:
    """The quotients, round by round."""
    return [a / b if b else float("nan") for a, b in zip(above, below, strict=True)]


def _round(value: float) -> float:
    return float(f"{value:.5g}")
