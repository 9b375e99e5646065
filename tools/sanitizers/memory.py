"""Valgrind memcheck: memory that was never written, and what AddressSanitizer cannot see in code
that is not built for it, as OpenSSL's and httpd's use of what the module gives them."""

from .pools import pools
from .tests import HOST, TOP, Mistake, Part, Reports, Result, build, run_crates, run_httpd, write_httpd

SUPPRESSIONS = TOP / "tools/sanitizers/memory.supp"

# How many times as long a server may take.
PATIENCE = "20"

# Files of httpd's tests that have each entry of the module and each kind of session: valgrind
# makes a server 20 to 50 times as slow, so the whole would take hours.
FILES = [
    "t/load.t",
    "t/clear.t",
    "t/refused.t",
    "t/jwe.t",
    "t/certificates.t",
    "t/device.t",
    "t/lifetimes.t",
    "t/revocation.t",
    "t/key-file.t",
    "t/status.t",
    "t/certificates-htaccess.t",
    "t/generations.t",
]

# Of the tests of the crates.
AGENT = "session-crypto-agent"
MISSING_PROGRAM = "secret::program::tests::refuses_a_program_that_fails"
LEFT_OUT = {
    AGENT: "it gives a store two seconds for an answer, and is too slow here; it has no unsafe code of its own",
    MISSING_PROGRAM: "posix_spawn(3) tells its caller here that a missing program runs, and ends with status 127",
}

EXCUSED = {
    "two cookies, and none of the session": "a second passes, and an age is as much less",
    "an offer, a registration and a refresh": "it has the assertion above",
}


def command(reports):
    """Valgrind's. It asks for no leaks: tables for tests are never freed."""
    words = ["valgrind", "-q", f"--log-file={reports.folder}/report.%p", f"--suppressions={SUPPRESSIONS}"]
    return " ".join([*words, "--error-limit=no"])


def crates(tree, words):
    with Reports("memory-crates") as reports:
        runner = {f"CARGO_TARGET_{HOST.replace('-', '_').upper()}_RUNNER": command(reports)}
        words = words or ["--tests", "--", "--skip", MISSING_PROGRAM]
        packages = ("--workspace", "--exclude", AGENT)
        tests, passed, log = run_crates(tree, "memory", runner, words, packages)
        return Result(tests, passed, reports.read(), log)


def httpd(tree, files):
    module = build(tree, "memory", {})
    with Reports("memory-httpd") as reports:
        library = pools(reports.folder, "-DFOR_VALGRIND")
        program = write_httpd(
            reports.folder,
            f'export LD_PRELOAD="{library}${{LD_PRELOAD:+ $LD_PRELOAD}}"',
            f'exec {command(reports)} "$httpd" "$@"',
        )
        patience = {"PATIENCE": PATIENCE}
        tests, passed, log = run_httpd(tree, "memory", patience, program, module, files or FILES, EXCUSED)
        return Result(tests, passed, reports.read(), log)


IN_CRATES = [
    Mistake(
        "a tag that was never asked for",
        "--test jwe opens_what_it_sealed",
        "core/src/libcrypto/cipher_calls.rs",
        "let mut tag = [0; Self::TAG];\n        self.context.tag(&mut tag)?;",
        "let tag = unsafe { MaybeUninit::<[u8; Self::TAG]>::uninit().assume_init() };",
        "uninitialised value",
    ),
]

IN_HTTPD = [
    Mistake(
        "a text in a pool without its NUL",
        "t/load.t",
        "src/ffi/pool.rs",
        "unsafe { end.write(0) };",
        "let _ = end;",
        "uninitialised value",
    ),
]

MEMORY = [
    Part("memory/crates", "valgrind memcheck over all crates", crates, left_out=LEFT_OUT, mistakes=IN_CRATES),
    Part(
        "memory/httpd", "valgrind memcheck over some of httpd's tests", httpd, files=FILES, excused=EXCUSED, mistakes=IN_HTTPD
    ),
]
