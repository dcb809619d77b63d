# `make chat` runs the example chat, `make test` every test, `make bench` the fan-out benchmark against every peer.

PORT ?= 3000
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# A compiler for another machine (CARGO_BUILD_TARGET) has a folder of its own.
RELEASE := $(TARGET)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
INTEROP := tests/interop
VENV := bindings/python/.venv

.PHONY: admin windows windows-full chat chat-c c-examples arena lib header test tools lint unit interop cluster cluster-test readme embedding arena-test browser bench-router bench bench-quick python-package fanout-test capi bench-capi cpp bench-cpp python python-versions python-examples overload bench-storms bench-cluster differential fuzz sanitize sanitize-quick cost poll-backend platforms platforms-full deploys

# The page takes the Socket.IO client from npm's directory when there is one, else from a public CDN.
chat:
	-@if command -v npm >/dev/null && ! [ -d $(INTEROP)/node_modules ] && ! [ -d examples/chat/node_modules ]; then \
		npm install --prefix examples/chat --no-save --no-package-lock --no-audit --no-fund --silent socket.io-client@4.8.4 \
			|| echo "npm could not fetch the client; the page will load it from the CDN"; fi
	cargo run --example chat -- $(PORT)

# A Redis, a node in C, one in Python and one in Node behind nginx: one chat through all of them.
cluster: $(TARGET)/c/node python-package examples/cluster/node_modules
	node examples/cluster/run.mjs $(PORT) $(TARGET)/c/node $(VENV)/bin/python

examples/cluster/node_modules: examples/cluster/package.json
	npm install --prefix examples/cluster --no-save --no-package-lock --no-audit --no-fund --silent
	touch $@

# ---- The C library: target/release/libroomcast.so (macOS: .dylib; Windows: roomcast.dll and libroomcast.dll.a to link with it) and
# libroomcast.a, for include/roomcast.h ----
SYSTEM ?= $(if $(findstring -windows-,$(CARGO_BUILD_TARGET)),Windows,$(shell uname -s))
ifeq ($(SYSTEM),Windows)
SHARED := roomcast.dll
LOADED_AS := $(SHARED)
else ifeq ($(SYSTEM),Darwin)
SHARED := libroomcast.dylib
LOADED_AS := libroomcast.1.dylib
NAMED := -Wl,-install_name,@rpath/$(LOADED_AS)
else
SHARED := libroomcast.so
LOADED_AS := libroomcast.so.1
NAMED := -Wl,-soname,$(LOADED_AS)
endif
lib:
	cargo rustc --release --lib --features capi --crate-type cdylib,staticlib -- $(addprefix -C link-arg=,$(NAMED))
	[ -e $(RELEASE)/$(LOADED_AS) ] || ln -sf $(SHARED) $(RELEASE)/$(LOADED_AS)

# What follows from the table of operations, in C, C++ and Python; then include/roomcast.h and include/roomcast.symbols, from src/ffi.
# The generator is built for this alone.
HEADER_TEST := cargo test --manifest-path tests/header/Cargo.toml --target-dir $(TARGET) --test header
header:
	ROOMCAST_WRITE_HEADER=1 $(HEADER_TEST) what_is_made

# The parts of `make test`, the long ones first. Each can run beside any other: much of them waits, or keeps one core busy, so several
# at a time (JOBS) are through sooner. What a part says is shown when it ends.
PARTS := python cluster-test unit capi sanitize-quick poll-backend interop windows platforms c-examples cost lint arena-test embedding deploys differential cpp readme \
	browser admin python-examples overload fanout-test
FIRST := lib python-package
JOBS ?= 2
# How many jobs make has is not for cargo to know: it would only say that it cannot ask make for them.
export CARGO_MAKEFLAGS :=

# What several of them need is there before: make would come back to what waits for it only behind all the others.
test: tools
	$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync=target $(FIRST)
	$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync=target $(FIRST:%=--old-file=%) $(PARTS)

# What the tests need besides Rust: Node, Python, Chromium. Installs them on Debian when run as root.
tools:
	tests/tools.sh

lint:
	cargo fmt --check
	cargo clippy --all-targets --features capi -- -D warnings
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	for crate in tests/header benches/rust; do \
		cargo fmt --check --manifest-path $$crate/Cargo.toml && \
		cargo clippy --all-targets --manifest-path $$crate/Cargo.toml --target-dir $(TARGET) -- -D warnings || exit 1; \
	done

# Unit tests, tests through the public face, the floors, and every Rust snippet of the README and the documentation.
unit:
	cargo test --features capi
	cargo test --lib redis::secured
	$(HEADER_TEST)

