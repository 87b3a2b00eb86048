# Airhorn. `make` lists what there is.
PYTHON ?= python3
PORT ?= 5000
# whether slow tests run: always in CI
EVERY ?= $(CI)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.run: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what Airhorn needs into .venv, once. This takes a minute or two."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what building and testing needs into .venv"
	@$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@ .venv/.run

setup: .venv/.dev ## makes the environment in .venv, nothing else

run: .venv/.run ## starts Airhorn; without keys with stand-ins and a demo show (PORT=5000)
	@PORT=$(PORT) $(BIN)/python -m sandbox.demo

test: .venv/.dev ## lint, types, import contracts, the tests on SQLite and PostgreSQL but for slow ones
	@$(if $(EVERY),command -v chromium >/dev/null || echo "Browser tests are skipped: install Debian's chromium to run them.",\
	echo "Slow tests are left to CI and make test-all: real processes and their faults, long searches, the browser (it needs Debian's chromium).")
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy models services config.py extensions.py app.py commands*.py config_values.py console.py routes sandbox
	@$(BIN)/lint-imports --no-cache
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 3 --dist worksteal $(if $(EVERY),,-m "not slow")

test-all: ## the same with the slow tests, as CI does
	@$(MAKE) test EVERY=yes

format: .venv/.dev ## formats the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

pictures: .venv/.dev ## takes pictures of every page for docs/screenshots
	@$(BIN)/pytest tests/stories/pictures.py -n 0 -q

bench: .venv/.dev ## measures: prints tables, writes JSON to benchmarks/results
	@$(BIN)/python -m benchmarks

fuzz: .venv/.dev ## spoils a million inputs for everything that reads what comes from outside (INPUTS=1000000)
	@$(BIN)/python -m tests.chaos.fuzz --inputs $(or $(INPUTS),1000000)

chaos: .venv/.dev ## kills workers, races processes, plays the state machine: tables, JSON in benchmarks/results
	@$(BIN)/python -m tests.chaos.model
	@CHAOS_EXAMPLES=1000 $(BIN)/pytest tests/chaos/test_machine.py -q -n 0
	@$(BIN)/python -m tests.chaos.races --interleavings 10000
	@$(BIN)/python -m tests.chaos.kill_matrix --runs 25
	@$(BIN)/python -m tests.chaos.kill_matrix --default-times 20
	@$(BIN)/python -m tests.chaos.faults

mutants: .venv/.dev ## breaks Airhorn on purpose in seven ways: the chaos suite must notice each
	@$(BIN)/python -m tests.chaos.mutants

lock: .venv/.dev ## pins requirements*.in with hashes
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -c requirements.txt requirements-dev.in -o requirements-dev.txt

sbom: .venv/.dev ## lists what the server is made of in sbom.json (CycloneDX)
	@$(BIN)/uv tool run -q --from cyclonedx-bom==7.2.1 cyclonedx-py requirements requirements.txt --output-reproducible --of JSON -o sbom.json

audit: .venv/.dev ## asks the Python package index for known weaknesses in what is pinned
	@$(BIN)/uv tool run -q --from pip-audit==2.10.1 pip-audit -r requirements.txt --require-hashes --disable-pip

.PHONY: help setup run test test-all format pictures bench fuzz chaos mutants lock sbom audit
