# Everything a reader or a developer runs. Plain make: works with GNU make 3.81 (macOS) and newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HUB := deploy/jupyterhub
PROXY := $(HUB)/node_modules/.ready
JUDGE := tests/site/node_modules/.ready
LIGHTHOUSE := benchmarks/lighthouse/node_modules/.ready

.PHONY: help setup book site reproduce pdf test check lint lab bench fuzz audit clean-notebooks weights exercises
.PHONY: mutants soak drift stamp clean
.PHONY: new-chapter new-widget new-model new-exercise

help: ## say what can be made (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

book: site ## build the website and serve it on this machine
	@$(BIN)/python -m tools.serve _build/html

site: $(READY) ## build the website into _build/html
	@$(BIN)/python -m tools.book

reproduce: $(READY) ## build the website twice from nothing and name each file whose bytes differ
	@$(BIN)/python -m tools.reproduce

pdf: site ## print the website into PDF files, one a chapter and one of the whole book, in _build/html/pdf
	@chromium=$$($(BIN)/python -m tools.browser) && CNN_CHROMIUM="$$chromium" $(BIN)/python -m tools.pdf

# test workers share the cores: with a thread for each core in each of them, small matrices take many times longer
test check mutants reproduce: export OMP_NUM_THREADS = 1
test check mutants reproduce: export OPENBLAS_NUM_THREADS = 1

test: lint $(PROXY) $(JUDGE) ## run every test: code, notebooks, website, browser
	@$(BIN)/python -m tools.guard
	@chromium=$$($(BIN)/python -m tools.browser) && CNN_CHROMIUM="$$chromium" $(BIN)/python -m pytest

check: lint ## run the quick tests: no notebook is executed, no browser started, nothing graded
	@$(BIN)/python -m pytest cnnlib tests --ignore=tests/site --ignore=tests/grading --numprocesses=2 -m "not slow"

lint: $(READY) ## look for mistakes without running anything
	@$(BIN)/python -m ruff check .

lab: $(READY) ## open the notebooks in JupyterLab
	@$(BIN)/python -m jupyterlab notebooks

bench: $(LIGHTHOUSE) $(PROXY) site ## measure the speed: of the code against PyTorch, of the website on a phone
	@chromium=$$($(BIN)/python -m tools.browser) && export CNN_CHROMIUM="$$chromium" && \
	for file in benchmarks/[a-z]*.py; do \
	  $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; \
	done

fuzz: $(READY) ## call every function and loader with 100,000 inputs, good and wild (some ten minutes)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz

audit: $(READY) ## ask for known advisories against constraints.txt: SERVICE=osv asks OSV instead of PyPI
	@$(BIN)/python -m tools.audit $(SERVICE)

clean-notebooks: $(READY) ## clear from the notebooks what does not belong into them
	@$(BIN)/python -m tools.clean

weights: $(READY) ## train the two small networks of the box again (about half an hour)
	@$(BIN)/python -m tools.weights

exercises: $(READY) ## write the students' edition of the assignments into build/exercises
	@$(BIN)/python -m grading edition

mutants: $(READY) ## try small changes of cnnlib and name those that no test notices; goes on where it stopped
	@$(BIN)/python -m tools.mutants

soak: $(READY) ## run each notebook 20 times, and offline, in another place, with another home; goes on where it stopped
	@$(BIN)/python -m tools.soak

drift: ## run notebooks and quick tests with the newest versions of everything (AGE=oldest: with the oldest)
	@$(PYTHON) -m tools.drift $(or $(AGE),newest)

stamp: $(READY) ## write the setup cell into all notebooks, after a change of address or version
	@$(BIN)/python -m tools.stamp

# make hands variables of its command line to the shell; a title needs no other quotes there
new-chapter: $(READY) ## begin a chapter: NUMBER=13 NAME=video TITLE="Video"
	@$(BIN)/python -m tools.new chapter "$$NUMBER" "$$NAME" "$$TITLE"

new-widget: $(READY) ## begin a widget: NAME=StrideClock TOPIC=C02-09
	@$(BIN)/python -m tools.new widget "$$NAME" "$$TOPIC"

new-model: $(READY) ## begin a family of models: NAME=tinynet TOPIC=C10-04
	@$(BIN)/python -m tools.new model "$$NAME" "$$TOPIC"

new-exercise: $(READY) ## begin an exercise: CHAPTER=02 NAME=clip_length
	@$(BIN)/python -m tools.new exercise "$$CHAPTER" "$$NAME"

clean: ## remove what was built, but not .venv
	rm -rf _build build dist .pytest_cache .ruff_cache .hypothesis
	find cnnlib tests tools book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# the hub's proxy, which comes from npm, for the test and the figures of the hub
$(PROXY): $(HUB)/package-lock.json $(READY)
	@$(BIN)/python $(HUB)/start.py --install
	@touch $@

# what judges the pages' HTML, which comes from npm
$(JUDGE): tests/site/package-lock.json $(READY)
	@$(BIN)/python -m tools.node $(dir $<)
	@touch $@

# what judges the pages' speed, which comes from npm
$(LIGHTHOUSE): benchmarks/lighthouse/package-lock.json $(READY)
	@$(BIN)/python -m tools.node $(dir $<)
	@touch $@

setup: $(READY) ## set up .venv and nothing else

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt || { \
	  echo "pip could not install the requirements; what it said stands above" >&2; exit 1; }
	@touch $(READY)
