# `make chat` runs the example chat, `make test` every test, `make bench` the fan-out benchmark against every peer.

PORT ?= 3000
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
INTEROP := tests/interop

.PHONY: chat arena lib header test tools lint unit interop readme embedding arena-test browser fanout-test bench bench-quick bench-router

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

test: tools lint unit interop readme embedding arena-test browser fanout-test

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

# ---- Benchmarks ----
bench-router:
	cargo bench --bench router

# The fan-out against every peer: installs them, writes benches/results. Interrupted, it goes on where it stopped.
bench:
	benches/fanout/run.py --syscalls

# The most telling cells, in a few minutes.
bench-quick:
	benches/fanout/run.py --plan quick --seconds 0.6 --repetitions 2 --budget 5 --name quick

# That the load client notices what it is said to notice.
fanout-test:
	cargo test --quiet --manifest-path benches/fanout/Cargo.toml
