# Each target installs what it needs; `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# All tests of a file run in one process, which sets up the file's fixtures once. In alphabetical
# order, quick files are the last, so that no process waits long for the other.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check docs bench fuzz audit weights page-network test-lowest test-release release-check format clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.package  ## train the baseline, evaluate the saved file, write figures to demo/
	$(BIN)/mnistcnn train --data auto --seed 0 --output demo --overwrite

test: $(VENV)/.dev  ## run the fast tests with branch coverage (10 minutes)
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=term

test-all: $(VENV)/.browser test  ## run the fast tests, then all others: slow, real MNIST (MNISTCNN_DATA), photos (MNISTCNN_PICTURES), browser, Ray, several workers
	-$(BIN)/npm install --prefix tests/browser --silent --no-save --no-package-lock --no-audit --no-fund --fetch-retries 1
	$(BIN)/pytest --numprocesses 2 --dist loadgroup -m "(slow or mnist) and not browser and not ray and not workers and not release"
	$(BIN)/pytest -m "browser or ray or workers"

check: $(VENV)/.dev  ## format, lint, types and the form of the workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

docs: $(VENV)/.dev  ## build docs/_build/html with warnings as errors and run every example
	$(BIN)/sphinx-build -W --keep-going -q -n -b html docs docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b doctest docs docs/_build/doctest

bench: $(VENV)/.dev  ## measure training and inference speed (30 minutes; BENCH=--quick for 5)
	$(BIN)/python -m benchmarks.training.throughput $(BENCH)
	$(BIN)/python -m benchmarks.inference.latency $(BENCH)
	$(BIN)/python -m benchmarks.data.csv_loading

fuzz: $(VENV)/.dev  ## fuzz every file format for 10 minutes (FUZZ="--minutes 60" for longer)
	$(BIN)/python -m benchmarks.robustness.fuzz $(FUZZ)
	$(BIN)/python -m benchmarks.robustness.concurrent_download

audit: $(VENV)/.dev  ## check the installed packages against the advisory database (needs a network)
	$(PIP) install --group audit
	@.ci/audit

weights: $(VENV)/.dev  ## train and evaluate the pretrained weights; write their model card and figures
	$(BIN)/python -m tools.pretrained.train_rejector
	$(BIN)/python -m tools.pretrained.train_weights $(WEIGHTS)

page-network: $(VENV)/.dev  ## train the network that finds digits on a page; write its weights and the model card (90 minutes; needs MNIST)
	$(PIP) install --group page-network
	$(BIN)/npm install --prefix tools/page_network --silent --no-save --no-package-lock --no-audit --no-fund
	$(BIN)/python -m tools.page_network.train --output benchmarks/out/page_network --install $(PAGE_NETWORK)
	$(BIN)/python -m tools.page_network.fit_confidence --install
	$(BIN)/python -m tools.pretrained.train_weights --redraw

test-release: $(VENV)/.dev  ## run the tests of the distributions, the Dockerfile and the service's API, and the longest others (30 minutes)
	$(BIN)/pytest -m release

test-lowest:  ## run the fast tests with the lowest supported versions of the dependencies, in .venv-lowest
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip --quiet install --upgrade uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --editable . --group test
	.venv-lowest/bin/pytest $(PARALLEL) -W default  # old versions warn of themselves

release-check:  ## build both distributions into dist/ and check them in empty environments (downloads 3 GB)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --group release
	$(BIN)/python -m tools.release.check $(RELEASE)

format: $(VENV)/.dev  ## format the sources and apply automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove everything that the targets create
	rm -rf $(VENV) .venv-lowest demo dist docs/_build docs/gallery tests/browser/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/.package: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	@echo "Installing mnistcnn with Keras and TensorFlow; the first time takes minutes."
	$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.package
	$(PIP) install --group dev
	@touch $@

$(VENV)/.browser: $(VENV)/.dev
	$(PIP) install --group browser
	@touch $@
