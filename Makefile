# The doors of this project; CMake (CMakePresets.json) does the work.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
.PHONY: run build test soak bench bench-full fuzz lint requirements snapshots setup asan clean
build: setup
	@scripts/build.sh release yuandian
run: build
	@$(SUDO) build/yuandian up --data var --demo
test: setup
	@DB=$(DB) scripts/test.sh
soak bench bench-full fuzz lint: build
	@scripts/$@.sh
snapshots: setup
	@scripts/build.sh release pki_profile_snapshot_test
	@YD_WRITE_SNAPSHOTS=1 build/pki_profile_snapshot_test
	@scripts/schemas.py
requirements:
	@scripts/requirements.py
setup:
	@scripts/setup.sh
clean:
	rm -rf build build-*
