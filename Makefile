# Needs git, Python 3.11 or 3.12, Node 20 or newer and make. Every target installs what it needs, into this folder only.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$python && break; done)
BIN := $(CURDIR)/.venv/bin
STEPS ?= 200000

export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export APE_DATA_FOLDER := $(CURDIR)/.ape
export PYTHONWARNINGS := ignore:Field
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1

SOURCES := $(shell find contracts interfaces -name '*.vy' -o -name '*.vyi')
DEPLOYABLES := $(wildcard contracts/*.vy)
# Plain pytest: the plugins of Ape and titanoboa would only slow it down
PYTEST := pytest -p no:ape_test -p no:boa_test -q
FAST := $(addprefix tests/,static unit differential economics truth stateful)

# Tests that run the contracts for their own sake, traced; what is repeated for every caller, state, token or attack adds
# time and no line, and runs untraced like the rest
TRACED := $(addprefix tests/unit/,collateral credit exchange insurance lens liquidator market oracle pool rebalancer \
	risk timelock vault)

.DEFAULT_GOAL := help
.PHONY: help setup compile test fast integration coverage lint format demo lab sensitivity calibrate bench soak economics truth clean

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

demo: compile ## walk a crash through a live protocol: PRICES=<prefix> FULL=1
	ape run demo $(if $(PRICES),--prices $(PRICES)) $(if $(FULL),--full) </dev/null

lab: compile ## does rebalancing help? every rule over generated paths, or PRICES="<prefix> <prefix>"
	ape run lab $(foreach prefix,$(PRICES),--prices $(prefix)) </dev/null

sensitivity: compile ## when does it break? delay of keepers, deviation of feeds, gas, the pool's depth … PRICES as above
	ape run sensitivity $(foreach prefix,$(PRICES),--prices $(prefix)) </dev/null

calibrate: compile ## search for default parameters over generated paths, or TRAIN="<prefix> …" VALIDATE="<prefix> …"
	ape run calibrate $(foreach prefix,$(TRAIN),--train $(prefix)) $(foreach prefix,$(VALIDATE),--validate $(prefix)) </dev/null

test: lint fast integration ## everything: style, unit, differential and stateful tests, coverage, Ape on Anvil, fork
	@echo "make test: all passed"

fast: coverage ## the in-process tests only, each once: traced, or here
	$(PYTEST) $(FAST) $(TRACED:%=--ignore %) -n 2 --dist worksteal

integration: compile ## Ape on Anvil, as users run it, and on a fork
	ape test tests/integration tests/fork --network ethereum:local:foundry -q -n 2 --dist loadfile </dev/null

coverage: compile ## lines and branches of the Vyper code that the unit tests run, and those tests
	rm -f .build/coverage/*.hits
	$(PYTEST) -p tests.coverage.plugin $(TRACED) -n 2 --dist worksteal
	python -m tests.coverage.report

lint: setup ## ruff, mypy, natrix, compiler warnings
	ruff check .
	ruff format --check --quiet .
	mypy ballast scripts
	vyper -p . -W error -f abi $(DEPLOYABLES) >/dev/null
	natrix lint $(DEPLOYABLES)

format: setup ## let ruff rewrite the Python
	ruff check --fix .
	ruff format .

bench: compile ## measure gas, sizes, the speed of model and lab, write benchmarks/*.json
	python -m benchmarks
	python -m benchmarks.vector
	python -m benchmarks.lab

economics: setup ## play the informed trader on every day there is, write docs/informed_trader.md: BALLAST_PRICES=<folder>
	python -m tests.economics

truth: compile ## replay long scenes on Anvil: contracts, integer model and the lab's arrays side by side
	python -m tests.truth

soak: compile ## the stateful suite for STEPS=200000 steps, resumable
	python -m tests.stateful.soak --steps $(STEPS)

setup: .venv/.ok ## install the pinned tools
.venv/.ok: requirements.lock requirements-uv.lock package-lock.json
	@test -n "$(PYTHON)" || { echo "Ballast needs Python 3.11 or 3.12 on the PATH (or PYTHON=/path/to/it)"; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || { echo "Ballast needs Node 20 or newer"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	npm ci --silent
	@test ! -e node_modules/.bin/anvil || ln -sf ../../node_modules/.bin/anvil .venv/bin/anvil
	@command -v anvil >/dev/null || { echo "npm has no Anvil for this machine: put an anvil 1.7 on the PATH"; exit 1; }
	@touch $@

# --force: Ape looks at each contract's own file only and would miss a changed module or interface
compile: .build/.ok ## compile the contracts
.build/.ok: .venv/.ok ape-config.yaml $(SOURCES)
	ape compile --force </dev/null
	python -m ballast.chain.slim
	@touch $@

lock: setup # write the lock files anew; the addresses of registries stay out of them
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -q --upgrade -o requirements.lock

clean: ## remove everything that is not under version control
	rm -rf .venv node_modules .build .ape build .hypothesis .pytest_cache .mypy_cache .ruff_cache
