"""AddressSanitizer: memory outside of what was allocated, and after it was freed."""

import subprocess
import sys

from .pools import pools
from .tests import (
    HOST,
    OUT,
    Mistake,
    Part,
    Reports,
    Result,
    build,
    files_but,
    run_crates,
    run_httpd,
    sysroot,
    write_httpd,
)

# `--target` keeps the flag from build scripts. The shim is C.
BUILD = {
    "RUSTC_BOOTSTRAP": "1",
    "RUSTFLAGS": "-Zsanitizer=address",
    f"CFLAGS_{HOST.replace('-', '_')}": "-fsanitize=address -fno-omit-frame-pointer -g",
}
OPTIONS = {
    # A report ends the process, which fails tests too.
    "halt_on_error": "1",
    "strict_string_checks": "1",
    "detect_leaks": "0",
}

TAKES_CALLS = "the runtime takes the calls that this test has fail"
LEFT_OUT = {
    "t/demo.t": "demo/run starts an httpd of its own, without the runtime",
    "t/faults-startup.t": TAKES_CALLS,
    "t/faults-restart.t": TAKES_CALLS,
    "t/faults-request.t": TAKES_CALLS,
    "t/panics.t": "it has a build of the module of its own",
    "t/farm-run.t": "farm/run starts servers of its own, without the runtime",
}

EXCUSED = {
    "and 200 of them do not grow the child": "the sanitizer keeps memory that was freed",
    "memory of .*": "the sanitizer keeps memory that was freed",
    "memory is flat: .*": "the sanitizer keeps memory that was freed",
    "says-nothing: short ones beside a flood": "too slow to ask for more keys than a second allows",
    "loaded-first: before mod_session": "the runtime takes the words of the dynamic linker",
}


def options(reports):
    words = OPTIONS | {"log_path": f"{reports.folder}/report"}
    return {"ASAN_OPTIONS": ":".join(f"{name}={value}" for name, value in words.items())}


def crates(tree, words):
    with Reports("address-crates") as reports:
        tests, passed, log = run_crates(tree, "address", BUILD | options(reports), words)
        return Result(tests, passed, reports.read(), log)


def httpd(tree, files):
    module = build(tree, "address", BUILD)
    with Reports("address-httpd") as reports:
        # The runtime goes first: it must see all memory.
        libraries = f"{runtime(reports.folder)} {pools(reports.folder)}"
        program = write_httpd(
            reports.folder, f'export LD_PRELOAD="{libraries}${{LD_PRELOAD:+ $LD_PRELOAD}}"', 'exec "$httpd" "$@"'
        )
        files = files or files_but(LEFT_OUT)
        tests, passed, log = run_httpd(tree, "address", options(reports) | {"PATIENCE": "3"}, program, module, files, EXCUSED)
        return Result(tests, passed, reports.read(), log)


def runtime(folder):
    """Links the runtime of the compiler into a library that httpd can be given.

    An executable has it inside; a module expects it in the process. Another compiler's may
    be of another version.
    """
    archives = list((sysroot() / "lib/rustlib" / HOST / "lib").glob("librustc*_rt.asan.a"))
    if not archives:
        sys.exit("this Rust has no AddressSanitizer: install one with rustup (https://rustup.rs)")
    archive = OUT / "address/runtime.a"
    archive.write_bytes(archives[0].read_bytes())
    # It is for executables alone.
    subprocess.run(["ar", "d", archive, "asan_preinit.cpp.o"], check=True)
    library = folder / "runtime.so"
    command = ["cc", "-shared", "-o", library, "-Wl,--whole-archive", archive, "-Wl,--no-whole-archive"]
    subprocess.run([*command, "-lpthread", "-ldl", "-lrt", "-lm", "-lgcc_s"], check=True)
    return library


IN_CRATES = [
    Mistake(
        "a block from OpenSSL copied with a byte more",
        "--test attempts keys_that_are_not_encrypted",
        "core/src/libcrypto/pem.rs",
        "from_raw_parts_mut(start.as_ptr(), length)",
        "from_raw_parts_mut(start.as_ptr(), length + 1)",
        "heap-buffer-overflow",
    ),
    Mistake(
        "a block from OpenSSL copied after it was freed",
        "--test attempts keys_that_are_not_encrypted",
        "core/src/libcrypto/pem.rs",
        "copy.extend_from_slice(slice);",
        "unsafe { openssl_sys::OPENSSL_free(bytes.cast()) }; copy.extend_from_slice(slice);",
        "heap-use-after-free",
    ),
]

IN_HTTPD = [
    Mistake(
        "a text in a pool without room for its NUL",
        "t/load.t",
        "src/ffi/pool.rs",
        "start: self.allocate(len.saturating_add(1)).cast()",
        "start: self.allocate(len).cast()",
        "use-after-poison",
    ),
    Mistake(
        "memory of a request read in the next one",
        "t/clear.t",
        "src/ffi/pool.rs",
        "// APR answers NULL to a request for no bytes.",
        "static LAST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);"
        "let last = LAST.load(std::sync::atomic::Ordering::Relaxed) as *const u8;"
        "if !last.is_null() { unsafe { last.read_volatile() }; }"
        "let fresh = unsafe { bindings::apr_palloc(self.as_ptr(), 1) };"
        "LAST.store(fresh as usize, std::sync::atomic::Ordering::Relaxed);",
        "use-after-poison",
    ),
    Mistake(
        "a line of the log in too short a buffer of the shim",
        "t/load.t",
        "src/ffi/shim.c",
        'ap_log_error(APLOG_MARK, level, status, s, "%s", message);',
        "char copy[16]; int i = 0; do copy[i] = message[i]; while (message[i++] != 0);"
        ' ap_log_error(APLOG_MARK, level, status, s, "%s", copy);',
        "stack-buffer-overflow",
    ),
]

ADDRESS = [
    Part("address/crates", "AddressSanitizer over all crates", crates, mistakes=IN_CRATES),
    Part(
        "address/httpd", "AddressSanitizer over httpd's tests", httpd, left_out=LEFT_OUT, excused=EXCUSED, mistakes=IN_HTTPD
    ),
]
