# The daily commands, said once. `make run` and `make test` do all set-up themselves, on a fresh Debian with Python 3.11.
.PHONY: run test check soak bench requirements clean
DIR ?= demo
SMTP_PORT ?= 2525
WEB_PORT ?= 8080
BIN := .venv/bin
# With ARGS a part may be empty (pytest then exits 5); without, both must run tests.
NONE_IS_FINE = $(if $(ARGS),|| test $$? -eq 5)

run: .venv/ready-run                ## the whole system on embedded parts, with sample requests
	$(BIN)/kirjaamo demo --dir $(DIR) --smtp-port $(SMTP_PORT) --web-port $(WEB_PORT)

test: .venv/ready-test check        ## lint, types, all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" $(ARGS) $(NONE_IS_FINE)
	$(BIN)/python -m pytest -m alone $(ARGS) $(NONE_IS_FINE)

check: .venv/ready-test             ## lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: .venv/ready-test              ## the slow crash campaigns; KILLS=2000 for a night
	$(BIN)/python -m tests.crash.campaign --kills $(or $(KILLS),200)

bench: .venv/ready-test             ## speed and memory, side by side with others, as ratios
	$(BIN)/python -m tests.bench

requirements:                       ## pin anew what pyproject.toml asks for
	$(BIN)/uv pip compile -q pyproject.toml --group dev --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-header -o requirements.txt

.venv/ready-run: requirements.txt pyproject.toml deploy/set-up
	deploy/set-up run
	touch $@

.venv/ready-test: requirements.txt pyproject.toml deploy/set-up
	deploy/set-up test
	touch $@ .venv/ready-run

clean:
	rm -rf .venv demo artefacts .mypy_cache .ruff_cache .pytest_cache .hypothesis