# The loops on poll(2), by mio's own switch: its contract in full, of which epoll forgives much, and near to what Windows asks.
# One loop accepts for all, as everywhere but on Linux.
poll-backend:
	RUSTFLAGS="--cfg mio_unsupported_force_poll_poll" ROOMCAST_TEST_ONE_ACCEPTOR=1 cargo test --target-dir $(TARGET)/poll-backend --features tls --test net --test loops --test tls

# Windows, under wine, where it and the Rust target can be had; else it says so.
windows: $(INTEROP)/node_modules
	tests/windows/run.sh quick $(TARGET)

# More C programs, the whole table of clients, and clippy with each set of features.
windows-full: $(INTEROP)/node_modules
	tests/windows/run.sh full $(TARGET)

# ---- The C interface: its programs in each dialect, under sanitizers and valgrind ----
capi: lib
	tests/c/run.sh $(RELEASE)
	tests/c/install.sh

include bindings/c/install.mk

# ---- Interoperability: stock clients and raw bytes, compared with what Node's socket.io does ----
# With the feature, as `unit` has built it already.
interop: $(INTEROP)/node_modules $(INTEROP)/.venv/installed
	cargo build --features capi --example interop_host
	node $(INTEROP)/run.mjs --quiet --host $(TARGET)/debug/examples/interop_host
	node $(INTEROP)/cluster/golden.mjs
	$(INTEROP)/.venv/bin/python $(INTEROP)/cluster/golden.py
	for loops in 2 4; do \
		node $(INTEROP)/run.mjs --quiet --only recovery --loops $$loops --host $(TARGET)/debug/examples/interop_host || exit 1; \
	done
	node $(INTEROP)/run.mjs --quiet --tls --host $(TARGET)/debug/examples/interop_host
	node $(INTEROP)/run.mjs --quiet --deflate --host $(TARGET)/debug/examples/interop_host
	node $(INTEROP)/compressed.mjs --host $(TARGET)/debug/examples/interop_host

# Clusters of roomcast's and Node's nodes, over a Redis of their own.
# The commands of Redis that Valkey has to have, too: each format, faults, a cluster of it, sentinels, TLS, its access rules, recovery.
OVER_VALKEY := ^(pubsub|sharded|streams) / (from ours to Node|between ours) / |^Redis Cluster / (sharded|streams) / from ours|sentinel|over TLS|rules of|^recovery / from ours
cluster-test: $(INTEROP)/node_modules $(INTEROP)/.venv/installed examples/cluster/node_modules $(TARGET)/c/node python-package
	cargo build --features capi --example interop_host
	node $(INTEROP)/cluster/run.mjs --quiet --host $(TARGET)/debug/examples/interop_host
	REDIS_SERVER="$$(tests/valkey.sh $(TARGET)/valkey)" && if [ "$$REDIS_SERVER" ]; then export REDIS_SERVER && \
		node $(INTEROP)/cluster/run.mjs --quiet --host $(TARGET)/debug/examples/interop_host --only "$(OVER_VALKEY)"; fi
	node tests/cluster_example.mjs $(TARGET)/c/node $(VENV)/bin/python

# Our parsers against the reference's, on generated packets, payloads and JSON: another SEED makes others.
SEED ?= 1
differential: $(INTEROP)/node_modules
	mkdir -p $(TARGET)/recorded
	node tests/recorded/wire.cjs $(INTEROP)/node_modules 30000 $(SEED) $(TARGET)/recorded
	@echo "parsers against the reference: SEED=$(SEED)"
	RECORDED_TABLES=$(TARGET)/recorded cargo test --features capi --lib wire::

# ---- Inputs that nobody chose. `unit` tries a few thousand of each target; this goes on, with a nightly compiler. ----
FUZZ_SECONDS ?= 300
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
CARGO_FUZZ := $(TARGET)/tools/bin/cargo-fuzz

$(CARGO_FUZZ):
	cargo +nightly install cargo-fuzz --version 0.13.2 --locked --root $(TARGET)/tools

# What reaches new code is kept in target/fuzz; what fails, in fuzz/artifacts.
fuzz: $(CARGO_FUZZ)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p $(TARGET)/fuzz/$$target && \
		PATH=$(dir $(CARGO_FUZZ)):$$PATH cargo +nightly fuzz run $$target $(TARGET)/fuzz/$$target fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) \
			-max_len=4096 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 || exit 1; \
	done

