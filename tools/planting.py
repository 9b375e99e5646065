"""A copy of the code, as it is or with a mistake in it.

All are built in one directory. Two directories would have one name for their crates in a target
directory, and cargo would hold those of the one for those of the other.

A mistake has a `name`, and the `file` where the text `before`, which stands there once, becomes
`after`.
"""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


class Copy:
    """The files of the project, committed or not, in a directory of their own.

    A file that has not changed keeps its time, so that cargo builds only what is new.
    """

    def __init__(self, tree):
        self.tree = tree
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        ran = subprocess.run(listed, cwd=TOP, check=True, capture_output=True, text=True)
        names = {name for name in ran.stdout.splitlines() if (TOP / name).is_file()}
        tree.mkdir(parents=True, exist_ok=True)
        for old in [path for path in tree.rglob("*") if path.is_file()]:
            if str(old.relative_to(tree)) not in names:
                old.unlink()
        for name in names:
            source, target = TOP / name, tree / name
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def plant(self, mistake):
        """Plants a mistake, and returns the file as it was."""
        file = self.tree / mistake.file
        text = file.read_text()
        if text.count(mistake.before) != 1:
            sys.exit(f"{mistake.file} has changed: plant '{mistake.name}' in another way")
        file.write_text(text.replace(mistake.before, mistake.after))
        return text

    @contextlib.contextmanager
    def planted(self, mistake):
        """Plants a mistake, and takes it out again."""
        text = self.plant(mistake)
        try:
            yield
        finally:
            (self.tree / mistake.file).write_text(text)


def choose(mistakes, program, arguments):
    """The mistakes that arguments of a program name, or all. Lists them for `--list`."""
    names = [mistake.name for mistake in mistakes]
    if arguments == ["--list"]:
        print(*names, sep="\n")
        sys.exit()
    for name in arguments:
        if name not in names:
            sys.exit(f"there is no mistake '{name}': {program} --list names them")
    return [mistake for mistake in mistakes if mistake.name in (arguments or names)]
