# The front door. Meson and ninja do the work; see docs/architecture.md.
#
#   make              build build/pitwall           make check        layers, style, headers, docs
#   make run          build and serve               make test-crash   kill, cut, flip and fill, in full
#   make test         everything that must pass     make fuzz NAME=x  fuzz one target with libFuzzer
#   make deps         what the build needs          make bench        beside its peers
#   make deps-test    ... and the tests
#
# make bench QUICK=1 takes minutes; make bench NAME=tsdb_chunk_bench runs one micro-benchmark.
#
# make test SAN=address,undefined (or SAN=thread) builds and tests with sanitizers.

SAN ?= none
comma := ,
BUILD ?= $(if $(filter none,$(SAN)),build,build-$(subst $(comma),-,$(SAN)))
SUITES ?=
SECONDS ?= 60

.PHONY: all deps deps-test run test test-crash check bench fuzz clean
.DEFAULT_GOAL := all

all: deps
	@tools/configure $(BUILD) -Db_sanitize=$(SAN)
	@ninja -C $(BUILD) --quiet

deps:
	@tools/deps

deps-test:
	@tools/deps test

run: all
	@exec $(BUILD)/pitwall serve $(ARGS)

test: deps-test all
	@tools/run_tests $(BUILD) $(SUITES)

test-crash: deps-test all
	@PITWALL_CRASH_FULL=1 tools/run_tests $(BUILD) crash

check: deps-test all
	@tools/check

fuzz: deps-test
	@CC=clang CXX=clang++ tools/configure build-fuzz -Dfuzzing=true -Db_sanitize=address,undefined
	@ninja -C build-fuzz --quiet $(NAME)
	@mkdir -p build-fuzz/corpus-$(NAME)
	@build-fuzz/$(NAME) -max_total_time=$(SECONDS) build-fuzz/corpus-$(NAME) tests/corpus/$(NAME)

bench: deps-test all
	@tools/bench $(BUILD) $(if $(QUICK),--quick) $(NAME)

clean:
	rm -rf build build-*
