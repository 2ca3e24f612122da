# Each target sets up what it needs and repeats nothing that is done. `make` alone lists them.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip install --quiet -c constraints.txt
MIRROR := $(SEGKIT_MIRROR)
# for kernels in the tests: some warnings are errors, and no window is opened
STRICT := IPYTHONDIR="$(CURDIR)/build/ipython" SEGKIT_VIEWER=matplotlib
NBVAL := $(PY) -m pytest --nbval-lax --nbval-cell-timeout 120 -n 2 --dist loadfile
STARTUP := build/ipython/profile_default/startup/00-warnings.py
DESCRIBE := $(PY) -c "from segkit import data; print(data.describe(data.locate()))"
STRIP := $(BIN)/nbstripout --keep-id --extra-keys "metadata.jupytext metadata.language_info metadata.widgets"

# Without PYTHON=..., the first of these that is supported is used. For Python 3.15 there are no
# wheels of the tested versions of NumPy and others.
ifeq ($(origin PYTHON), undefined)
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
else
PYTHONS := $(PYTHON)
endif

.PHONY: help setup run lab napari site slides pictures test real-frames test-units \
  test-notebooks test-real test-napari test-cluster test-browser test-gpu test-binder coverage lint \
  measure bench bench-gpu outputs constraints sizes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

# ---- environment

$(VENV)/.ready: pyproject.toml constraints.txt
	@if ! $(PY) -c 'import pip' 2> /dev/null; then \
	  for python in $(PYTHONS); do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2> /dev/null; then \
	      echo "Setting up $(VENV) with $$python: a few minutes."; \
	      rm -rf $(VENV) && exec "$$python" -m venv $(VENV); \
	    fi; \
	  done; \
	  echo "None of [$(PYTHONS)] is Python 3.11 to 3.14: install one, or use make PYTHON=..." >&2; \
	  exit 1; \
	fi
	@$(PIP) -e ".[test]"
	@touch $@

# what some targets need beyond the course and its tests
$(VENV)/.cluster: EXTRAS := cluster,kubernetes
$(VENV)/.site: EXTRAS := cluster,docs
$(VENV)/.browser: EXTRAS := browser,cluster,docs
$(VENV)/.napari: EXTRAS := napari
$(VENV)/.lint: EXTRAS := lint
$(VENV)/.rehearsal: EXTRAS := rehearsal
$(VENV)/.cluster $(VENV)/.site $(VENV)/.browser $(VENV)/.napari $(VENV)/.lint $(VENV)/.rehearsal: $(VENV)/.ready
	@echo "Adding to $(VENV): $(EXTRAS)"
	@$(PIP) -e ".[$(EXTRAS)]"
	@touch $@

setup: $(VENV)/.ready ## create .venv, in the versions of constraints.txt

napari: $(VENV)/.napari ## add napari to .venv

# ---- the course

run: setup ## run the pipeline, and notebooks 00 to 06 as pages in build/course
	@folder=$$($(PY) -c "from segkit import data; print(data.locate())") \
	  && $(BIN)/segkit segment "$$folder" --out "build/run/$$(basename "$$folder")"
	@$(PY) tools/run_notebooks.py "notebooks/0[0-6]_*.ipynb" --into build/course

lab: setup ## open the first notebook in JupyterLab
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

site: $(VENV)/.site ## build the web site in build/site
	@PYTHONPATH=tools $(PY) site/build.py --into build/site

slides: $(VENV)/.site ## make slides in build/slides, which need no network
	@PYTHONPATH=tools $(PY) site/slides.py --into build/slides

pictures: setup ## draw the pictures of the start page and the README
	$(PY) site/make_pictures.py

# ---- tests

test: test-units test-notebooks test-real ## run every test that needs only Python

real-frames: setup
	@if [ -n "$(MIRROR)" ]; then \
	  $(BIN)/segkit fetch --mirror "$(MIRROR)" --into build/real/BBBC039; \
	fi

test-units: real-frames
	$(PY) -m pytest -n 2

$(STARTUP): tests/notebooks/00-warnings.py
	@mkdir -p $(@D) && cp $< $@

test-notebooks: setup $(STARTUP)
	@SEGKIT_DATA=build/tests $(DESCRIBE)
	SEGKIT_DATA="$(CURDIR)/build/tests" $(STRICT) $(NBVAL) notebooks

test-real: real-frames $(STARTUP)
	@data=data; \
	if [ -n "$(MIRROR)" ]; then data=build/real; fi; \
	if [ -d "$$data/BBBC039/images" ]; then \
	  SEGKIT_DATA="$(CURDIR)/$$data" $(STRICT) $(NBVAL) notebooks; \
	else \
	  echo "There are no real frames (no SEGKIT_MIRROR, no data/BBBC039):" \
	    "the notebooks were tested on simulated frames only."; \
	fi

test-napari: napari ## test a real napari window, on a virtual display
	@if why=$$(.ci/display); then \
	  $$why $(PY) -m pytest -m napari tests; \
	else \
	  echo "Skipping the tests of napari: $$why"; \
	fi

test-cluster: $(VENV)/.cluster ## test Slurm, SSH and failing hosts: nothing may be lost
	@.ci/cluster || echo "Tests whose programs are missing will be skipped."
	$(PY) -m pytest tests/notebooks/test_manifests.py
	$(PY) -m pytest -m cluster tests/cluster

test-browser: $(VENV)/.browser site slides ## test site and slides in Chromium
	$(PY) -m pytest tests/test_site.py
	@if chromium=$$(.ci/browser); then \
	  SEGKIT_CHROMIUM="$$chromium" $(PY) -m pytest -n 2 -m browser tests/browser; \
	else \
	  echo "Skipping the tests in a browser: $$chromium"; \
	fi

test-gpu: setup ## test on a GPU; skipped if there is none
	$(PY) -m pytest -m gpu tests/gpu

test-binder: $(VENV)/.rehearsal ## rehearse Binder and Colab sessions in new environments
	$(PY) -m pytest -m rehearsal -s tests/rehearsal

coverage: real-frames $(VENV)/.lint ## print how much of the package the tests run
	$(PY) -m pytest -n 2 --cov=segkit --cov-report=term:skip-covered

lint: $(VENV)/.lint ## check style and spelling, and that notebooks hold no outputs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(STRIP) --verify notebooks/*.ipynb

# ---- figures and upkeep

measure: setup ## check that every notebook takes under 60 s and 2 GB
	@$(PY) tools/run_notebooks.py notebooks --workers 1 --into build/measure \
	  --seconds 60 --megabytes 2000

bench: setup ## time the pipeline side by side with others
	$(PY) benchmarks/run.py

bench-gpu: setup ## time a GPU against the CPU of its machine
	$(PY) benchmarks/gpu.py

outputs: $(VENV)/.lint ## store the outputs of compared cells, on simulated frames
	@SEGKIT_DATA=build/tests $(DESCRIBE)
	SEGKIT_DATA="$(CURDIR)/build/tests" $(BIN)/jupyter nbconvert --to notebook --execute \
	  --inplace notebooks/*.ipynb
	$(STRIP) notebooks/*.ipynb

constraints: ## resolve the newest versions into constraints.txt
	@sh .ci/constraints

sizes: ## measure each environment, for the status page
	@sh .ci/sizes

clean: ## remove everything that was built, but not .venv and data
	rm -rf build .pytest_cache .ruff_cache .hypothesis dask-worker-space
	find src tests benchmarks snippets -name __pycache__ -prune -exec rm -rf {} +
