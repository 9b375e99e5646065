"""What a case is: servers, the load on them, and what is compared."""

from dataclasses import dataclass
from enum import Enum

from httpd import C, CLEAR, OURS, PADDED, Setup

TRIO = [CLEAR, OURS, C]
QUARTET = [CLEAR, PADDED, OURS, C]


class Cookies(Enum):
    """Which session cookies the load consists of."""

    OWN = "one, made by the server itself"
    OF_C_SERVERS = "made by the C module, a new salt in each"
    WITH_JUNK = "the server's own, 2 % of them replaced by junk"
    REPLAYED = "made by the C module without a login, a new salt in each"
    JUNK = "nothing but junk of the classic format"
    JUNK_SIGNATURE = "the server's own, with a random signature in each"
    JUNK_JWE = "made up, in the form of JWE, with unknown key ids"

    @property
    def hostile(self) -> bool:
        """Whether the load consists of an attacker's cookies alone."""
        return self in (
            Cookies.REPLAYED,
            Cookies.JUNK,
            Cookies.JUNK_SIGNATURE,
            Cookies.JUNK_JWE,
        )


class Method(Enum):
    """How a case is measured."""

    THROUGHPUT = "requests per second under load"
    FIRST_REQUEST = "time of the first request to each new child"
    MEMORY = "resident memory of a child before and after many requests"
    STARTS = "start, graceful restart and memory of a server with many hosts"


@dataclass(frozen=True)
class Target:
    """A bound, and the side of it on which a figure should be."""

    bound: float
    at_least: bool

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"

    def met(self, value: float) -> bool:
        """Whether the figure is on the right side."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Subject:
    """One server of a case, and the load on it."""

    name: str
    setup: Setup
    cookies: Cookies = Cookies.OWN
    # Whether each request writes the session again.
    writes: bool = True
    # For PADDED, the subject whose cookie has the length that this one's is padded to.
    as_long_as: str = ""
    # Whether the session is bound to a device.
    bound: bool = False
    # The subject whose device's cookie comes with this one's session.
    cookie_of: str = ""
    # Whether the load is a refresh of the device, again and again, in place of the session.
    refreshes: bool = False
    # For STARTS, directives of each host: {number}, {secret}, {key_set} and
    # {certificate} are its own.
    of_host: str = ""


@dataclass(frozen=True)
class Comparison:
    """A ratio of two subjects: of their throughputs, or of their costs."""

    above: str
    below: str
    target: Target | None = None
    # Time per request instead of requests per time.
    cost: bool = False
    # Processor time per request.
    cpu: bool = False
    # Time of a graceful restart.
    restart: bool = False
    # The signature whose verification, by `openssl speed`, is added to `below`.
    verification: str | None = None
    # Two more subjects, whose ratio this one is divided by.
    beside: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """The name of the ratio in tables."""
        title = f"{self.above} / {self.below}"
        if self.verification:
            title = f"{self.above} / ({self.below} + {self.verification})"
        if self.cost:
            title += ", time per request"
        if self.cpu:
            title += ", CPU"
        if self.restart:
            title += ", graceful restart"
        if self.beside:
            title += ", beside clear"
        return title


@dataclass(frozen=True)
class Case:
    """A group of servers that are driven in turn."""

    name: str
    title: str
    subjects: tuple[Subject, ...]
    comparisons: tuple[Comparison, ...] = ()
    method: Method = Method.THROUGHPUT
    # Bound of the case's own figure: derivations, MiB, milliseconds more than clear, or
    # answers a minute.
    target: Target | None = None
    # The subject whose answers a minute of one processor are a figure.
    per_minute: str = ""
    # Virtual hosts, for STARTS.
    hosts: int = 0

    @property
    def against_clear(self) -> bool:
        """Whether ours and the C module are beside clear, which the chart can show."""
        names = [s.name for s in self.subjects if s.name != PADDED]
        return self.method is Method.THROUGHPUT and names == TRIO
