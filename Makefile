# Each target is one command; CONTRIBUTING.md lists them for those who have no make.
# `make PYTHON=python ...` uses the environment you are in and sets nothing up.

BASE ?= python3
VENV := .venv
ifeq ($(origin PYTHON), undefined)
PYTHON := $(VENV)/bin/python
READY := $(VENV)/ready
READY_SITE := $(VENV)/ready-site
endif

.PHONY: run-all test lab doctor bench site site-serve test-site setup clean

run-all: $(READY)  ## execute the notebooks: all, or ONLY=05, PROFILE=full, JOBS=2
	$(PYTHON) -m tools.run_all

test: $(READY)  ## test helpers and tools, and hold every notebook against its stored outputs
	$(PYTHON) -m pytest -p tests.nbval_gate --nbval --nbval-current-env -n 2 --dist loadfile

lab: $(READY)  ## open JupyterLab on a copy to work in, work/; EDITION=zh or en for one language
	$(PYTHON) -m tools.lab

doctor: $(READY)  ## say what is in place: packages, kernel, devices, data
	$(PYTHON) -m tools.doctor

bench: $(READY)  ## measure helpers against d2l
	$(PYTHON) -m tools.bench

site: $(READY_SITE)  ## build the course as a site in both languages, build/site
	$(PYTHON) -m tools.site

site-serve: $(READY_SITE)  ## build it and open it
	$(PYTHON) -m tools.site --serve

test-site: site  ## read the built site in a browser, without a network
	$(PYTHON) -m pytest tests/site_in_browser.py

setup: $(READY)  ## TORCH=cpu takes the small build of PyTorch, for Linux without a GPU

$(VENV)/ready: requirements.txt requirements-dev.txt requirements-d2l.txt pyproject.toml
	@$(BASE) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The course needs Python 3.11 or newer; name one with BASE=python3.11.")'
	@echo "Setting up .venv: some 3 GB to download with the CUDA build of PyTorch, 0.5 GB with TORCH=cpu."
	$(BASE) -m venv $(VENV)
ifeq ($(TORCH), cpu)
	$(VENV)/bin/pip install --index-url https://download.pytorch.org/whl/cpu $$(grep -E '^torch(vision)?==' requirements.txt)
endif
	$(VENV)/bin/pip install -r requirements-dev.txt
	$(VENV)/bin/pip install --no-deps -r requirements-d2l.txt
	$(VENV)/bin/pip install --no-deps -e .
	@touch $@

$(VENV)/ready-site: requirements-site.txt  # neither PyTorch nor a kernel: some 100 MB to download
	$(BASE) -m venv $(VENV)
	$(VENV)/bin/pip install -r requirements-site.txt
	@touch $@

clean:  ## remove what runs leave behind; stored notebooks, figures and .venv stay
	rm -rf .run build .pytest_cache .ruff_cache .hypothesis results/full
