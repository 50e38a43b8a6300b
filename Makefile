# `make run` needs Python 3.11 or newer and nothing else; all it installs lies in .venv.

PYTHON ?= python3
KILLS ?= 200
# Damaged files of each format.
FUZZ_EXAMPLES ?= 3000
# More than cores: tests wait for time-outs, and for servers to start.
TEST_PROCESSES ?= $(shell expr $$(nproc) + 2)
# What tests write is in memory, if there is room for it and programs may be there: nothing waits
# for a disk.
TEST_ROOT ?= $(shell findmnt -no OPTIONS /dev/shm 2>/dev/null | grep -qv noexec && \
  test "$$(df --output=avail /dev/shm | tail -1)" -gt 4194304 && echo /dev/shm)
# A part that has a server, workers, files and SQLite, in a few minutes.
LOWEST_TESTS ?= tests/http tests/client tests/test_connections.py tests/test_uvicorn.py \
  tests/imaging/test_analyse.py tests/imaging/test_jpeg.py tests/imaging/test_regions.py \
  tests/imaging/test_encode.py tests/imaging/test_steps.py
CLUSTER_TESTS ?= tests/http
# Those of CLUSTER_TESTS that look most at originals and variants, in two minutes.
BUCKET_TESTS ?= $(addprefix tests/http/test_,images.py delivery.py mezzanines.py trash.py slow_clients.py half_closed.py early_answers.py)
PYTHON_TESTS ?= tests/auth tests/cache tests/cli tests/client tests/jobs tests/store tests/workers tests/imaging/test_resampling.py
UV := .venv/uv/bin/uv
LOWEST := .venv/lowest
OTHER := .venv/other
CLEAN := .venv/clean
# Those of the wheel are tested where they are installed: make test-dist PYTHONS="python3.11 python3.13"
PYTHONS ?= $(BIN)/python
CYCLONEDX := cyclonedx-bom==7.5.0
SIGN_KEY ?=
ROWS ?=
JSON ?=
PEERS ?=
CACHE ?=
IMGPROXY ?=
IMAGOR ?=
PICTURES ?=
# Shells set variables of these names.
HOST :=
KEY :=
USERS := 32
RUN_SECONDS := 60
SLACK := 1
BIN := .venv/bin
SOURCES := imagesvc client tests benchmarks scripts

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-cluster test-breadth test-long test-lowest test-python constraints check api-check format docs openapi postman schema env-example swagger-ui gallery-vendor icons dist test-dist bench performance load bench-peers clean
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests and benches start many processes, and an installed package is compiled once.
export PYTHONDONTWRITEBYTECODE :=
export PYTEST_DEBUG_TEMPROOT := $(TEST_ROOT)

help:
	@echo "make run        serve on http://127.0.0.1:8000, without accounts"
	@echo "make test       the tests, a representative of each kind"
	@echo "make test-cluster  what stores and the API do, on PostgreSQL, and some of it with a bucket"
	@echo "make test-breadth  all other cases of each kind, and all examples of property tests"
	@echo "make test-long  the same, and the tests that take minutes; KILLS=$(KILLS) kill -9 rounds, FUZZ_EXAMPLES=$(FUZZ_EXAMPLES)"
	@echo "make test-lowest  the tests of the API and the client, with the oldest versions that pyproject.toml allows, and libvips alone"
	@echo "make test-python PYTHON=python3.13  a part of the tests on another Python"
	@echo "make constraints  update constraints.txt to the newest versions of all dependencies"
	@echo "make check      ruff, mypy, and the import rules"
	@echo "make api-check  schemathesis, generated clients, Postman, recipes; EXAMPLES=10 of each kind; needs npm"
	@echo "make format     what ruff can mend by itself"
	@echo "make docs       docs/transforms.md and its pictures, made by the service"
	@echo "make openapi    docs/openapi.json, which a test holds the API against"
	@echo "make postman    a Postman collection of it: imagesvc.postman_collection.json"
	@echo "make gallery-vendor  the vendored libraries of the gallery again"
	@echo "make icons      the icons of the installed gallery, from its SVG"
	@echo "make schema     the newest tables as one script, from the migrations"
	@echo "make env-example  .env.example, from the settings"
	@echo "make bench      speed as ratios; ROWS='hot cold' picks some; JSON=file keeps them"
	@echo "make performance  docs/performance.md and its charts, from benchmarks/figures.json"
	@echo "make load       a load test of a minute by Locust, with a report in build/load; HOST=URL KEY=key"
	@echo "                test another server, and USERS=32 RUN_SECONDS=60 SLACK=1 are its size and patience"
	@echo "make bench-peers  beside ipx and thumbor, from their registries; CACHE=folder keeps them;"
	@echo "                  and beside IMGPROXY=program and IMAGOR=program, or their addresses"
	@echo "make dist       sdists, wheels, SBOM and checksums in dist/; SIGN_KEY=FILE signs them"
	@echo "make test-dist  install each of them, and use it; PYTHONS=\"python3.11 python3.13\""
	@echo "make clean      remove .venv and caches; data/ stays"

