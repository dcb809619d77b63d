# `make chat` runs the example chat, `make test` every test, `make bench-router` the router's benchmarks.

PORT ?= 3000
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
INTEROP := tests/interop

.PHONY: chat arena lib header test tools lint unit interop calm readme embedding arena-test browser bench-router bench-storms

# The page takes the Socket.IO client from npm's directory when there is one, else from a public CDN.
chat:
	-@if command -v npm >/dev/null && ! [ -d $(INTEROP)/node_modules ] && ! [ -d examples/chat/node_modules ]; then \
		npm install --prefix examples/chat --no-save --no-package-lock --no-audit --no-fund --silent socket.io-client@4.8.4 \
			|| echo "npm could not fetch the client; the page will load it from the CDN"; fi
	cargo run --example chat -- $(PORT)

# ---- The C library: target/release/libroomcast.so and libroomcast.a, for include/roomcast.h ----
lib:
	cargo rustc --release --lib --features capi --crate-type cdylib,staticlib -- -C link-arg=-Wl,-soname,libroomcast.so.1
	ln -sf libroomcast.so $(TARGET)/release/libroomcast.so.1

test: tools lint unit interop calm readme embedding arena-test browser

# What the tests need besides Rust: Node, Python, Chromium. Installs them on Debian when run as root.
tools:
	tests/tools.sh

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# Unit tests, tests through the public face, the floors, and every Rust snippet of the README and the documentation.
unit:
	cargo test

# ---- Interoperability: stock clients and raw bytes, compared with what Node's socket.io does ----
interop: $(INTEROP)/node_modules
	cargo build --example interop_host
	node $(INTEROP)/run.mjs --quiet --host $(TARGET)/debug/examples/interop_host

# ---- Calm under overload: the drain, the admission rate and the metrics, with stock clients and Prometheus' parser ----
METRICS_VENV := $(TARGET)/metrics-venv

calm: $(INTEROP)/node_modules $(METRICS_VENV)/ready
	cargo build --example storm_host
	node tests/calm.mjs $(TARGET)/debug/examples/storm_host $(METRICS_VENV)/bin/python

$(METRICS_VENV)/ready: Makefile
	python3 -m venv $(METRICS_VENV)
	$(METRICS_VENV)/bin/pip install --quiet prometheus-client==0.26.0
	touch $@

# The README's server and the README's client, talking.
readme: $(INTEROP)/node_modules
	node tests/readme.mjs $(TARGET)

# The programs of docs/EMBEDDING.md and its nginx, with clients.
embedding: lib $(INTEROP)/node_modules
	node tests/embedding.mjs $(TARGET)

# ---- The arena: a game server in C, its page and its bots ----
CFLAGS ?= -O2 -g
STRICT := -std=c99 -Wall -Wextra -Werror -pedantic

$(TARGET)/arena/%: examples/arena/%.c include/roomcast.h lib
	mkdir -p $(@D)
	$(CC) $(STRICT) $(CFLAGS) -Iinclude $< -o $@ -L$(TARGET)/release -lroomcast -Wl,-rpath,$(TARGET)/release -lm

arena: $(TARGET)/arena/arena $(TARGET)/arena/bots
	-@[ -d $(INTEROP)/node_modules ] || ! command -v npm >/dev/null || $(MAKE) --no-print-directory $(INTEROP)/node_modules \
		|| echo "npm could not fetch the client; the page will load it from the CDN"
	$(TARGET)/arena/arena $(PORT)

arena-test: $(TARGET)/arena/arena $(TARGET)/arena/bots $(INTEROP)/node_modules
	node tests/arena.mjs $(TARGET)/arena/arena $(TARGET)/arena/bots

# Two tabs of Chromium in the example chat, over each transport.
browser: $(INTEROP)/node_modules
	cargo build --example chat
	node tests/browser.mjs $(TARGET)/debug/examples/chat

$(INTEROP)/node_modules: $(INTEROP)/package-lock.json
	cd $(INTEROP) && npm ci --no-audit --no-fund
	touch $@

bench-router:
	cargo bench --bench router

# Overload, with figures: readers that stop, everybody at once, slow clients, a drain.
bench-storms:
	cargo build --release --example storm_host
	cargo run --release --manifest-path benches/storms/Cargo.toml -- $(TARGET)/release/examples/storm_host
