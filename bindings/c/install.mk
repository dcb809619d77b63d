# `make install` and `make uninstall` of the C library, its headers, pkg-config and CMake files. For Linux and the like.
# PREFIX, LIBDIR and INCLUDEDIR choose the places, DESTDIR stages them for a package. What only a debugger reads is stripped;
# STRIP is the program that does it, for another machine's files that machine's, and `STRIP=:` leaves all in.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
STRIP ?= strip

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The library's file has the version of the C interface, in cargo-c's installation as in this one.
SO_VERSION := $(shell sed -n '/^\[package.metadata.capi.library\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
ABI := $(shell sed -n 's/^\#define ROOMCAST_ABI_VERSION //p' include/roomcast.h)

FILLED = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	-e 's|@INCLUDE_FROM_LIB@|$(shell realpath -m --relative-to='$(LIBDIR)' '$(INCLUDEDIR)')|' \
	-e 's|@VERSION@|$(VERSION)|' -e 's|@SO_VERSION@|$(SO_VERSION)|' -e 's|@ABI@|$(ABI)|'
INTO_LIB := $(DESTDIR)$(LIBDIR)
INTO_INCLUDE := $(DESTDIR)$(INCLUDEDIR)

.PHONY: install uninstall
install: lib
	install -d '$(INTO_INCLUDE)' '$(INTO_LIB)/pkgconfig' '$(INTO_LIB)/cmake/roomcast'
	install -m 644 include/roomcast.h $(wildcard bindings/cpp/roomcast.hpp) '$(INTO_INCLUDE)'
	install -m 755 $(RELEASE)/libroomcast.so '$(INTO_LIB)/libroomcast.so.$(SO_VERSION)'
	$(STRIP) --strip-unneeded '$(INTO_LIB)/libroomcast.so.$(SO_VERSION)'
	ln -sf libroomcast.so.$(SO_VERSION) '$(INTO_LIB)/libroomcast.so.$(ABI)'
	ln -sf libroomcast.so.$(ABI) '$(INTO_LIB)/libroomcast.so'
	install -m 644 $(RELEASE)/libroomcast.a '$(INTO_LIB)'
	$(STRIP) --strip-debug '$(INTO_LIB)/libroomcast.a'
	$(FILLED) bindings/c/roomcast.pc.in >'$(INTO_LIB)/pkgconfig/roomcast.pc'
	$(FILLED) bindings/c/roomcast-config.cmake.in >'$(INTO_LIB)/cmake/roomcast/roomcast-config.cmake'
	$(FILLED) bindings/c/roomcast-config-version.cmake.in >'$(INTO_LIB)/cmake/roomcast/roomcast-config-version.cmake'

uninstall:
	rm -f '$(INTO_INCLUDE)/roomcast.h' '$(INTO_INCLUDE)/roomcast.hpp' '$(INTO_LIB)/pkgconfig/roomcast.pc'
	rm -f '$(INTO_LIB)/libroomcast.so' '$(INTO_LIB)/libroomcast.so.$(ABI)' '$(INTO_LIB)/libroomcast.so.$(SO_VERSION)'
	rm -f '$(INTO_LIB)/libroomcast.a'
	rm -rf '$(INTO_LIB)/cmake/roomcast'
