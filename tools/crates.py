"""Direct dependencies, as Cargo.toml files have them and as CONTRIBUTING.md does."""

import re
import tomllib

from pages import TOP, Page, mistake

# The manifests, and the words of the table for their crates.
MANIFESTS = {
    "Cargo.toml": "module",
    "core/Cargo.toml": "core",
    "agent/Cargo.toml": "agent",
    "status/Cargo.toml": "status",
    "htsession/Cargo.toml": "htsession",
    "fuzz/Cargo.toml": "fuzz",
}

# Their tables of dependencies, and what the table adds to the word.
KINDS = {"dependencies": "", "build-dependencies": " (build)", "dev-dependencies": " (tests)"}


def check_crates(page: Page) -> None:
    """Compares the table below `Dependencies` with the manifests."""
    listed = {}
    for number, line in page.section("Dependencies"):
        if row := re.fullmatch(r"\| `([\w-]+)` \|([^|]*)\|([^|]*)\|", line):
            name, users, reason = row[1], row[2].strip(), row[3].strip()
            if name in listed:
                mistake(page.path, number, f"`{name}` is there twice")
            if not reason:
                mistake(page.path, number, f"`{name}` has no reason")
            listed[name] = (number, users)
    if list(listed) != sorted(listed):
        mistake(page.path, 0, "the dependencies are not in the order of the alphabet")
    expected = direct_dependencies()
    for name in sorted(expected.keys() - listed.keys()):
        mistake(page.path, 0, f"`Dependencies` has no reason for {name}, of {expected[name]}")
    for name, (number, users) in listed.items():
        if name not in expected:
            mistake(page.path, number, f"no Cargo.toml has {name}")
        elif users != expected[name]:
            mistake(page.path, number, f"{name} is of '{expected[name]}', and not of '{users}'")


def direct_dependencies() -> dict:
    """Each crate from elsewhere, with the words for the crates that have it."""
    users, inherited, shared = {}, set(), set()
    for path, word in MANIFESTS.items():
        manifest = tomllib.loads((TOP / path).read_text(encoding="utf-8"))
        shared |= manifest.get("workspace", {}).get("dependencies", {}).keys()
        tables = [manifest, *manifest.get("target", {}).values()]
        for kind, more in KINDS.items():
            for name, value in [item for table in tables for item in table.get(kind, {}).items()]:
                if isinstance(value, dict) and value.get("workspace"):
                    inherited.add(name)
                if not isinstance(value, dict) or "path" not in value:
                    users.setdefault(name, []).append(word + more)
    for name in sorted(shared - inherited):
        mistake(TOP / "Cargo.toml", 0, f"no crate takes {name} of [workspace.dependencies]")
    for path in TOP.glob("*/Cargo.toml"):
        if str(path.relative_to(TOP)) not in MANIFESTS:
            mistake(path, 0, "tools/crates.py does not know this manifest")
    return {name: ", ".join(words) for name, words in users.items()}
