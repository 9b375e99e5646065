"""A copy of the code, as it is or with a mistake in it.

Both are built from the same directory. Two directories would have one name for their modules in
a target directory, and cargo would hold the module of the one for that of the other.
"""

import contextlib
import shutil
import subprocess
import sys

from .tests import OUT, TOP, Mistake

TREE = OUT / "tree"


@contextlib.contextmanager
def planted(mistake: Mistake):
    """Plants a mistake in the copy, and takes it out again. Gives the copy's directory."""
    tree = copy()
    file = tree / mistake.file
    text = file.read_text()
    if text.count(mistake.before) != 1:
        sys.exit(f"{mistake.file} has changed: plant '{mistake.name}' in another way")
    file.write_text(text.replace(mistake.before, mistake.after))
    try:
        yield tree
    finally:
        file.write_text(text)


def copy():
    """Copies the files of the project, committed or not, and returns the directory.

    A file that has not changed keeps its time, so that cargo builds only what is new.
    """
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=TOP, check=True, capture_output=True, text=True).stdout.splitlines()
    names = [name for name in names if (TOP / name).is_file()]
    TREE.mkdir(parents=True, exist_ok=True)
    for old in [path for path in TREE.rglob("*") if path.is_file()]:
        if str(old.relative_to(TREE)) not in names:
            old.unlink()
    for name in names:
        source, target = TOP / name, TREE / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return TREE
