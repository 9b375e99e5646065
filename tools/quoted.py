"""What pages quote: figures of the bench, and limits and defaults of the code."""

import json
import re
from math import prod
from pathlib import Path
from statistics import median

from pages import TOP, Page, collapsed, mistake, read

# Columns of README.md with findings of the bench: heading, titles of the findings, and
# whether the figure is a share. A column with its targets is there if any case has it.
BESIDE_CLEAR = "ours, 1x16 / ours, 2x8, beside clear"
COLUMNS = (
    ("Share of clear", ("ours / clear", BESIDE_CLEAR), True),
    ("Share of clear, as long a cookie", ("ours / clear, padded",), True),
    ("Times as fast as C", ("ours / C",), False),
)

# What attackers cost in SECURITY.md: the words around a figure, the case of the bench,
# and how the figure is made of it.
COSTS = (
    ("100 bytes, takes {}.", "rw-100", lambda case: milliseconds(cost(case, "ours"), 3)),
    ("| junk of the classic format | {} times a plain request |", "junk-classic",
     lambda case: times(case, "hostile / plain, CPU")),
    ("| {} times a plain request, once the rate is used up |", "replayed",
     lambda case: times(case, "hostile / plain, CPU")),
    ("in sections of the server configuration | {} times a plain request,", "junk-jwe",
     lambda case: times(case, "hostile / plain, CPU")),
    ("and {} times as the first of a child |", "first-junk-jwe",
     lambda case: times(case, "hostile / plain")),
    ("in sections of `.htaccess` files | {} times a plain request,", "junk-jwe-htaccess",
     lambda case: times(case, "hostile / plain, CPU")),
    ("{} more on P-256,", "junk-p-256", lambda case: more(case)),
    ("{} with RSA-2048,", "junk-rsa-2048", lambda case: more(case)),
    ("{} on P-384,", "junk-p-384", lambda case: more(case)),
    ("{} on P-521;", "junk-p-521", lambda case: more(case)),
)

# Cases of the bench that docs/starts.md quotes, and README.md does not.
STARTS = "starts-"
STARTS_HEADINGS = ["Hosts", "Server", "Start", "Graceful restart", "More than clear", "Times clear", "Memory"]

KIB = 1024
MIB = 1024 * KIB

# Limits that pages quote: the words around them, and the constants in their order.
SECRETS = "src/directives/secrets.rs"
SOURCES_RS = "core/src/certificate/sources.rs"
SESSION = [("core/src/limits.rs", "MAX_SESSION")]
COOKIE = [("src/sessions/long_cookies.rs", "MAX_COOKIE")]
PASSPHRASES = (SECRETS, "MAX_PASSPHRASES")
HTACCESS_PASSPHRASES = (SECRETS, "MAX_HTACCESS_PASSPHRASES")
PASSPHRASE_FILE = [("core/src/passphrase/file.rs", "MAX_FILE")]
LIMITS = (
    ("docs/directives.md", "| passphrases of a section | {} | {} |", [HTACCESS_PASSPHRASES, PASSPHRASES]),
    ("docs/directives.md", "| certificates of a section, and private keys | {} each | {} each |",
     [(SECRETS, "MAX_HTACCESS_FILES"), (SECRETS, "MAX_FILES")]),
    ("docs/directives.md", "| size of the file of a certificate or private key | {} | {} |",
     [(SOURCES_RS, "MAX_HTACCESS_FILE_SIZE"), (SOURCES_RS, "MAX_FILE_SIZE")]),
    ("docs/directives.md", "| rounds of PBKDF2 to decrypt a private key | {} (",
     [("core/src/certificate/rounds.rs", "MAX_ROUNDS")]),
    ("docs/directives.md", "| {} for all keys together |", [("core/src/rate.rs", "PARTS")]),
    ("docs/directives.md", "{} of them are kept, also over graceful restarts",
     [("core/src/keyring/passphrases.rs", "MAX_FROM_HTACCESS")]),
    ("docs/directives.md", "Browsers drop a cookie above {} bytes,", COOKIE),
    ("README.md", "drop one above {} bytes.", COOKIE),
    ("docs/directives.md", "Larger sessions, up to {},", SESSION),
    ("docs/directives.md", "one above {}; UTF-16", PASSPHRASE_FILE),
    ("docs/directives.md", "It reads {} of output at most", [("core/src/secret/program.rs", "MAX_OUTPUT")]),
    ("docs/directives.md", "shorter than {} bytes", [("core/src/passphrase/weakness.rs", "SHORTEST")]),
    ("docs/directives.md", "is 1 to {} printable ASCII characters", [("core/src/purpose.rs", "MAX_LENGTH")]),
    ("docs/differences.md", "| {}; in `.htaccess` {} |", [PASSPHRASES, HTACCESS_PASSPHRASES]),
    ("docs/differences.md", "A session above {} |", SESSION),
    ("docs/differences.md", "A passphrase file above {} |", PASSPHRASE_FILE),
    ("SECURITY.md", "At most {} is sealed", SESSION),
    ("SECURITY.md", "A token has at most {},", [("core/src/limits.rs", "MAX_TOKEN")]),
    ("SECURITY.md", "No file above {} is read, no pipe waited for | | certificates", PASSPHRASE_FILE),
    ("SECURITY.md", "No file above {} is read, no pipe waited for | | names", [(SOURCES_RS, "MAX_FILE_SIZE")]),
)

