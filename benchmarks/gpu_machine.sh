#!/usr/bin/env bash
# The tests and the benchmark of the GPU, on a machine that needs no network.
#
#     benchmarks/gpu_machine.sh LOGS [WHEELS] [suite] [benchmark] [-- BENCHMARK'S OPTIONS]
#
# LOGS is the folder where suite.log, benchmark.log, build.log and gpu.json go; WHEELS one of wheels
# that the machine's Python lacks (docs/gpu.md has the command that gathers them). Without a name
# both parts run, each for at most LIMIT seconds (540), after a build of a minute or two. Nothing of
# the machine's Python is changed: all is installed into SMARTVM_SITE, by default a new folder, and
# used from there. PYTHON names the interpreter, WORKERS how many processes the suite takes (8, or
# one without pytest-xdist).
set -uo pipefail

if [ $# -eq 0 ] || [ "$1" = "--help" ]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit 2
fi
mkdir -p "$1" && logs=$(cd "$1" && pwd) || exit
shift
wheels=""
if [ $# -gt 0 ] && [ -d "$1" ]; then
    wheels=$(cd "$1" && pwd)
    shift
fi
parts=""
while [ $# -gt 0 ] && [ "$1" != "--" ]; do
    parts="$parts $1"
    shift
done
[ "${1:-}" = "--" ] && shift
parts=${parts:-suite benchmark}

cd "$(dirname "$0")/.." || exit
python=${PYTHON:-python3} limit=${LIMIT:-540}
site=${SMARTVM_SITE:-$(mktemp -d)}
export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
install=("$python" -m pip install --quiet --no-index --no-deps --no-cache-dir --upgrade
         --target "$site")

if [ -n "$wheels" ] && ! "${install[@]}" "$wheels"/*.whl; then
    echo "the wheels of $wheels could not be installed" >&2
    exit 1
fi
# The package with its native kernels; where they cannot be built, numpy takes their place.
if ! timeout 300 "${install[@]}" --no-build-isolation . >"$logs/build.log" 2>&1; then
    echo "the package could not be built ($logs/build.log); going on with its Python files alone"
    export PYTHONPATH="$site:$PWD"
fi
"$python" -P -m smartvm info || exit

failed=""
for part in $parts; do
    case $part in
    suite)
        # All backends that can run here are tested, so the card's is; by cost, maps as small as the
        # tests' would stay on the CPU. The machine's own packages may warn of what is not ours.
        options=(--maxfail=20 -q -W default -p no:cacheprovider)
        "$python" -c "import xdist" 2>/dev/null && options+=(-n "${WORKERS:-8}")
        SMARTVM_DEVICE=gpu timeout "$limit" "$python" -P -m pytest "${options[@]}" \
            tests/dispatch tests/opcodes tests/test_fuzz.py 2>&1 | tee "$logs/suite.log"
        ;;
    benchmark)
        timeout "$limit" "$python" benchmarks/gpu.py --out "$logs/gpu.json" "$@" 2>&1 |
            tee "$logs/benchmark.log"
        ;;
    *)
        echo "there is no part '$part'; there are: suite, benchmark" >&2
        false
        ;;
    esac || failed="$failed $part"
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
