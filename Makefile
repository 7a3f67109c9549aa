# The doors of this project; CMake (CMakePresets.json) does the work.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
.PHONY: run build test soak bench bench-full fuzz lint requirements setup asan clean
build: setup
	@scripts/build.sh release yuandian
run: build
	@$(SUDO) build/yuandian up --data var --demo
test: setup
	@scripts/test.sh
soak bench bench-full fuzz lint: build
	@scripts/$@.sh
requirements:
	@scripts/requirements.py
setup:
	@scripts/setup.sh
clean:
	rm -rf build build-*