run: .venv/installed-run
	@echo "Without accounts, for trying it out. 'imagesvc serve' has accounts."
	$(BIN)/imagesvc serve --auth off

test: .venv/installed-test
	$(BIN)/pytest -m "not long and not breadth and not cluster" --numprocesses $(TEST_PROCESSES) \
	  --dist loadfile --no-loadscope-reorder

test-cluster: .venv/installed-test
	$(BIN)/pytest --shared-database -m "not (long or breadth or cluster or embedded)" \
	  --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(CLUSTER_TESTS)
	$(BIN)/pytest --shared-database --shared-blobs \
	  -m "not (long or breadth or cluster or embedded or files)" \
	  --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(BUCKET_TESTS)
	ALL_EXAMPLES=1 $(BIN)/pytest -m "cluster and not long" --numprocesses $(TEST_PROCESSES) \
	  --dist loadfile --no-loadscope-reorder

test-breadth: .venv/installed-test
	ALL_EXAMPLES=1 $(BIN)/pytest -m "(breadth or hypothesis) and not long and not cluster" --numprocesses $(TEST_PROCESSES) \
	  --dist loadfile --no-loadscope-reorder

test-long: test-breadth
	KILLS=$(KILLS) FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -m long --numprocesses $(TEST_PROCESSES)

# Both have environments of their own, within .venv. uv finds the oldest versions, which pip cannot.
test-lowest: $(UV)
	$(UV) venv --quiet --seed --clear --python $(BIN)/python $(LOWEST)
	$(UV) pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[test]'
	$(UV) pip uninstall --quiet --python $(LOWEST) cykooz-resizer
	ALL_EXAMPLES=1 $(LOWEST)/bin/pytest -m "not long and not cluster" --numprocesses $(TEST_PROCESSES) \
	  --dist loadfile --no-loadscope-reorder $(LOWEST_TESTS)

test-python: $(UV)
	$(UV) venv --quiet --seed --clear --no-python-downloads --python $(PYTHON) $(OTHER)
	$(OTHER)/bin/python --version
	$(UV) pip install --quiet --python $(OTHER) --constraints constraints.txt --editable '.[test]'
	ALL_EXAMPLES=1 $(OTHER)/bin/pytest -m "not long and not cluster" --numprocesses $(TEST_PROCESSES) \
	  --dist loadfile --no-loadscope-reorder $(PYTHON_TESTS)

# For every Python and machine that the service runs on, so without hashes.
constraints: $(UV)
	echo "# What CI, the Makefile and the container image install: 'make constraints' updates it." > $@.new
	$(UV) pip compile --quiet --no-config --universal --python-version 3.11 --all-extras \
	  --no-annotate --no-header pyproject.toml >> $@.new
	mv $@.new $@.txt

check: .venv/installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

api-check: .venv/installed-test
	PYTHONPATH=. $(BIN)/python scripts/check_api.py

format: .venv/installed-dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: .venv/installed-test
	$(BIN)/python scripts/make_transform_docs.py
	PYTHONPATH=. $(BIN)/python scripts/make_screenshots.py

openapi: .venv/installed-run
	$(BIN)/imagesvc openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

postman: .venv/installed-run
	PYTHONPATH=. $(BIN)/python scripts/make_postman.py imagesvc.postman_collection.json

SWAGGER_UI := 5.35.0
swagger-ui:
	folder=$$(mktemp -d) && vendor=imagesvc/web/vendor/swagger-ui && \
	npm pack --silent --pack-destination $$folder swagger-ui-dist@$(SWAGGER_UI) && \
	tar -xzf $$folder/*.tgz -C $$folder && \
	for file in swagger-ui-bundle.js swagger-ui.css; do \
	  grep -v 'sourceMappingURL=' $$folder/package/$$file | gzip -9n > $$vendor/$$file.gz; done && \
	cp $$folder/package/LICENSE $$folder/package/NOTICE $$folder/package/*bundle.js.LICENSE.txt $$vendor && \
	rm -rf $$folder

LIT_HTML := 3.3.3
PHOTOSWIPE := 5.4.4
THUMBHASH := 0.1.1
LEAN_QR := 2.7.4
AXE := 4.14.1
GALLERY_VENDOR := imagesvc/web/static/vendor
# The package of thumbhash has no file with its licence: the one here was written from its repository.
gallery-vendor:
	folder=$$(mktemp -d) && \
	for package in lit-html@$(LIT_HTML) photoswipe@$(PHOTOSWIPE) thumbhash@$(THUMBHASH) lean-qr@$(LEAN_QR) axe-core@$(AXE); do \
	  npm pack --silent --pack-destination $$folder $$package && \
	  mkdir $$folder/$${package%@*} && \
	  tar -xzf $$folder/$${package%@*}-$${package#*@}.tgz -C $$folder/$${package%@*} --strip-components 1 || exit; done && \
	for file in lit-html/lit-html.js lit-html/LICENSE photoswipe/dist/photoswipe.esm.min.js \
	  photoswipe/dist/photoswipe.css photoswipe/LICENSE thumbhash/thumbhash.js lean-qr/LICENSE; do \
	  mkdir -p $(GALLERY_VENDOR)/$${file%%/*} && \
	  grep -v 'sourceMappingURL=' $$folder/$$file > $(GALLERY_VENDOR)/$${file%%/*}/$${file##*/} || exit; done && \
	cp $$folder/lean-qr/index.mjs $(GALLERY_VENDOR)/lean-qr/lean-qr.js && \
	mkdir -p tests/browser/vendor/axe-core && \
	cp $$folder/axe-core/axe.min.js $$folder/axe-core/LICENSE $$folder/axe-core/LICENSE-3RD-PARTY.txt tests/browser/vendor/axe-core && \
	rm -rf $$folder

