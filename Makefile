# PORT and DATA_DIR override where the site listens and where it keeps everything.
PYTHON ?= python3

.PHONY: help run test test-fast coverage mutate check format lock simulate-gate loop backup restore \
	rehearse-restore drill sbom fuzz-api fuzz-decoders bench
help:
	@echo "make run        set up and serve on http://127.0.0.1:8000/ (PORT=, DATA_DIR=)"
	@echo "make test       set up and run every test, the browser's too (PYTEST_ARGS=)"
	@echo "make test-fast  test pure code: no Redis, Django, Chromium or Keras (PYTEST_ARGS=)"
	@echo "make coverage   run every test, measure branch coverage and compare it with its floors"
	@echo "make mutate     mutation testing of audits and gate (MUTANTS=, CHILDREN=)"
	@echo "make check      lint, types, import and house rules, templates, links, deployment"
	@echo "make format     format Python, scripts and styles"
	@echo "make lock       lock the Python dependencies again (UPGRADE= keeps locked versions)"
	@echo "make sbom       what the site is made of, as CycloneDX, in var/"
	@echo "make backup FILE=  everything in one file, while the site runs (DATA_DIR=)"
	@echo "make restore FILE= put it into an empty DATA_DIR="
	@echo "make rehearse-restore  back up, restore elsewhere, compare (DATA_DIR=)"
	@echo "make drill      kill every part of a site, again and again (KILLS=, SEED=)"
	@echo "make fuzz-api   send the API what its schema allows and what not (CASES=, SEED=)"
	@echo "make fuzz-decoders  damaged images through server and browser (MUTANTS=, SECONDS=, SEED=)"
	@echo "make bench      every measurement with a goal, beside other programs, in 25 minutes (BENCH=)"
	@echo "make loop       the whole loop against a running site, by API"
	@echo "make simulate-gate  how often the gate is right, where the truth is known (RUNS=)"

run:
	@$(PYTHON) setup/install.py run
	@exec .venv/bin/python setup/run.py

# In the order of tests/conftest.py: the longest files first.
PARALLEL = --numprocesses auto --dist loadfile --no-loadscope-reorder

# Tests start many processes. One that must compile Django or Keras again takes seconds longer.
test test-fast coverage: export PYTHONDONTWRITEBYTECODE =
# There is a worker for each core. A second thread for its matrices would burn the time of another.
test test-fast coverage: export OPENBLAS_NUM_THREADS = 1

test:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/python setup/browser.py
	@exec .venv/bin/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

# The tests of network and training import Keras, which is slow.
FAST = tests/modeltrain tests/nsfwsite/static tests/setup tests/docs \
	tests/test_architecture.py tests/test_mirror.py \
	--ignore tests/modeltrain/network --ignore tests/modeltrain/training \
	--ignore tests/setup/test_supervision.py --ignore tests/setup/test_watchdog.py

test-fast:
	@$(PYTHON) setup/install.py dev
	@exec .venv/bin/python -m pytest --override-ini addopts= -p no:django -p no:schemathesis -p tests.fast \
		$(PARALLEL) $(FAST) $(PYTEST_ARGS)

coverage:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/python setup/browser.py
	@.venv/bin/python -m pytest $(PARALLEL) --cov --cov-report= --cov-fail-under=0 $(PYTEST_ARGS)
	@.venv/bin/coverage report
	@.venv/bin/python setup/branch_coverage.py

# MUTANTS='modeltrain.gate.*' tests some of them; docs/mutation.md lists those that survive.
CHILDREN ?= 1

mutate:
	@$(PYTHON) setup/install.py dev
	@OMP_NUM_THREADS=1 .venv/bin/mutmut run --max-children $(CHILDREN) $(MUTANTS)
	@.venv/bin/mutmut results

check:
	@$(PYTHON) setup/install.py dev
	@exec .venv/bin/python setup/check.py

format:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/ruff check --quiet --select I --fix .
	@.venv/bin/ruff format .
	@node_modules/.bin/biome check --write

loop:
	@exec .venv/bin/python bench/loop.py

backup:
	@$(PYTHON) setup/install.py run
	@exec .venv/bin/python manage.py backup $(FILE)

# An empty DATA_DIR has no key yet; the backup brings the one that signs its sessions and hashes.
restore:
	@$(PYTHON) setup/install.py run
	@SECRET_KEY=$${SECRET_KEY:-only-until-it-is-restored} exec .venv/bin/python manage.py restore $(FILE)

rehearse-restore:
	@$(PYTHON) setup/install.py run
	@exec .venv/bin/python setup/rehearse_restore.py

sbom:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/cyclonedx-py requirements requirements/run.txt --output-file var/sbom-python.json
	@npm sbom --omit dev --package-lock-only --sbom-format cyclonedx > var/sbom-npm.json
	@echo "var/sbom-python.json and var/sbom-npm.json"

# 20 KILLS of each part take about half an hour.
KILLS ?= 20
SEED ?= 1

drill:
	@$(PYTHON) setup/install.py dev
	@PYTHONPATH=. .venv/bin/python bench/drill.py --kills $(KILLS) --seed $(SEED)

CASES ?= 10000

fuzz-api:
	@$(PYTHON) setup/install.py dev
	@PYTHONPATH=. .venv/bin/python bench/fuzz_api.py --cases $(CASES) --seed $(SEED)

# 5,000 MUTANTS take about three minutes. A SEED repeats a run.
MUTANTS_OF_IMAGES = $(or $(MUTANTS),5000)
SECONDS ?= 1800

fuzz-decoders:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/python setup/browser.py
	@PYTHONPATH=. .venv/bin/python bench/fuzz_decoders.py --mutants $(MUTANTS_OF_IMAGES) \
		--seconds $(SECONDS) $(if $(filter command line environment,$(origin SEED)),--seed $(SEED))

# BENCH="--only import hashes --runs 3"; docs/bench.md explains each.
bench:
	@$(PYTHON) setup/install.py dev
	@.venv/bin/python setup/browser.py
	@PYTHONPATH=. .venv/bin/python bench/everything.py $(BENCH)

# RUNS=400 of each world take about 40 minutes of two cores.
RUNS ?= 400

simulate-gate:
	@$(PYTHON) setup/install.py dev
	@PYTHONPATH=. .venv/bin/python bench/gate_simulation.py --runs $(RUNS)

# UPGRADE= keeps every version that is locked and locks only what is new in pyproject.toml.
UPGRADE ?= --upgrade
LOCK = .venv/bin/uv pip compile --quiet $(UPGRADE) --generate-hashes --no-header --python-version 3.11

lock:
	@$(PYTHON) setup/install.py dev
	@$(LOCK) --group bootstrap -o requirements/uv.txt
	@$(LOCK) pyproject.toml -o requirements/run.txt
	@$(LOCK) pyproject.toml --group dev -o requirements/dev.txt
