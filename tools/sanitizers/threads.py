"""ThreadSanitizer: memory that two threads use at the same time, one of them to write, without
an atomic, a lock or anything else that orders both.

It knows Rust's atomics, which helgrind and DRD take for plain loads and stores. The standard
library is built with it too: otherwise each contended lock, each `Once` and each last
reference of an `Arc` would look like a race.
"""

import re
import subprocess
import sys
from pathlib import Path

from .pools import pools
from .tests import HOST, TOP, Mistake, Part, Reports, Result, build, run_crates, run_httpd, sysroot, write_httpd

SUPPRESSIONS = TOP / "tools/sanitizers/threads.supp"

PATIENCE = "5"

# The other crates share no memory between threads.
CORE = ("--package", "session-crypto-core")

# Files of httpd's tests with several clients at a time, or with threads beside requests.
FILES = [
    "t/counters.t",
    "t/key-file-reload.t",
    "t/key-file-rotation.t",
    "t/master-keys.t",
    "t/revocation-random.t",
    "t/revocation-store.t",
    "t/flood.t",
    "t/certificates-htaccess.t",
    "t/device-proofs.t",
    "t/status.t",
]

EXCUSED = {"memory is flat: .*": "the sanitizer notes who uses memory"}


def rust_with_source():
    """The first compiler that has the source of the standard library beside it."""
    for folder in (sysroot(), Path("/usr")):
        if (folder / "lib/rustlib/src/rust/library/Cargo.lock").exists():
            return folder / "bin/rustc"
    sys.exit("no Rust here has the source of its library: run tools/deps sanitize, or rustup component add rust-src")


def runtime(rustc):
    """The runtime for modules of clang, whose version is that of this compiler's LLVM."""
    words = subprocess.run([rustc, "-vV"], check=True, capture_output=True, text=True).stdout
    version = re.search(r"LLVM version: (\d+)", words)[1]
    folder = f"/usr/lib/llvm-{version}/lib/clang/{version}/lib/linux"
    library = Path(folder) / f"libclang_rt.tsan-{HOST.partition('-')[0]}.so"
    if not library.exists():
        sys.exit(f"{library} is missing: run tools/deps sanitize")
    return library


def settings(reports, ignores):
    """The environment of builds and of tests. `ignores` is 1 to leave out calls of libc from
    code that is not built for it, as httpd's and OpenSSL's: large copies in Rust are among
    them."""
    rustc = rust_with_source()
    library = runtime(rustc)
    options = {
        "log_path": f"{reports.folder}/report",
        "suppressions": SUPPRESSIONS,
        "ignore_noninstrumented_modules": ignores,
        # httpd's own handlers of signals.
        "report_signal_unsafe": "0",
        "die_after_fork": "0",
    }
    build = {
        "RUSTC": str(rustc),
        "RUSTC_BOOTSTRAP": "1",
        "RUSTFLAGS": f"-Zsanitizer=thread -Zexternal-clangrt -Clink-arg={library}",
        "CARGO_UNSTABLE_BUILD_STD": "std,panic_unwind,test",
        "TSAN_OPTIONS": ":".join(f"{name}={value}" for name, value in options.items()),
    }
    return build, library


def crates(tree, words):
    """Runs the tests twice. With the calls of libc from OpenSSL, its locks order threads that
    nothing of ours orders, and hide races; without them, large copies are not seen."""
    with Reports("threads-crates") as reports:
        passed = True
        for ignores in ("1", "0"):
            build, library = settings(reports, ignores)
            runner = {f"CARGO_TARGET_{HOST.replace('-', '_').upper()}_RUNNER": f"env LD_PRELOAD={library}"}
            tests, all_passed, log = run_crates(tree, "threads", build | runner, words, CORE)
            passed &= all_passed
        return Result(tests, passed, reports.read(), log)


def httpd(tree, files):
    with Reports("threads-httpd") as reports:
        environment, library = settings(reports, "1")
        module = build(tree, "threads", environment)
        libraries = f"{library} {pools(reports.folder, '-DFOR_THREADS')}"
        program = write_httpd(
            reports.folder, f'export LD_PRELOAD="{libraries}${{LD_PRELOAD:+ $LD_PRELOAD}}"', 'exec "$httpd" "$@"'
        )
        options = {"TSAN_OPTIONS": environment["TSAN_OPTIONS"], "PATIENCE": PATIENCE}
        tests, passed, log = run_httpd(tree, "threads", options, program, module, files or FILES, EXCUSED)
        return Result(tests, passed, reports.read(), log)


PLAIN_COUNT = (
    "core/src/counters/counters.rs",
    "word.fetch_add(1, Ordering::Relaxed);",
    "#[allow(unsafe_code)] let () = unsafe { *word.as_ptr() = word.as_ptr().read() + 1 };",
)

IN_CRATES = [
    Mistake("a counter without an atomic", "--test keyring threads", *PLAIN_COUNT, "data race"),
    Mistake(
        "a word of an ended session read without an atomic",
        "--test revocation threads",
        "core/src/revocation/slot.rs",
        "    word.load(Ordering::Acquire)",
        "    #[allow(unsafe_code)] let value = unsafe { word.as_ptr().read() }; value",
        "data race",
    ),
    Mistake(
        "a cache of keys without its lock",
        "--lib cache::key_cache",
        "core/src/cache/key_cache.rs",
        "with(&mut locks::lock(set))",
        "#[allow(unsafe_code)] let set = unsafe { std::ptr::from_ref(set).cast_mut().as_mut() };"
        "with(set.unwrap().get_mut().unwrap())",
        "data race",
    ),
]

IN_HTTPD = [
    Mistake("a counter of requests without an atomic", "t/counters.t", *PLAIN_COUNT, "data race"),
    Mistake(
        "the generation of a key file without an atomic",
        "t/key-file-reload.t",
        "src/key_files/key_file.rs",
        "self.generation.store(generation, Ordering::Relaxed);",
        "#[allow(unsafe_code)] let () = unsafe { self.generation.as_ptr().write(generation) };",
        "data race",
    ),
]

THREADS = [
    Part("threads/crates", "ThreadSanitizer over core", crates, mistakes=IN_CRATES),
    Part(
        "threads/httpd", "ThreadSanitizer over some of httpd's tests", httpd, files=FILES, excused=EXCUSED, mistakes=IN_HTTPD
    ),
]