icons: .venv/installed-run
	$(BIN)/python scripts/make_icons.py

env-example: .venv/installed-run
	PYTHONPATH=. $(BIN)/python scripts/make_env_example.py

schema: .venv/installed-run
	PYTHONPATH=. $(BIN)/python scripts/make_schema.py

# The SBOM has what the wheel installs with the versions of constraints.txt. SIGN_KEY is the releaser's key of ssh.
dist: .venv/installed-test $(UV)
	rm -rf dist
	for project in . client; do $(BIN)/python -m build --outdir dist $$project || exit; done
	$(UV) venv --quiet --clear --python $(BIN)/python $(CLEAN)
	$(UV) pip install --quiet --python $(CLEAN) --constraints constraints.txt dist/imagesvc-[0-9]*.whl
	$(UV) tool run --quiet --from '$(CYCLONEDX)' cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	  --output-file dist/imagesvc.cdx.json $(CLEAN)/bin/python
	cd dist && sha256sum imagesvc* > SHA256SUMS
	$(if $(SIGN_KEY),ssh-keygen -q -Y sign -n file -f $(SIGN_KEY) dist/SHA256SUMS,@echo "not signed: make dist SIGN_KEY=…")

# Each distribution in an environment of its own, as new users install it.
test-dist: dist
	for python in $(PYTHONS); do for file in dist/imagesvc-[0-9]*.whl dist/imagesvc-[0-9]*.tar.gz; do \
	  $(UV) venv --quiet --clear --no-python-downloads --python $$python $(CLEAN) && \
	  $(UV) pip install --quiet --python $(CLEAN) --constraints constraints.txt $$file && \
	  (cd / && $(abspath $(CLEAN))/bin/python -I $(abspath scripts/try_distribution.py)) || exit; done; done

bench: .venv/installed-test
	$(BIN)/python -m benchmarks.run $(if $(JSON),--json $(JSON)) $(ROWS)

performance: .venv/installed-run
	PYTHONPATH=. $(BIN)/python scripts/performance_page.py

load: .venv/installed-run .venv/load/installed
	@LOAD_KEY='$(KEY)' $(BIN)/python -m benchmarks.journeys.run --users $(USERS) --seconds $(RUN_SECONDS) \
	  --slack $(SLACK) $(if $(HOST),--host $(HOST))

bench-peers: .venv/installed-run
	$(BIN)/python -m benchmarks.peers $(if $(CACHE),--cache $(CACHE)) $(if $(PICTURES),--pictures $(PICTURES)) \
	  $(if $(IMGPROXY),--imgproxy $(IMGPROXY)) $(if $(IMAGOR),--imagor $(IMAGOR)) $(PEERS)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is renewed when pyproject.toml or constraints.txt changes. Each holds what the one before
# it installed, so the order keeps `make -j` from running pip twice at once.
.venv/installed-run: pyproject.toml constraints.txt | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-test: .venv/installed-run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

.venv/installed-dev: .venv/installed-test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Locust patches the standard library, and has many dependencies.
.venv/load/installed: constraints.txt | $(UV)
	$(UV) venv --quiet --clear --no-python-downloads --python $(BIN)/python .venv/load
	$(UV) pip install --quiet --python .venv/load --constraints constraints.txt locust
	@touch $@

# Apart from the others, so that constraints.txt can be made when it contradicts pyproject.toml.
$(UV): | .venv/bin/pip
	$(BIN)/python -m venv --without-pip .venv/uv
	$(BIN)/python -m pip --python .venv/uv/bin/python install --quiet --constraint constraints.txt uv

# Debian ships venv without ensurepip unless python3-venv is there; its pip can fill the gap.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "imagesvc needs Python 3.11 or newer, and '$(PYTHON)' is missing or older." >&2; \
	  echo "Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip .venv && \
	  $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; } || { \
	  echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv" >&2; \
	  rm -rf .venv; exit 1; }