# Defaults: the directive, its row, and the constants of core/src/algorithm/defaults.rs.
DEFAULTS_RS = "core/src/algorithm/defaults.rs"
DEFAULTS = (
    ("SessionCryptoCipher", "`SessionCryptoCipher {}`; with a certificate or a key file `SessionCryptoCipher {}`",
     ("DEFAULT_CIPHER", "DEFAULT_JWE_CIPHER")),
    ("SessionCryptoDigest", "`{}` for CBC ciphers, `{}` for AES-GCM", ("CLASSIC_DIGEST", "JWE_DIGEST")),
)
# OpenSSL's names, and those that a configuration has.
NAMES = {"AES-256-CBC": "aes256", "AES-256-GCM": "aes-256-gcm", "SHA1": "SHA"}


def check_figures(page: Page, results: Path) -> None:
    """Compares the table below `Speed`: case, and each of COLUMNS with its target."""
    cases = {case["title"]: case["findings"] for case in json.loads(read(results))["cases"]
             if not case["name"].startswith(STARTS)}
    lines = page.section("Speed")
    text = "\n".join(line for _, line in lines)
    rows = [(number, cells(line)) for number, line in lines
            if line.startswith("|") and not set(line) <= set("|-: ")]
    quotable = {item["title"] for _, row in rows for item in cases.get(row[0], [])}
    columns = [column for column in COLUMNS if quotable.intersection(column[1])]
    quoted = set()
    for number, row in rows:
        title = row[0]
        if title == "Case":
            headings = ["Case"] + [word for column in columns for word in (column[0], "Target")]
            if row != headings:
                mistake(page.path, number, f"the headings must be | {' | '.join(headings)} |")
            continue
        if title not in cases:
            mistake(page.path, number, f"no case '{title}' in {results.relative_to(TOP)}")
            continue
        expected = [title]
        for _, titles, is_share in columns:
            found = [item for item in cases[title] if item["title"] in titles]
            quoted.update((title, item["title"]) for item in found)
            expected += quotation(found[0], is_share) if found else ["", ""]
        if row != expected:
            mistake(page.path, number, f"by {results.relative_to(TOP)} this is | {' | '.join(expected)} |")
    if not quoted:
        mistake(page.path, 0, "no table of figures below `Speed`")
    for item in (item for findings in cases.values() for item in findings if item["title"] == BESIDE_CLEAR):
        words = f"{quotation(item, True)[0]} of what sessions in clear have"
        if words not in collapsed(text):
            mistake(page.path, 0, f"`Speed` does not say '{words}'")
    for title, findings in cases.items():
        for item in findings:
            if not is_missed(item) or (title, item["title"]) in quoted:
                continue
            share = item["median"] < 2
            figure, target = quotation(item, share)
            # As in `81.1 % (target 95 %, missed)`.
            words = f"{figure} (target {target})"
            if words not in collapsed(text):
                mistake(page.path, 0, f"`Speed` does not say that '{title}' has {words}: {item['title']}")


