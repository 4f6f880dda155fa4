#!/usr/bin/env bash
# Runs each fuzz target for some seconds (60 unless given), guided by coverage, on the toolchain of the workspace: the flags
# are those of cargo-fuzz without a sanitizer, which alone would need a nightly compiler. `cargo fuzz run -s none TARGET`
# does the same for one target.
#
#     rampart-core/fuzz/run.sh [SECONDS] [TARGET ...]
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(bearer jws header claims key_set token_response proof proof_claims proof_target answer logout_token revocation_entry)

host=$(rustc -vV | sed -n 's/^host: //p')
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --release --locked --target "$host" --bins

built=${CARGO_TARGET_DIR:-target}/$host/release
for target in "${targets[@]}"; do
    # What is found on the way goes to corpus/ (kept out of the repository), what fails to artifacts/.
    mkdir -p "corpus/$target" "artifacts/$target"
    printf '\n== %s, %s s\n' "$target" "$seconds"
    "$built/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
        -dict=json.dict -artifact_prefix="artifacts/$target/" "corpus/$target" "seeds/$target" 2>&1 |
        grep -E 'ERROR|panicked|assertion|SUMMARY|Test unit|DONE|stat::|BINGO|cov:.*(DONE|INITED)' || true
    [ -z "$(ls "artifacts/$target")" ] || { echo "$target failed: artifacts/$target"; exit 1; }
done
