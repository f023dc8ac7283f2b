#!/bin/sh
# Build the folder that an image runs from: a virtual environment with genrekit and what serving imports, without torch.
# The Dockerfile and the public CI call it; it needs no container engine.
#
#   deploy/build-root.sh TARGET [PYTHON]
#
# TARGET must not exist. The environment stays bound to PYTHON (default python3) and to the path of TARGET.
set -eu
if [ $# -lt 1 ] || [ -e "$1" ]; then
    echo "usage: $0 TARGET [PYTHON], where TARGET does not exist" >&2
    exit 2
fi
source=$(cd "$(dirname "$0")/.." && pwd)
target=$1
python=${2:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

"$python" -m venv "$target"
"$target/bin/python" -m pip wheel --quiet --no-deps --no-cache-dir --wheel-dir "$work" "$source"
"$target/bin/python" -m pip install --quiet --no-deps --no-compile --no-cache-dir --only-binary :all: \
    --require-hashes -r "$source/deploy/requirements-serve.txt"
"$target/bin/python" -m pip install --quiet --no-deps --no-compile --no-cache-dir "$work"/genrekit-*.whl
"$target/bin/python" -m pip uninstall --quiet --yes pip setuptools 2>/dev/null || true

# What packages ship for their own tests, for compilers, and for protocols that nothing here speaks.
packages=$("$target/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
find "$packages" -mindepth 2 -type d -name tests -prune -exec rm -rf {} +
find "$packages" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.cpp' \
    -o -name '*.h' -o -name '*.a' -o -name 'libarrow*_flight.so*' -o -name '_flight.*' \) -delete
rm -rf "$packages"/pyarrow/include "$packages"/matplotlib/mpl-data/sample_data

# The root is read-only where it runs: the byte code must be there, whatever the times of the files become.
"$target/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$packages"
du -s --block-size=1000000 "$target" | awk '{ print $1 " MB in " $2 }'
