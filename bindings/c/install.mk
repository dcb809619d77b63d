# `make install` and `make uninstall` of the C library, its headers, pkg-config and CMake files, and the licences of all in it. For Linux and the like, macOS and
# Windows (CARGO_BUILD_TARGET=x86_64-pc-windows-gnu: the DLL goes to BINDIR, as programs find it on their path).
# PREFIX, LIBDIR, INCLUDEDIR and DOCDIR choose the places, DESTDIR stages them for a package. What only a debugger reads is stripped;
# STRIP is the program that does it, for another machine's files that machine's, and `STRIP=:` leaves all in.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
DOCDIR ?= $(PREFIX)/share/doc/roomcast
STRIP ?= $(if $(filter Windows,$(SYSTEM)),x86_64-w64-mingw32-)strip

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The library's file has the version of the C interface, in cargo-c's installation as in this one.
SO_VERSION := $(shell sed -n '/^\[package.metadata.capi.library\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
ABI := $(shell sed -n 's/^\#define ROOMCAST_ABI_VERSION //p' include/roomcast.h)

FILLED = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	-e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(STATIC_LIBS)|'
# macOS puts a version in front of the suffix, strips by other names, and asks the system's frameworks which authorities it trusts.
ifeq ($(SYSTEM),Darwin)
STRIP_SHARED := -x
STRIP_STATIC := -S
STATIC_LIBS := -framework Security -framework CoreFoundation
INSTALLED = libroomcast$(if $(1),.$(1)).dylib
else ifeq ($(SYSTEM),Windows)
STRIP_SHARED := --strip-unneeded
STRIP_STATIC := --strip-debug
STATIC_LIBS := -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp -lcrypt32 -lsecur32 -lncrypt
else
STRIP_SHARED := --strip-unneeded
STRIP_STATIC := --strip-debug
STATIC_LIBS := -lutil -lrt -lpthread -lm -ldl
INSTALLED = libroomcast.so$(if $(1),.$(1))
endif
INTO_LIB := $(DESTDIR)$(LIBDIR)
INTO_BIN := $(DESTDIR)$(BINDIR)
INTO_INCLUDE := $(DESTDIR)$(INCLUDEDIR)
INTO_DOC := $(DESTDIR)$(DOCDIR)
# Ours, and those of the crates that are linked in; those of Rust's standard library, if this compiler brought them along.
LICENCES := LICENSE-MIT LICENSE-APACHE bindings/c/LICENSES-linked.txt
RUST_LICENCES = $(wildcard $(shell rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html)

.PHONY: install uninstall
install: lib
	install -d '$(INTO_INCLUDE)' '$(INTO_LIB)/pkgconfig' '$(INTO_LIB)/cmake/roomcast' '$(INTO_DOC)'
	install -m 644 include/roomcast.h $(wildcard bindings/cpp/roomcast.hpp) '$(INTO_INCLUDE)'
ifeq ($(SYSTEM),Windows)
	install -d '$(INTO_BIN)'
	install -m 755 $(RELEASE)/$(SHARED) '$(INTO_BIN)'
	$(STRIP) $(STRIP_SHARED) '$(INTO_BIN)/$(SHARED)'
	install -m 644 $(RELEASE)/libroomcast.dll.a '$(INTO_LIB)'
else
	install -m 755 $(RELEASE)/$(SHARED) '$(INTO_LIB)/$(call INSTALLED,$(SO_VERSION))'
	$(STRIP) $(STRIP_SHARED) '$(INTO_LIB)/$(call INSTALLED,$(SO_VERSION))'
	ln -sf $(call INSTALLED,$(SO_VERSION)) '$(INTO_LIB)/$(call INSTALLED,$(ABI))'
	ln -sf $(call INSTALLED,$(ABI)) '$(INTO_LIB)/$(SHARED)'
endif
	install -m 644 $(RELEASE)/libroomcast.a '$(INTO_LIB)'
	$(STRIP) $(STRIP_STATIC) '$(INTO_LIB)/libroomcast.a'
	$(FILLED) bindings/c/roomcast.pc.in >'$(INTO_LIB)/pkgconfig/roomcast.pc'
	install -m 644 bindings/c/cmake/*.cmake '$(INTO_LIB)/cmake/roomcast'
	install -m 644 $(LICENCES) '$(INTO_DOC)'
	$(if $(RUST_LICENCES),install -m 644 '$(RUST_LICENCES)' '$(INTO_DOC)/LICENSES-rust-library.html')

uninstall:
	rm -f '$(INTO_INCLUDE)/roomcast.h' '$(INTO_INCLUDE)/roomcast.hpp' '$(INTO_LIB)/pkgconfig/roomcast.pc'
ifeq ($(SYSTEM),Windows)
	rm -f '$(INTO_BIN)/$(SHARED)' '$(INTO_LIB)/libroomcast.dll.a'
else
	rm -f '$(INTO_LIB)/$(SHARED)' '$(INTO_LIB)/$(call INSTALLED,$(ABI))' '$(INTO_LIB)/$(call INSTALLED,$(SO_VERSION))'
endif
	rm -f '$(INTO_LIB)/libroomcast.a'
	rm -rf '$(INTO_LIB)/cmake/roomcast' '$(INTO_DOC)'
