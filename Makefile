# One word each; each sets itself up in .venv.  Another Python: make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
ONLY ?=
SECONDS ?= 600
SHARE ?= 4
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Set up again when the build changes, a compiled module does, or PYTHON is another version.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
COMPILED := $(shell grep -rlE --include='*.py' '^import cython' handshake_inspect) $(shell find handshake_inspect -name '*.pxd')
BUILD := pyproject.toml setup.py build_backend.py $(COMPILED)
READY := $(VENV)/ready-$(VERSION)

.PHONY: demo test lint bench bench-live golden samples fuzz asan clean

demo: $(READY)
	@echo '$$ handshake-inspect sample_pcaps/http_walkthrough/capture.pcap'
	@$(BIN)/handshake-inspect sample_pcaps/http_walkthrough/capture.pcap

test: lint
	@$(BIN)/python -m pytest

lint: $(READY)-test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo 'ruff format . would change these files:'; $(BIN)/ruff format --check .; }
	@$(BIN)/mypy --no-error-summary

# Of the program as a user installs it, without the compiled tree that development runs from.
bench: $(READY)
	@$(BIN)/python -m venv $(VENV)/installed
	@$(VENV)/installed/bin/pip install --quiet --quiet .
	@$(BIN)/python bench/run.py --command $(VENV)/installed/bin/handshake-inspect

# Root, Linux, two cores.
bench-live: $(READY)
	@$(BIN)/python bench/live.py

golden: $(READY)-test
	@$(BIN)/python -m pytest --golden

# Coverage-guided, with sanitizers; SECONDS=3600 for an hour.  fuzz/RESULTS.md has what it found.
fuzz: $(READY)-test
	@fuzz/campaign $(BIN)/python $(SECONDS)

# The saved inputs with AddressSanitizer and UBSan on the compiled stages.
asan: $(READY)-test
	@FUZZ_SHARE=$(SHARE) fuzz/sanitize $(BIN)/python

# Root, Linux; needs nothing but Python and ip.  ONLY="refused ipv6" records just these.
samples:
	@$(PYTHON) sample_pcaps/record.py $(ONLY)

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find handshake_inspect \( -name '*.c' -o -name '*.so' -o -name '*.pyd' \) -delete
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/python-$(VERSION):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo 'Python 3.11 or newer is needed; $(PYTHON) is $(or $(VERSION),not there).'; \
	    echo 'Name another: make demo PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(READY): $(VENV)/python-$(VERSION) $(BUILD)
	@echo 'Setting up $(VENV) (compiling takes about a minute) ...'
	@$(BIN)/pip install --quiet --quiet --editable .
	@touch $@

$(READY)-test: pyproject.toml | $(READY)
	@$(BIN)/pip install --quiet --quiet --editable '.[test,lint]'
	@touch $@