# ---- Rust under AddressSanitizer, ThreadSanitizer and Miri, where a nightly compiler can be had ----
# The fuzz targets with their corpus, some minutes.
sanitize-quick:
	tests/sanitize.sh quick

# The Rust tests as well, half an hour.
sanitize:
	tests/sanitize.sh full

# ---- Overload: the drain, the admission rate, the metrics and restarts, with stock clients and Prometheus' parser ----
METRICS_VENV := $(TARGET)/metrics-venv

overload: $(INTEROP)/node_modules $(METRICS_VENV)/ready
	cargo build --features capi --example storm_host
	node tests/overload.mjs $(TARGET)/debug/examples/storm_host $(METRICS_VENV)/bin/python
	node benches/storms/restart/run.mjs $(TARGET)/debug/examples/storm_host --clients 500 --only roomcast

$(METRICS_VENV)/ready: Makefile
	python3 -m venv $(METRICS_VENV)
	$(METRICS_VENV)/bin/pip install --quiet prometheus-client==0.26.0
	touch $@

# The README's server and the README's client, talking.
readme: lib python-package $(INTEROP)/node_modules
	node tests/readme.mjs $(TARGET)

# The programs of docs/EMBEDDING.md and its nginx, with clients.
embedding: lib $(INTEROP)/node_modules
	node tests/embedding.mjs $(TARGET)

# Its servers as they are deployed: behind nginx, on systemd's sockets, over restarts.
deploys: lib python-package $(INTEROP)/node_modules
	node tests/deploys.mjs $(TARGET) $(abspath $(VENV))/bin/python

# ---- Other systems: aarch64 under qemu, musl, macOS, FreeBSD (docs/PLATFORMS.md). Says what cannot be had here. ----
platforms:
	tests/platforms.sh quick

# All of it, some ten minutes.
platforms-full:
	tests/platforms.sh full

# ---- The arena: a game server in C, its page and its bots ----
CFLAGS ?= -O2 -g
STRICT := -std=c99 -Wall -Wextra -Werror -pedantic

SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
IN_C = mkdir -p $(@D) && $(CC) $(STRICT) $(1) -Iinclude $< -o $@ -L$(RELEASE) -lroomcast -Wl,-rpath,$(RELEASE) -lm

$(TARGET)/c/%: examples/c/%.c examples/c/json.h include/roomcast.h lib
	$(call IN_C,$(CFLAGS))

$(TARGET)/c/node: examples/cluster/node.c examples/c/json.h include/roomcast.h lib
	$(call IN_C,$(CFLAGS))

$(TARGET)/sanitized/c/%: examples/c/%.c examples/c/json.h include/roomcast.h lib
	$(call IN_C,$(SANITIZED))

$(TARGET)/arena/%: examples/arena/%.c include/roomcast.h lib
	$(call IN_C,$(CFLAGS))

$(TARGET)/sanitized/arena/%: examples/arena/%.c include/roomcast.h lib
	$(call IN_C,$(SANITIZED))

# The same chat in C.
chat-c: $(TARGET)/c/chat
	$(TARGET)/c/chat $(PORT)

# Programs in C, with clients: under the sanitizers, and as they are under valgrind.
VALGRIND := UNDER=tests/c/valgrind.sh

c-examples: $(foreach program,chat epoll_host,$(TARGET)/c/$(program) $(TARGET)/sanitized/c/$(program)) $(INTEROP)/node_modules
	node tests/epoll_host.mjs $(TARGET)/sanitized/c/epoll_host
	node tests/chat.mjs $(TARGET)/sanitized/c/chat
	node tests/browser.mjs $(TARGET)/sanitized/c/chat
	$(VALGRIND) node tests/epoll_host.mjs $(TARGET)/c/epoll_host
	$(VALGRIND) node tests/chat.mjs $(TARGET)/c/chat

arena: $(TARGET)/arena/arena $(TARGET)/arena/bots
	-@[ -d $(INTEROP)/node_modules ] || ! command -v npm >/dev/null || $(MAKE) --no-print-directory $(INTEROP)/node_modules \
		|| echo "npm could not fetch the client; the page will load it from the CDN"
	$(TARGET)/arena/arena $(PORT)

arena-test: $(foreach program,arena bots,$(TARGET)/arena/$(program) $(TARGET)/sanitized/arena/$(program)) $(INTEROP)/node_modules
	node tests/arena.mjs $(TARGET)/sanitized/arena/arena $(TARGET)/sanitized/arena/bots
	$(VALGRIND) node tests/arena.mjs $(TARGET)/arena/arena $(TARGET)/arena/bots

