# Each target is a line or two onto cargo. `make verify` and `make test` need a Rust toolchain and no more.

CARGO ?= cargo
ENGINES := --features loom,shuttle,graph
# cargo-nextest, where it is installed, runs the tests of several binaries side by side, two for each processor, since some sleep;
# cargo runs the same ones.
NEXTEST := $(shell $(CARGO) nextest --version 2>/dev/null)
AT_ONCE := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
TESTS := $(if $(NEXTEST),nextest run -j $(AT_ONCE) --cargo-quiet --no-fail-fast --status-level fail --final-status-level fail,test -q)

# The targets that we support. Tests run on the first, the others are compiled where rustup has installed their std.
TARGETS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-pc-windows-msvc
PUBLISHED := -p selvedge -p selvedge-go -p selvedge-graph -p selvedge-check -p cargo-selvedge -p selvedge-loom

.PHONY: verify verify-full verify-short bugs audit native test soak miri asan lint targets print-targets package bench

# Every model and its mutants under every engine, the bug kernels, and the litmus programs.
verify:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- verify
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus

# The long models too, and every model without a bound.
verify-full:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- verify --full
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus --all

# As `verify`, with 0.3 seconds for each model.
verify-short:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- verify --time-limit 0.3
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus

# Concurrency bugs of well-known programs, and which engine finds them.
bugs:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs

# Which orderings, fences and wake-ups the models need; fails if one is neither needed nor explained. The whole takes more
# than a quarter of an hour, and its parts together 8 GB: `selvedge audit --filter` takes one file at a time.
audit:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- audit

# What this machine's processors show of the litmus programs.
native:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus --native

# Everything once, natively and under all engines; the primitives and the scheduler in a build in which there is no engine;
# and a model with loom alone and with the graph engine alone. (What else compiles by itself, `lint` checks.)
test:
	$(CARGO) $(TESTS) --workspace --exclude selvedge-benches --all-features --lib --bins --tests
	$(CARGO) test -q --doc --workspace --exclude selvedge-benches --all-features
	$(CARGO) $(TESTS) -p selvedge -p selvedge-api-tests -p selvedge-go --features selvedge/async --lib --tests
	$(CARGO) test -q --doc -p selvedge --features async
	$(CARGO) test -q -p selvedge --release --test layout
	$(CARGO) test -q -p spsc-ring --features loom --test model
	$(CARGO) test -q -p spsc-ring --features graph --test model
	$(CARGO) check -q -p selvedge-benches --all-targets

# The generated programs over the whole public API, new ones for ten minutes in each test.
soak:
	SELVEDGE_SOAK=600 $(CARGO) test --release -p selvedge-proptests --test rim
	SELVEDGE_SOAK=600 $(CARGO) test --release -p selvedge-go-tests --test fuzz --test again

# The native tests of the primitives that do not pass thousands of values, under Miri, which checks aliasing, where it is
# installed.
miri:
	@if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" $(CARGO) +nightly miri test -p selvedge --features async \
	--target-dir target/miri --lib && \
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" $(CARGO) +nightly miri test -p selvedge-api-tests \
	--target-dir target/miri --test api -- aliasing chan_basic chan_as_crossbeam:: chan_handles chan_operations \
	chan_user_code rt:: sync_basic; \
	else echo "Miri is not installed (rustup +nightly component add miri): the tests did not run under it"; fi

# The property tests that run no goroutines: AddressSanitizer takes a goroutine's stack for the thread's.
ON_THREADS := $(patsubst proptests/tests/%.rs,--test %,$(filter-out %/patterns.rs %/routine.rs %/signals.rs,$(wildcard proptests/tests/*.rs)))

# The native tests with every access to memory checked, if there is a nightly toolchain. Leaks are not: tests forget futures,
# operations and payloads of panics on purpose, and count bytes and values themselves.
asan:
	@if $(CARGO) +nightly --version >/dev/null 2>&1; then \
	export ASAN_OPTIONS=detect_leaks=0 RUSTFLAGS=-Zsanitizer=address && \
	$(CARGO) +nightly test -q -p selvedge -p selvedge-api-tests --lib --tests \
	--target $$(rustc --print host-tuple) --target-dir target/asan && \
	$(CARGO) +nightly test -q -p selvedge-proptests --lib $(ON_THREADS) \
	--target $$(rustc --print host-tuple) --target-dir target/asan; \
	else echo "there is no nightly toolchain: AddressSanitizer did not run"; fi

# The paths that documents name; the default build of the primitives, everything without engines and with each of them,
# and with all.
lint:
	.ci/paths
	$(CARGO) fmt --all --check
	$(CARGO) clippy -q -p selvedge --all-targets -- -D warnings
	$(CARGO) clippy -q --all-targets -- -D warnings
	$(CARGO) clippy -q --all-targets --features loom -- -D warnings
	$(CARGO) clippy -q --all-targets --features graph -- -D warnings
	$(CARGO) clippy -q --all-targets --features shuttle -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -q --workspace --no-deps --all-features
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline check licenses bans sources; \
	else echo "cargo-deny is not installed: licences, bans and sources were not checked"; fi

# What we publish, compiled for each target whose std is installed (rustup target add NAME).
targets:
	@for target in $(TARGETS); do \
	if rustup target list --installed | grep -qx $$target; then echo "$$target: checking"; \
	$(CARGO) check -q --target $$target $(PUBLISHED) --all-features || exit 1; \
	else echo "$$target: not installed, not checked"; fi; done

print-targets:
	@echo $(TARGETS)

# The crates as they would be published, each built from its own archive. In a new folder: cargo keeps what it has unpacked
# of a version, and would take an older archive of it.
package:
	@folder=$$(mktemp -d) && $(CARGO) package -q --offline --allow-dirty --target-dir $$folder $(PUBLISHED); result=$$?; \
	rm -rf $$folder; exit $$result

# What we have against its peers and how costs grow, the ratio to the best of them, against Go where there is Go, and the
# engines side by side.
bench:
	$(CARGO) bench -q -p selvedge-benches
	$(CARGO) run --profile bench -q -p selvedge-benches --bin ratios
	$(CARGO) run --profile bench -q -p selvedge-benches --bin against-go
	$(CARGO) bench -q -p selvedge-models $(ENGINES)
