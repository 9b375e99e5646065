"""Lines of code that no test runs, and the reasons for them: what tools/coverage reports."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

VISIBLE = r"(?:pub(?:\([^)]*\))? )?"
FUNCTION = re.compile(rf' *{VISIBLE}(?:const )?(?:unsafe )?(?:extern "C" )?fn (\w+)')
OWNER = re.compile(rf" *(?:unsafe )?{VISIBLE}(?:impl|trait)\b(.*)")
MODULE = re.compile(rf" *{VISIBLE}mod (\w+);")


class Source:
    """A file of code: the function that each line is in, and the lines that are tests."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.splitlines()
        self.functions = [[] for _ in self.lines]
        self.tests = set()
        # Files that are tests as a whole.
        self.test_files = set()
        for index, line in enumerate(self.lines):
            if line.strip() == "#[cfg(test)]":
                self._leave_out(index)
            elif found := FUNCTION.match(line):
                self._name(index, found[1])
            elif found := OWNER.match(line):
                self._name(index, owner(found[1]))

    def places(self, runs):
        """The places of this file, from how often its lines run: {line: times}."""
        found = []
        before = None
        for number, times in sorted(runs.items()):
            function = self.function(number)
            if times:
                before = None
            elif before and before.function == function:
                before.numbers.append(number)
            else:
                before = Place(self.path, function, [number])
                found.append(before)
        for place in found:
            first, last = place.numbers[0], place.numbers[-1]
            place.text = "\n".join(self.lines[first - 1 : last])
        return found

    def function(self, number):
        return "::".join(self.functions[number - 1]) or "-"

    def _name(self, index, name):
        for inside in range(index, self._end(index) + 1):
            self.functions[inside].append(name)

    def _leave_out(self, index):
        """Takes the item below an attribute for a test."""
        item = index + 1
        while self.lines[item].lstrip().startswith("#["):
            while not self.lines[item].rstrip().endswith("]"):
                item += 1
            item += 1
        self.tests.update(range(index + 1, self._end(item) + 2))
        if found := MODULE.match(self.lines[item]):
            path = PurePosixPath(self.path)
            folder = path.parent if path.stem in ("lib", "mod") else path.with_suffix("")
            self.test_files.add(str(folder / f"{found[1]}.rs"))

    def _end(self, index):
        """The last line of the item that begins in a line, as rustfmt writes items."""
        first = self.lines[index].rstrip()
        if first.endswith((";", "}")):
            return index
        for later in range(index + 1, len(self.lines)):
            line = self.lines[later].rstrip()
            # A declaration over several lines has no braces.
            is_end = line.lstrip().startswith("}") or line.lstrip()[:1] == ")" and line[-1] == ";"
            if depth(line) == depth(first) and is_end:
                return later
        return len(self.lines) - 1


@dataclass
class Place:
    """Lines of one function, with none between them that runs."""

    path: str
    function: str
    numbers: list
    text: str = ""

    def __str__(self):
        return f"{self.path}:{self.numbers[0]}: {self.function}\n{self.text}\n"


class Reasons:
    """The file of reasons: rows, and above them the comment that is their reason.

    A row has the path of a file and a function, and may end with words of the code. It is of
    each place of this function where these words are. Rows below `# By chance:` are of places
    that may run.
    """

    def __init__(self, text):
        self.rows = []
        self.unused = set()
        comment = is_chance = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("#"):
                is_chance = line.startswith("# By chance:") or (comment and is_chance)
                comment = True
            elif not line.strip():
                comment = False
            elif not comment:
                raise SystemExit(f"tools/coverage.reasons:{number}: a row without a reason")
            else:
                path, function, *words = line.split(maxsplit=2)
                self.rows.append((line, path, function, "".join(words)))
                if not is_chance:
                    self.unused.add(line)

    def explain(self, place):
        """Tells whether a place has a reason."""
        explained = False
        for row, path, function, words in self.rows:
            if (place.path, place.function) == (path, function) and words in place.text:
                explained = True
                self.unused.discard(row)
        return explained


def owner(words):
    """The type or trait that a block is of: `Slot` of `<T> Drop for Slot<'_, T> {`."""
    words = re.sub(r"^<.*?> ", "", words.strip())
    name = re.split(r"\bfor ", words)[-1]
    return re.match(r"[&\w:() ]*", name)[0].strip("& ").split("::")[-1]


def depth(line):
    return len(line) - len(line.lstrip())