# The C++ header, in each dialect, under the sanitizers, with clients.
cpp: lib $(INTEROP)/node_modules
	node tests/cpp/run.mjs $(TARGET)

# Two tabs of Chromium in the example chat, over each transport; and pages of other origins, with check_origin.
browser: $(INTEROP)/node_modules
	cargo build --features capi --example chat --example interop_host
	node tests/browser.mjs $(TARGET)/debug/examples/chat
	node tests/origins.mjs $(TARGET)/debug/examples/interop_host

# The admin interface: what it tells beside what the reference's does, over one loop and two; and the stock page in Chromium.
admin: $(INTEROP)/node_modules
	cargo build --features capi --example interop_host
	node tests/admin.mjs $(TARGET)/debug/examples/interop_host

# ---- The Python package, installed as a user would into an environment of its own, and its tests ----
python-package: $(VENV)/installed
	$(VENV)/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps ./bindings/python

python: python-package
	$(VENV)/bin/pytest bindings/python

# The same tests on every other Python from 3.9 that is found (PYTHONS=... names others), each in an environment of its own, with
# the newest of what the tests need that there is for it.
PYTHONS ?= $(foreach minor,9 10 11 12 13 14,$(firstword $(wildcard $(HOME)/.pyenv/versions/3.$(minor).*/bin/python /usr/bin/python3.$(minor))))
python-versions: $(PYTHONS:%=%.tested)

%.tested:
	$* -m venv $(TARGET)/pythons$*
	sed 's/==[^;]*//' bindings/python/tests/requirements.txt | $(TARGET)/pythons$*/bin/pip install -q --disable-pip-version-check -r /dev/stdin
	$(TARGET)/pythons$*/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps ./bindings/python
	$(TARGET)/pythons$*/bin/pytest bindings/python --ignore bindings/python/tests/test_package.py

# The Python chat and the Python arena, by the tests of the others.
python-examples: python $(TARGET)/arena/bots $(INTEROP)/node_modules
	PATH=$(abspath $(VENV))/bin:$$PATH node tests/arena.mjs examples/arena/arena.py $(TARGET)/arena/bots
	PATH=$(abspath $(VENV))/bin:$$PATH node tests/browser.mjs examples/python/chat.py

$(VENV)/installed: bindings/python/tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

$(INTEROP)/.venv/installed: $(INTEROP)/requirements.txt
	node $(INTEROP)/lib/python.mjs
	touch $@

$(INTEROP)/node_modules: $(INTEROP)/package-lock.json
	cd $(INTEROP) && npm ci --no-audit --no-fund
	touch $@

# ---- Benchmarks ----
bench-router:
	cargo bench --manifest-path benches/rust/Cargo.toml --target-dir $(TARGET) --bench router

# The fan-out against every peer: installs them, writes benches/results. Interrupted, it goes on where it stopped.
bench:
	benches/fanout/run.py --syscalls

# The most telling cells, in a few minutes.
bench-quick:
	benches/fanout/run.py --plan quick --seconds 0.6 --repetitions 2 --budget 9 --name quick

# That the load client notices what it is said to notice.
fanout-test:
	cargo test --quiet --manifest-path benches/fanout/Cargo.toml

# What a call through the C interface costs.
bench-capi: lib
	benches/capi/run.sh $(RELEASE)

# What a byte of the worst known inputs costs, in instructions: none above its bound. Needs valgrind.
cost:
	benches/cost/run.sh

# Overload, with figures: readers that stop, everybody at once, slow clients, a drain; and stock clients that lose their connection, or their server.
bench-storms: $(INTEROP)/node_modules
	cargo build --release --example storm_host
	cargo run --release --manifest-path benches/storms/Cargo.toml -- $(RELEASE)/examples/storm_host
	node benches/storms/blips/run.mjs $(RELEASE)/examples/storm_host
	node benches/storms/restart/run.mjs $(RELEASE)/examples/storm_host

# Two nodes of a cluster, roomcast's and Node's, over a Redis of their own: in each format; then with rooms at both. Needs two processors.
bench-cluster: $(INTEROP)/node_modules
	cargo build --release --example cluster_node --example cluster_host
	node benches/cluster/run.mjs $(RELEASE)/examples/cluster_node
	taskset -c 1 node benches/cluster/rooms/run.mjs $(RELEASE)/examples/cluster_host

# What the C++ header costs over the C one, in instructions. Needs valgrind.
bench-cpp: lib
	benches/cpp/run.sh $(TARGET)