def quotation(item: dict, is_share: bool) -> list:
    figure = f"{item['median']:.1%}".replace("%", " %") if is_share else f"{item['median']:.1f}"
    if not item["target"]:
        return [figure, ""]
    value = float(item["target"].split()[1])
    target = f"{value:.0%}".replace("%", " %") if is_share else f"{value:g}"
    return [figure, target + (", missed" if is_missed(item) else "")]


def is_missed(item: dict) -> bool:
    if not item["target"]:
        return False
    sign, value = item["target"].split()
    return item["median"] < float(value) if sign == ">=" else item["median"] > float(value)


def check_costs(page: Page, results: Path) -> None:
    cases = {case["name"]: case for case in json.loads(read(results))["cases"]}
    text = collapsed(page.text)
    for words, name, figure in COSTS:
        if name not in cases:
            mistake(page.path, 0, f"no case '{name}' in {results.relative_to(TOP)}")
        elif words.format(figure(cases[name])) not in text:
            mistake(page.path, 0, f"by case '{name}' of {results.relative_to(TOP)}, "
                                  f"it must say '{words.format(figure(cases[name]))}'")


def check_starts(page: Page, results: Path) -> None:
    """Compares the table below `Figures`, and what the page says of targets and of JWE."""
    document = json.loads(read(results))
    cases = [case for case in document["cases"] if case["name"].startswith(STARTS)]
    if not cases:
        mistake(page.path, 0, f"its table waits for cases {STARTS}* in {results.relative_to(TOP)}: run `make bench`")
        return
    expected = [row for case in cases for row in starts_rows(case)]
    rows = [(number, cells(line)) for number, line in page.section("Figures")
            if line.startswith("|") and not set(line) <= set("|-: ")]
    # Another table on the page has two columns.
    table = [(number, row) for number, row in rows if len(row) == len(STARTS_HEADINGS)]
    if not table or table[0][1] != STARTS_HEADINGS:
        mistake(page.path, 0, f"no table | {' | '.join(STARTS_HEADINGS)} | below `Figures`")
        return
    for (number, row), right in zip(table[1:], expected):
        if row != right:
            mistake(page.path, number, f"by {results.relative_to(TOP)} this is | {' | '.join(right)} |")
    for right in expected[len(table) - 1:]:
        mistake(page.path, table[-1][0], f"by {results.relative_to(TOP)}, this row is missing: | {' | '.join(right)} |")
    for number, _ in table[1 + len(expected):]:
        mistake(page.path, number, f"a row that {results.relative_to(TOP)} does not have")
    for words in [*starts_targets(cases), jwe_start(cases[-1], document["machine"]["cores"])]:
        if words not in collapsed(page.text):
            mistake(page.path, 0, f"by {results.relative_to(TOP)}, it must say '{words}'")


def starts_rows(case: dict) -> list:
    """The rows of a case: one for each server that starts in it."""
    hosts = case["name"].removeprefix(STARTS)
    figures = {item["name"]: item["values"] for item in case["servers"]}
    findings = {item["title"]: item for item in case["findings"]}
    rows = []
    for server in [name.removesuffix(", start") for name in figures if name.endswith(", start")]:
        more = findings.get(f"{server} - clear, graceful restart")
        ratio = findings.get(f"{server} / clear, graceful restart")
        rows.append([
            hosts,
            server,
            duration(median(figures[f"{server}, start"])),
            duration(median(figures[f"{server}, graceful restart"])),
            marked(more, duration) if more else "",
            marked(ratio, lambda value: f"{value:.2f}") if ratio else "",
            f"{median(figures[f'{server}, memory']):.1f} MiB",
        ])
    return rows


def starts_targets(cases: list) -> list:
    """A sentence for each case with targets, whose bounds are the same for each server."""
    said = []
    for case in cases:
        bounds = [item["target"].removeprefix("<= ") for item in case["findings"] if item["target"]]
        if bounds:
            said.append(f"With {case['name'].removeprefix(STARTS)} hosts, a graceful restart should take at most "
                        f"{bounds[0]} ms more than in clear, and at most {bounds[1]} times as long.")
    return said


