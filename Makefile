# `make help` says what there is.

SHELL = /bin/sh
CARGO = tools/cargo
# The fuzz targets without libFuzzer, in a workspace of their own.
FUZZ = --manifest-path fuzz/Cargo.toml --no-default-features --locked --target-dir target

demo: export PORT ?= 8088
install uninstall: export DESTDIR ?=
fuzz: MINUTES ?= 10

.PHONY: build deps check test planted-panics test-core test-httpd coverage fuzz constant-time sanitize soak bench budget sbom release deb deb-test rpm demo farm install uninstall clean help

# The command writes its own manual pages and completions.
build:
	$(CARGO) build --release --locked
	target/release/htsession generate target/release/htsession-pages

help:
	@echo 'make            build target/release/libmod_session_crypto.so and the command'
	@echo '                target/release/htsession'
	@echo 'make demo       a login form on http://127.0.0.1:8088/; PORT=8089 takes another port,'
	@echo '                and https://127.0.0.1:8443/ with device-bound sessions; TLS_PORT=8444'
	@echo 'make farm       a farm of servers whose members die, restart and change keys, for about'
	@echo '                a minute; ends with the number of sessions lost'
	@echo 'make check      format, lints, layers, documentation, dependencies; installs its tools'
	@echo 'make test       all tests; installs what they need'
	@echo 'make planted-panics'
	@echo '                the module that panics where t/panics.t wants it'
	@echo 'make coverage   lines that no test runs, and the reason for each'
	@echo 'make fuzz       all fuzz targets for MINUTES=10 together; fuzz/README.md describes them'
	@echo 'make constant-time'
	@echo '                that no branch and no index depends on a secret, under valgrind'
	@echo 'make soak       a million requests of all kinds beside restarts and deaths of processes;'
	@echo '                MPM=event takes one MPM'
	@echo 'make sanitize   the tests under AddressSanitizer, valgrind and ThreadSanitizer;'
	@echo '                PARTS="address memory" takes some of tools/sanitize --list'
	@echo 'make bench      throughput and cost beside the C module and beside no encryption;'
	@echo '                CASES="rw-100 junk" takes some of bench/run.py --list'
	@echo 'make budget     instructions of a token and of a request, compared with'
	@echo '                bench/instructions.budget and bench/requests.budget'
	@echo 'make sbom       the crates of a release in CycloneDX: target/sbom.cdx.json'
	@echo 'make release    source, bill of materials and their sums in dist/'
	@echo 'make deb        Debian packages in dist/deb, which lintian accepts'
	@echo 'make deb-test   the same, built, installed, upgraded and removed in clean roots'
	@echo '                (debootstrap); CELLS=debian13 takes one release'
	@echo 'make rpm        RPM packages for Fedora and RHEL in dist/rpm, which rpmlint accepts'
	@echo 'make deps       install what building needs (Debian, Ubuntu)'
	@echo 'make install    into the httpd of apxs; APXS=/path/to/apxs takes another,'
	@echo '                DESTDIR=/path puts it below that directory'
	@echo 'make uninstall  remove what make install put there'
	@echo 'make clean      remove target/ and dist/'

deps:
	tools/deps

# All checks that need no httpd to run.
check:
	tools/deps check
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) clippy $(FUZZ) --all-targets -- -D warnings
	$(CARGO) clippy --package session-crypto-core --all-targets --locked --no-default-features -- -D warnings
	$(CARGO) test --locked --workspace --test layers --test messages
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --locked
	tools/check-docs
	tools/check-messages
	tools/check-packages
	tools/deny
	$(MAKE) sbom

# Fails if a crate has no licence or no checksum.
sbom:
	mkdir -p target
	tools/sbom >target/sbom.cdx.json

# Each step needs the one before it, also under `make -j`.
test:
	tools/deps test
	$(CARGO) build --release --locked
	$(MAKE) test-core
	$(MAKE) test-httpd

# The module that panics where t/panics.t wants it, in a directory of its own.
planted-panics:
	$(CARGO) build --locked --package mod_session_crypto --features planted-panics \
		--target-dir "$${CARGO_TARGET_DIR:-target}/planted-panics"

# Both need what `make test` installs and builds.
test-core:
	$(CARGO) test --workspace --locked
	$(CARGO) test $(FUZZ)

test-httpd: planted-panics
	t/run

coverage:
	tools/deps test
	tools/deps coverage
	tools/coverage

fuzz:
	tools/deps fuzz
	fuzz/run $(MINUTES) $(TARGETS)

constant-time:
	tools/deps constant-time
	tools/constant-time

soak:
	tools/deps test
	$(CARGO) build --release --locked
	SESSION_CRYPTO_FULL=1 VERBOSE=1 t/run t/soak.t

sanitize:
	tools/deps test
	tools/deps sanitize
	tools/sanitize $(PARTS)

bench:
	tools/deps bench
	$(CARGO) build --release --locked
	bench/run.py $(CASES)

budget:
	tools/deps bench
	$(CARGO) build --release --locked
	bench/instructions
	bench/requests

release:
	tools/release

deb:
	tools/deps deb
	tools/deb

deb-test:
	tools/deps matrix
	tools/deb-test $(CELLS)

rpm:
	tools/deps rpm
	tools/rpm

demo:
	tools/deps
	$(CARGO) build --release --locked
	@exec setpriv --pdeathsig TERM demo/run

farm:
	tools/deps farm
	$(CARGO) build --release --locked
	@exec setpriv --pdeathsig TERM farm/run

# Neither builds, so that root need not run a compiler.
install uninstall:
	@apxs/install $@

clean:
	rm -rf target dist
