#!/usr/bin/env bash
# Take down what up.sh brought up: cancel its jobs and stop its daemons by the pids they wrote; with
# --purge remove its folder too. It is quiet where nothing is up.
set -uo pipefail
ROOT=${SLURM_SANDBOX:-/tmp/seisflow-slurm}
export SLURM_CONF=$ROOT/slurm.conf
[ -f "$SLURM_CONF" ] || exit 0
if squeue -h >/dev/null 2>&1; then
    scancel --user="$(id -un)" 2>/dev/null
    for _ in $(seq 1 50); do [ -z "$(squeue -h 2>/dev/null)" ] && break; sleep 0.2; done
fi
# signal all first (each takes about 2 s to leave), then wait for each
stop() {
    local p pids=()
    for f in "$@"; do
        [ -s "$f" ] || continue
        p=$(cat "$f"); kill "$p" 2>/dev/null && pids+=("$p")
    done
    for p in ${pids[@]+"${pids[@]}"}; do
        for _ in $(seq 1 100); do
            kill -0 "$p" 2>/dev/null || break
            grep -qs '^State:.Z' "/proc/$p/status" && break      # a PID 1 that reaps late leaves a zombie
            sleep 0.1
        done
        kill -9 "$p" 2>/dev/null
    done
    rm -f "$@"
}
stop "$ROOT"/run/slurmd.*.pid "$ROOT"/run/slurmctld.pid
stop "$ROOT"/run/slurmdbd.pid "$ROOT"/run/munged.pid
stop "$ROOT"/run/mysql.pid
[ "${1:-}" = --purge ] && rm -rf "$ROOT"
exit 0