def jwe_start(case: dict, cores: str) -> str:
    """The sentence on the cost of many JWE passphrases."""
    hosts = case["name"].removeprefix(STARTS)
    figures = {item["name"]: median(item["values"]) for item in case["servers"]}
    time, cpu = figures["ours, JWE, start"], figures["ours, JWE, start, CPU"]
    return (f"A start with {hosts} JWE passphrases took {duration(time)} on {cores} cores, and {duration(cpu)} of "
            f"processor time: {duration(cpu / int(hosts))} for each passphrase.")


def marked(item: dict, words) -> str:
    return words(item["median"]) + (", missed" if is_missed(item) else "")


def duration(milliseconds: float) -> str:
    if abs(milliseconds) >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if abs(milliseconds) >= 9.95 else f"{milliseconds:.1f} ms"


def cost(case: dict, server: str) -> float:
    """Microseconds of processor time for each request."""
    return median(next(item for item in case["servers"] if item["name"] == server)["cpu_us_per_request"])


def times(case: dict, finding: str) -> str:
    return f"{next(item for item in case['findings'] if item['title'] == finding)['median']:.1f}"


def more(case: dict) -> str:
    return milliseconds(cost(case, "hostile") - cost(case, "plain"), 2)


def milliseconds(microseconds: float, digits: int) -> str:
    return f"{microseconds / 1000:.{digits}f} ms"


def check_limits(pages: dict) -> None:
    for name, words, names in LIMITS:
        path = TOP / name
        values = [constant(TOP / source, title) for source, title in names]
        if None in values:
            continue
        expected = words.format(*map(quantity, values))
        if expected not in collapsed(pages[path].text):
            mistake(path, 0, f"by {' and '.join(title for _, title in names)} of {names[0][0]}, "
                             f"it must say '{expected}'")


def constant(path: Path, name: str):
    """The value of a constant that is a product of numbers, or a text."""
    found = re.search(rf"^\s*(?:pub(?:\(crate\))? )?const {name}: [^=]+= ([^;]+);", read(path), re.M)
    value = found and found[1].replace("_", "")
    if value and re.fullmatch(r"\d+(?: \* \d+)*", value):
        return prod(map(int, value.split(" * ")))
    if value and re.fullmatch(r'"[^"\\]*"', value):
        return value.strip('"')
    mistake(path, 0, f"no constant {name} that tools/check-docs can read")
    return None


def quantity(value: int) -> str:
    """A number as pages write it."""
    for unit, size in (("MiB", MIB), ("KiB", KIB)):
        if value >= 16 * KIB and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,}"


def check_defaults(page: Page) -> None:
    for name, words, names in DEFAULTS:
        values = [constant(TOP / DEFAULTS_RS, title) for title in names]
        if None in values:
            continue
        expected = f"| Default | {words.format(*(NAMES.get(value, value) for value in values))} |"
        if expected not in [line for _, line in page.section(name)]:
            mistake(page.path, 0, f"{name}: by {DEFAULTS_RS}, its table must have '{expected}'")


def check_lengths(page: Page, formats: Page) -> None:
    """Compares what a certificate adds to a session with the table of wire-format.md."""
    rows = [cells(line) for _, line in formats.section("Lengths") if line.startswith("|")]
    lengths = dict(zip(rows[0], rows[-1])) if len(rows) == 3 else {}
    quoted = [re.fullmatch(r"JWE with a certificate o[nf] (\S+) \| (\d+) characters,.*", " | ".join(cells(line)))
              for _, line in page.prose]
    quoted = [row for row in quoted if row]
    if not quoted:
        mistake(page.path, 0, "no row says what a certificate adds to a session")
    for row in quoted:
        if lengths.get(row[1]) != row[2]:
            mistake(page.path, 0, f"a certificate of {row[1]} adds {lengths.get(row[1])} characters "
                                  f"by {formats.path.relative_to(TOP)}, and not {row[2]}")


def cells(line: str) -> list:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
