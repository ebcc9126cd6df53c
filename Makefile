# Each target makes what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser test-ray test-workers check docs bench fuzz audit weights format clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.package  ## train the documented network, evaluate it, leave pictures in demo/
	$(BIN)/mnistcnn train --data auto --seed 0 --output demo

test: $(VENV)/.dev  ## run the tests with branch coverage; the slow tier with MNISTCNN_DATA set
	$(BIN)/pytest --cov --cov-report=term

test-browser: $(VENV)/.browser  ## open the page for drawing in a browser, and check its scripts' types
	-$(BIN)/npm install --prefix tests/browser --silent --no-save --no-package-lock --no-audit --no-fund --fetch-retries 1
	$(BIN)/pytest -m browser tests/browser

test-ray: $(VENV)/.dev  ## read 100,000 images and train on a Ray cluster of this machine
	$(BIN)/pytest -m ray tests/test_ray.py

test-workers: $(VENV)/.dev  ## train on two and three workers, kill one of them, and go on
	$(BIN)/pytest -m workers tests/test_workers.py

check: $(VENV)/.dev  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.dev  ## build docs/_build/html, warnings as errors, and run every example
	$(BIN)/sphinx-build -W --keep-going -q -n -b html docs docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b doctest docs docs/_build/doctest

bench: $(VENV)/.dev  ## measure the speed of training and of reading; BENCH=--quick for 5 minutes in place of 30
	$(BIN)/python -m benchmarks.training.throughput $(BENCH)
	$(BIN)/python -m benchmarks.inference.latency $(BENCH)

fuzz: $(VENV)/.dev  ## read damaged files for 10 minutes; FUZZ="--minutes 60" for longer
	$(BIN)/python -m benchmarks.robustness.fuzz $(FUZZ)
	$(BIN)/python -m benchmarks.robustness.concurrent_download

audit: $(VENV)/.dev  ## look every installed package up in the advisory database; takes a network
	$(PIP) install --group audit
	@.ci/audit

weights: $(VENV)/.dev  ## train, measure and write the shipped weights, their card and its pictures
	$(BIN)/python -m tools.pretrained.train_rejector
	$(BIN)/python -m tools.pretrained.train_weights $(WEIGHTS)

format: $(VENV)/.dev  ## put the sources into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the targets made
	rm -rf $(VENV) demo docs/_build docs/gallery tests/browser/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

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
