"""Reads the counts that valgrind's callgrind writes."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# Counts begin when the program asks for it. Each instruction has its address, and each
# line of the file has its names and numbers in full.
OPTIONS = (
    "--tool=callgrind",
    "--instr-atstart=no",
    "--dump-instr=yes",
    "--compress-strings=no",
    "--compress-pos=no",
)


@dataclass
class Counts:
    """Instructions of a server, from one file of callgrind or a difference of two."""

    # By (object, function, source file, line).
    own: dict = field(default_factory=lambda: defaultdict(int))
    # By (object, address, function).
    executed: dict = field(default_factory=lambda: defaultdict(int))
    # By (object, object called, function called): calls, and their instructions.
    calls: dict = field(default_factory=lambda: defaultdict(int))
    within: dict = field(default_factory=lambda: defaultdict(int))

    def minus(self, other: "Counts") -> "Counts":
        """What happened in this one alone."""
        result = Counts()
        for name in ("own", "executed", "calls", "within"):
            mine, others, difference = (getattr(c, name) for c in (self, other, result))
            for key, value in mine.items():
                if value != others.get(key, 0):
                    difference[key] = value - others.get(key, 0)
        return result

    def of(self, object_: str) -> int:
        """The instructions of an object itself."""
        return sum(count for key, count in self.own.items() if key[0] == object_)

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.own.values())


def parse(path: Path) -> Counts:
    """Reads a file that callgrind wrote with --dump-instr and without compression."""
    counts = Counts()
    object_ = function = source = called_object = called = ""
    calls = 0
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("0x"):
            address, number, count = line.split()
            if calls:
                key = (object_, called_object, called)
                counts.calls[key] += calls
                counts.within[key] += int(count)
                calls, called_object = 0, object_
            else:
                counts.own[object_, function, source, int(number)] += int(count)
                counts.executed[object_, int(address, 16), function] += int(count)
            continue
        name, _, value = line.partition("=")
        if name == "ob":
            object_ = called_object = value
        elif name in ("fl", "fi", "fe"):
            source = value
        elif name == "fn":
            function, called_object = value, object_
        elif name == "cob":
            called_object = value
        elif name == "cfn":
            called = value
        elif name == "calls":
            calls = int(value.split()[0])
    return counts
