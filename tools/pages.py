"""The documentation pages of this tree, and the mistakes that are found in them."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# Directories without files of this project.
FOREIGN = {".git", "target", "dist", "node_modules"}

mistakes = []


def mistake(path: Path, line: int, text: str) -> None:
    where = f"{path.relative_to(TOP)}:{line}" if line else str(path.relative_to(TOP))
    mistakes.append(f"{where}: {text}")


def walk(directory: Path):
    for path in sorted(directory.iterdir()):
        if path.name in FOREIGN or path.is_symlink():
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def collapsed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


class Page:
    """A page: its lines outside of fenced blocks, and its headings' anchors."""

    def __init__(self, path: Path):
        self.path = path
        self.text = read(path)
        self.prose = []  # (number, line), without fenced and indented blocks
        self.headings = []  # (number, level, title)
        self.anchors = set()
        self.blocks = []  # (number, info string, text)
        self._split()

    def _split(self) -> None:
        fence, block, is_code = None, [], True
        for number, line in enumerate(self.text.splitlines(), 1):
            if fence is not None:
                if line.strip() == "```":
                    self.blocks.append((*fence, "\n".join(block)))
                    fence = None
                    continue
                if line.lstrip().startswith("```"):
                    mistake(self.path, number, f"a block begins in that of line {fence[0]}")
                block.append(line)
            elif line.lstrip().startswith("```"):
                fence, block = (number, line.strip().strip("`").strip()), []
            elif heading := re.match(r"(#+) (.*)", line):
                title = heading[2].strip()
                self.headings.append((number, len(heading[1]), title))
                self._add_anchor(title)
                self.prose.append((number, line))
            elif not line.startswith("    ") or not is_code:
                self.prose.append((number, line))
            # A line may be indented because it continues a list item.
            is_code = not line.strip() or (is_code and line.startswith("    "))
        if fence is not None:
            mistake(self.path, fence[0], "this block is not closed")

    def _add_anchor(self, title: str) -> None:
        """Adds the anchor as GitHub makes it: lower case, hyphens, no punctuation."""
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        unique, number = anchor, 0
        while unique in self.anchors:
            number += 1
            unique = f"{anchor}-{number}"
        self.anchors.add(unique)

    def section(self, title: str) -> list:
        """The numbered lines of prose below a heading, to the next of its level."""
        found = [item for item in self.headings if item[2] == title]
        if not found:
            return []
        start, level, _ = found[0]
        ends = [number for number, other, _ in self.headings if number > start and other <= level]
        end = min(ends, default=sys.maxsize)
        return [(number, line) for number, line in self.prose if start < number < end]

    def links(self):
        """Each link with the number of its first line. A link may span two lines."""
        # A code span may look like a link.
        numbers, text = [], ""
        for number, line in self.prose:
            numbers += [number] * (len(line) + 1)
            text += line + "\n"
        text = re.sub(r"`[^`\n]*`", lambda span: "x" * len(span[0]), text)
        for link in re.finditer(r"\]\(\s*([^)\s]+)\s*\)|^\[[^\]]+\]:\s*(\S+)", text, re.M):
            yield numbers[link.start()], link[1] or link[2]
