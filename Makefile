# All that a machine needs is Python 3.11 or newer and make. Everything else goes into .venv.
#
#   make demo          a server in memory, the proxy in front of it, a session through it
#   make test          the tests; peers that are not installed are left out, and said so
#   make check         what CI runs: lint, formatting, types, tests
#   make differential  more seeds of the differential test: SEEDS=1-100 COMMANDS=1000
#   make chance        the property tests, with other examples each time
#   make chaos         connections break and the proxy is killed under a program: FAULTS=2000
#   make conformance-cyrus  the conformance scripts on what Dovecot does not offer, at a Cyrus (Debian)
#   make soak          real programs over a line that breaks, and the proxy's memory: MINUTES=30
#   make fuzz          inputs that nobody thought of: FUZZ_SECONDS=600, in all
#   make bench         speed and memory, compared with a direct connection and with stunnel
#   make bench-cache   what was read once, read again; and what filling the cache costs
#   make bench-growth  the same in mailboxes of 1,000, 10,000 and 100,000 messages
#   make bench-far     a server behind a line of 40 ms: the pool, compression, TLS sessions
#   make clean         remove what the others made

PYTHON ?= python3
VENV ?= .venv
SEEDS ?= 1-10
COMMANDS ?= 1000
FUZZ_SECONDS ?= 600
# Where Cyrus is unpacked to. For root that is a place where others get to: Cyrus then runs as mail.
CYRUS_ROOT ?= .cyrus
FAULTS ?= 2000
MINUTES ?= 30
# For a single test: make test ARGS="-k walkthrough"
ARGS ?=

BIN := $(VENV)/bin
SOURCES := $(shell find imapproxy fakeserver twisted -name '*.py' 2>/dev/null)

.PHONY: demo test check differential chance chaos soak fuzz bench bench-cache bench-growth bench-far clean

demo: $(VENV)/.installed
	$(BIN)/imapproxy demo

# Programs that the tests start, some two hundred, are compiled once and not each time.
unexport PYTHONDONTWRITEBYTECODE

# All in one run, so that both workers have something to do until the end.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

differential: $(VENV)/.installed-test
	$(BIN)/python -m tests.real.differential --all --seeds $(SEEDS) --commands $(COMMANDS)

chance: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m hypothesis --hypothesis-profile=chance $(ARGS)

chaos: $(VENV)/.installed-test
	$(BIN)/python -m tests.real.chaos --faults $(FAULTS) $(ARGS)

conformance-cyrus: $(VENV)/.installed-test
	tests/real/unpack-cyrus $(CYRUS_ROOT)
	CYRUS_ROOT=$(CYRUS_ROOT) $(BIN)/python -m pytest -q -rs tests/conformance/test_cyrus.py $(ARGS)

soak: $(VENV)/.installed-test
	$(BIN)/python -m tests.real.soak --minutes $(MINUTES) $(ARGS)

fuzz: $(VENV)/.installed-fuzz
	$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.workers

bench-cache: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[bench]'
	mkdir -p benchmarks/out
	$(BIN)/python -m benchmarks.cache --json benchmarks/out/cache.json $(ARGS)
	$(BIN)/python -m benchmarks.plot benchmarks/out/cache.json benchmarks/out

bench-growth: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.growth $(ARGS)

bench-far: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.far $(ARGS)
	$(BIN)/python -m benchmarks.resumption

clean:
	rm -rf $(VENV) .cyrus build dist benchmarks/out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "imapproxy needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3")'
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "$(PYTHON) has no venv module (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The demo runs what users get, the installed package; the tests run the checkout.
$(VENV)/.installed: pyproject.toml $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@

# Without atheris (no wheel for this machine or Python) the inputs are made by chance.
$(VENV)/.installed-fuzz: $(VENV)/.installed-test
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[fuzz]'
	@touch $@

$(VENV)/.installed-check: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test,check]'
	@touch $@ $(VENV)/.installed-test
