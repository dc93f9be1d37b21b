# The course's commands. "make help" lists them.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# make notebooks ONLY=notebooks/02_lambda_functions.ipynb
ONLY ?=
# make lab PORT=9000
PORT ?=
# make test JOBS=4: processes side by side; many tests wait, so one more than the cores of a small machine
JOBS ?= 3
# make bench WITH=ministack
WITH ?=
# make lock UPGRADE=--upgrade
UPGRADE ?=
# what strict nbval runs: every cell, and every output compared with the committed one; each is short and they come last,
# so that the processes end together (--no-loadscope-reorder: otherwise the files with the fewest tests would)
NOTEBOOKS = $(wildcard notebooks/*.ipynb labs/*/solution.ipynb)
NBVAL = --nbval --nbval-current-env --nbval-cell-timeout=60 --nbval-sanitize-with tests/notebooks/sanitize.cfg

# a container's image may forbid Python to keep what it has compiled; then each kernel and function compiles everything
# again, which takes three times as long as to start from what was kept
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab test setup doctor notebooks labs lock fidelity bench localstack test-localstack clean

help:
	@echo "make lab         open JupyterLab on the first chapter (PORT=9000 chooses the port)"
	@echo "make test        run every check: code, notebooks, labs, browser"
	@echo "make doctor      say what is wrong with this machine and what to do"
	@echo "make notebooks   run the chapters and lab solutions, store their outputs (ONLY=path for one)"
	@echo "make labs        make each lab.ipynb from its solution.ipynb"
	@echo "make fidelity    ask each backend for each promise, write docs/fidelity.md"
	@echo "make bench       measure the local cloud, write docs/benchmarks.md"
	@echo "make localstack  run LocalStack without Docker, for COURSE_BACKEND=localstack (PORT=4567 for another port)"
	@echo "make test-localstack  run chapters, labs and contract tests on LocalStack, compare with docs/"
	@echo "make lock        compile requirements.txt from pyproject.toml (UPGRADE=--upgrade: newer pins)"
	@echo "make clean       remove what was made here, .venv included"

setup:
	@$(PYTHON) tools/setup.py --venv $(VENV) $(if $(PORT),--port $(PORT))

lab: setup
	@$(BIN)/python -m tools.lab $(if $(PORT),--port $(PORT))

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python -m pytest tests $(NOTEBOOKS) $(NBVAL) -n $(JOBS) --dist loadscope --no-loadscope-reorder -ra

doctor:
	@$(PYTHON) tools/doctor.py --venv $(VENV)

notebooks: setup
	$(BIN)/python -m tools.notebooks $(ONLY)

labs: setup
	$(BIN)/python -m tools.labs

fidelity: setup
	$(BIN)/python -m tools.fidelity

bench: setup
	$(BIN)/python -m tools.bench $(if $(WITH),--with $(WITH))

localstack: setup
	@$(BIN)/python -m tools.localstack $(if $(PORT),--port $(PORT))

test-localstack: setup
	$(BIN)/python -m tools.localstack.notebooks --check
	$(BIN)/python -m tools.fidelity --backends localstack --compare

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra test --no-header --no-emit-index-url \
		--annotation-style line --system-certs $(UPGRADE) pyproject.toml --output-file requirements.txt

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
