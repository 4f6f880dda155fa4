#!/usr/bin/env bash
# Builds the fuzz targets without instrumentation and gives each of them its seeds once: they still build, and what was found
# once stays mended. run.sh looks for more.
set -euo pipefail
cd "$(dirname "$0")"

cargo build --locked --bins
for seeds in seeds/*; do
    target=${seeds#seeds/}
    artifacts=$(mktemp -d)
    "${CARGO_TARGET_DIR:-target}/debug/$target" -runs=0 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$artifacts/" "$seeds" 2>&1 |
        grep -E 'Done|panicked|ERROR' | sed "s/^/$target: /"
done
