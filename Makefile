# Each target is a line or two onto cargo. `make verify` and `make test` need a Rust toolchain and no more.

CARGO ?= cargo
ENGINES := --features loom,shuttle,rc11

.PHONY: verify verify-full verify-short bugs audit native test asan lint bench

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

# As `verify`, with a few seconds for each model.
verify-short:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- verify --time-limit 3
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus

# Concurrency bugs of well-known programs, and which engine finds them.
bugs:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- bugs

# Which orderings, fences and wake-ups the models need; fails if one is neither needed nor explained. About ten
# minutes.
audit:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- audit

# What this machine's processors show of the litmus programs.
native:
	$(CARGO) run --release -q -p selvedge-models $(ENGINES) -- litmus --native

# The default build by itself, then everything natively, under each engine, and with all of them.
test:
	$(CARGO) test -q -p selvedge
	$(CARGO) test -q -p selvedge --features async
	$(CARGO) test -q -p selvedge --release --test layout
	$(CARGO) test -q -p selvedge-check --release --test history
	$(CARGO) test -q
	$(CARGO) test -q --features loom
	$(CARGO) test -q --features rc11
	$(CARGO) test -q --features shuttle
	# The models and kernels have run under each engine by now.
	$(CARGO) test -q --workspace --exclude selvedge-models --exclude selvedge-benches --all-features
	$(CARGO) test -q -p selvedge-models --all-features --lib --bins --test reports --test choices
	$(CARGO) check -q -p selvedge-benches --all-targets

# The native tests with every access to memory checked, if there is a nightly toolchain.
asan:
	@if $(CARGO) +nightly --version >/dev/null 2>&1; then \
	RUSTFLAGS=-Zsanitizer=address $(CARGO) +nightly test -q -p selvedge -p selvedge-proptests --lib --tests \
	--target $$(rustc --print host-tuple) --target-dir target/asan; \
	else echo "there is no nightly toolchain: AddressSanitizer did not run"; fi

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy -q -p selvedge --all-targets -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets --features loom -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets --features rc11 -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets --features shuttle -- -D warnings
	$(CARGO) clippy -q --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -q --workspace --no-deps --all-features
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline check licenses bans sources; \
	else echo "cargo-deny is not installed: licences, bans and sources were not checked"; fi

# What we have against its peers, the ratio to the best of them, against Go where there is Go, and the engines side by side.
bench:
	$(CARGO) bench -q -p selvedge-benches
	$(CARGO) run --release -q -p selvedge-benches --bin ratios
	$(CARGO) run --release -q -p selvedge-benches --bin against-go
	$(CARGO) bench -q -p selvedge-models $(ENGINES)
