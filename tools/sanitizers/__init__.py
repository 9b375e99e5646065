"""The parts of tools/sanitize: which tool watches which tests, and the mistakes that it must find."""

from .address import ADDRESS
from .memory import MEMORY
from .threads import THREADS

PARTS = [*ADDRESS, *MEMORY, *THREADS]

__all__ = ["PARTS"]
