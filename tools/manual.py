"""The manual page mod_session_crypto(8), compared with the code and with docs/directives.md."""

import re

from pages import TOP, Page, mistake, read

MANUAL = TOP / "docs/mod_session_crypto.8"

# Requests that the page has. All of them mean the same to groff and to mandoc.
REQUESTS = {'.\\"', ".TH", ".SH", ".B", ".BR", ".IR", ".PP", ".TP", ".nf", ".fi", ".sp"}


def check_manual(directives: Page, rows: dict) -> None:
    lines = read(MANUAL).splitlines()
    check_requests(lines)
    described = entries(lines, "DIRECTIVES")
    for name in rows:
        if name not in described:
            mistake(MANUAL, 0, f"DIRECTIVES has no {name}, which is in src/directives/table.rs")
    if list(described) != sorted(described):
        mistake(MANUAL, 0, "the directives are not in the order of the alphabet")
    index = [re.fullmatch(r"\| \[`(\w+)`\]\(#\w+\) \| (.*) \|", line) for _, line in directives.prose]
    words = {row[1]: row[2].replace("`", "") for row in index if row}
    for name, (number, text) in described.items():
        if name not in rows:
            mistake(MANUAL, number, f"no directive {name}")
        elif name in words and text != words[name]:
            mistake(MANUAL, number, f"{name} is '{text}', and '{words[name]}' at the top of docs/directives.md")
    check_handlers(entries(lines, "HANDLERS"))


def check_requests(lines: list) -> None:
    for number, line in enumerate(lines, 1):
        if line.startswith(".") and line.split()[0] not in REQUESTS:
            mistake(MANUAL, number, f"tools/manual.py does not know the request {line.split()[0]}")
        if line != line.rstrip() or not line:
            mistake(MANUAL, number, "a space at the end of a line, or an empty line")
        if not line.startswith('.\\"') and re.search(r"(?<!\\)-", line):
            mistake(MANUAL, number, "`-` is a hyphen on a page: write `\\-`")


def entries(lines: list, title: str) -> dict:
    """The terms of a section: name => (number of the line, text)."""
    found, inside, after = {}, False, None
    for number, line in enumerate(lines, 1):
        if line.startswith(".SH"):
            inside = line == f".SH {title}"
        elif inside and line == ".TP":
            after = "term"
        elif inside and after == "term":
            name, after = plain(line.removeprefix(".B ")), "text"
            found[name] = (number, "")
        elif inside and after == "text" and not line.startswith("."):
            found[name] = (found[name][0], f"{found[name][1]} {plain(line)}".strip())
    return found


def check_handlers(described: dict) -> None:
    named = r'pub\(crate\) const HANDLER: &CStr = c"([^"]+)";'
    handlers = {name for path in (TOP / "src").rglob("*.rs") for name in re.findall(named, read(path))}
    for name in sorted(handlers - described.keys()):
        mistake(MANUAL, 0, f"HANDLERS has no {name}, which is in src")
    for name in sorted(described.keys() - handlers):
        mistake(MANUAL, described[name][0], f"no handler {name}")


def plain(text: str) -> str:
    return text.replace("\\-", "-")
