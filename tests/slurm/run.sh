#!/usr/bin/env bash
# The Slurm executor against a real Slurm: two nodes on this machine, one of them killed in the middle, bytes held against a local run.
#   tests/slurm/run.sh          a toy experiment, about a minute and a half
#   tests/slurm/run.sh --full   the quickstart, some twenty minutes on two cores, and a real time limit
# LONGLAB=FILE   the binary to test (default: target/release/longlab of this checkout)
# KEEP=1         leaves the folder with the cluster's logs and the results, and says where it is
# Exit codes: 0 all is right, 1 something is not, 77 Slurm cannot be started here (said loudly).
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
. "$here/cluster.sh"

full=
case "${1:-}" in
    --full) full=1 ;;
    "") ;;
    *) printf 'usage: %s [--full]\n' "$0" >&2 && exit 2 ;;
esac
longlab="$(readlink -f "${LONGLAB:-$root/target/release/longlab}")"
folder="$(mktemp -d "${TMPDIR:-/tmp}/longlab-slurm.XXXXXX")"
begun=$SECONDS

say() { printf 'slurm: [%3d s] %s\n' "$((SECONDS - begun))" "$*"; }

loud() {
    printf '\n'
    printf '!!! %s\n' "SLURM IS NOT TESTED HERE" "$@"
    printf '\n'
    exit 77
}

fail() {
    say "FAILED: $*"
    local log
    for log in "$folder"/run-*.log "$folder"/slurm/results/*/slurm/*.out "$folder"/cluster/slurmctld.log; do
        [ -s "$log" ] && printf -- '--- %s\n' "$log" && tail -n 25 "$log"
    done
    exit 1
}

clean() {
    cluster_stop
    if [ -n "${KEEP:-}" ]; then say "kept: $folder"; else rm -rf "$folder"; fi
}
trap clean EXIT
trap 'exit 1' INT TERM

# Installs what is missing where that is possible.
packages() {
    local missing=()
    command -v munged >/dev/null || missing+=(munge)
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v sbatch >/dev/null || missing+=(slurm-wlm)
    [ "${#missing[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null || loud "the packages ${missing[*]} are missing, and there is no apt-get to install them"
    [ "$(id -u)" = 0 ] || loud "the packages ${missing[*]} are missing; install them as root: apt-get install ${missing[*]}"
    say "installs ${missing[*]}"
    local install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}") log="$folder/apt.log"
    DEBIAN_FRONTEND=noninteractive "${install[@]}" >"$log" 2>&1 && return 0
    { apt-get update && DEBIAN_FRONTEND=noninteractive "${install[@]}"; } >"$log" 2>&1 && return 0
    tail -n 5 "$log"
    loud "apt-get could not install ${missing[*]}"
}

# until_true SECONDS WORDS COMMAND...
until_true() {
    local limit=$((SECONDS + $1)) words="$2"
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$limit" ] || fail "never came: $words"
        sleep 0.3
    done
}

# The toy: a base made on the spot, two variants, two seeds; steps enough to be killed in twice, on a fast machine too.
toy() {
    mkdir -p "$1"
    cat >"$1/base.toml" <<'SPEC'
[experiment]
name = "toy_base"
kind = "base"
seeds = [0]
[[variant]]
name = "base"
"model.width" = 32
"model.layers" = 2
"model.heads" = 2
"model.kv_heads" = 1
"model.head_dim" = 16
"model.ffn" = 48
"data.min_tokens" = 64
"data.max_tokens" = 96
"warm.steps" = 3
"warm.tokens" = 800
"rollout.max_tokens" = 8
"eval.items" = 2
"eval.answers" = 1
"eval.long_items" = 0
SPEC
    cat >"$1/spec.toml" <<'SPEC'
[experiment]
name = "toy"
seeds = [0, 1]
[resources]
memory = 900
[base]
"model.base" = "base"
"data.samples" = 24
"data.min_tokens" = 64
"data.max_tokens" = 96
"rollout.max_tokens" = 16
"train.steps" = 240
"train.prompts" = 6
"train.group" = 4
"train.micro_prompts" = 2
"train.checkpoint_every" = 5
"eval.items" = 2
"eval.answers" = 2
"eval.max_response" = 12
"eval.long_items" = 0
[[variant]]
name = "GRPO"
[[variant]]
name = "AEPO"
"aepo.low" = "0.9x"
"aepo.high" = "1x"
SPEC
}

# The quickstart in a project of its own.
quickstart() {
    mkdir -p "$1"
    cp -r "$root/experiments" "$1/experiments"
    { cat "$root/experiments/quickstart.toml"; } >"$1/spec.toml"
}

project() {
    if [ -n "$full" ]; then quickstart "$1"; else
        toy "$1"
        cp -r "$folder/made" "$1/base"
    fi
}

# What is the same in two runs: everything but clocks, logs and places.
sums() {
    (cd "$1/results/jobs" && find . -type f \( -name metrics.csv -o -name outcomes.csv -o -name receipt.jsonl -o -path '*/checkpoint/*' \) \
        | sort | xargs sha256sum)
}

done_jobs() { find "$folder/slurm/results/jobs" -name done.json 2>/dev/null | wc -l; }
# Tasks of the array that run, as `1_0`; the report's job is not one, its task is N/A.
running() { squeue -h -t RUNNING -o '%F_%K' "$@" | grep -E '^[0-9]+_[0-9]+$'; }
# Some job on node n2 has a checkpoint and is not done.
midway() {
    local task dir list
    for task in $(running -w n2); do
        list="$(ls "$folder/slurm/results/$name/slurm/"*.txt | head -n 1)"
        dir="$(sed -n "$((${task#*_} + 1))p" "$list")"
        [ -s "$dir/checkpoint/state.safetensors" ] && [ ! -e "$dir/done.json" ] && victim="$dir" && return 0
    done
    return 1
}
idle() { [ -z "$(squeue -h -o '%A')" ]; }
submissions() { find "$folder/slurm/results/$name/slurm" -name '*.txt' | wc -l; }

[ -x "$longlab" ] || { say "there is no binary $longlab: ./lab --version builds it"; exit 1; }
packages
if ! cluster_start "$folder/cluster" >"$folder/start.log" 2>&1; then
    cat "$folder/start.log"
    tail -n 5 "$folder"/cluster/*.log 2>/dev/null | cat
    loud "Slurm's daemons do not come up on this machine; what they said stands above"
fi
say "a cluster of two nodes: $(sinfo --version), $(sinfo -h -N -o '%N %t' | tr '\n' ' ')"

name=toy jobs=4 every=1
if [ -n "$full" ]; then name=quickstart; else
    toy "$folder/maker"
    (cd "$folder/maker" && "$longlab" run base.toml --no-report >run.log 2>&1) || { cat "$folder/maker/run.log"; fail "the base of the toy"; }
    cp -r "$folder"/maker/results/jobs/*/checkpoint "$folder/made" && rm -f "$folder/made/state.safetensors"
fi
project "$folder/local" && project "$folder/slurm"

cd "$folder/slurm" || exit 1
run=("$longlab" run spec.toml --executor slurm --jobs 2 --every "$every" --minutes 60)
say "submits and watches"
"${run[@]}" >"$folder/run-1.log" 2>&1 &
watcher=$!
until_true 1200 "a job with a checkpoint on n2" midway
say "kills the process that submitted"
kill -KILL "$watcher"; wait "$watcher" 2>/dev/null
"$longlab" status spec.toml | tee "$folder/status.log"
grep -q running "$folder/status.log" && grep -q "Slurm" "$folder/status.log" || fail "status shows no running job of Slurm"
say "kills node n2 with its job ${victim##*/}"
node_kill n2
[ -e "$victim/done.json" ] && fail "the job was done before its node was killed: the test proves nothing"

say "the same command watches again"
"${run[@]}" >"$folder/run-2.log" 2>&1 &
watcher=$!
until_true 180 "the second watcher" grep -q "in Slurm's queue already" "$folder/run-2.log"
grep -q "^submitted" "$folder/run-2.log" && fail "jobs were submitted twice"
until_true 300 "Slurm learns that n2 is dead" sh -c 'sinfo -h -n n2 -o %t | grep -q down'
say "n2 is down; it comes back"
node_start n2
if [ -z "$full" ]; then
    # A go that brought a job no further would end it: one is told that has written a checkpoint since.
    touch "$folder/back"
    under_way() {
        local list dir
        list="$(ls "$folder/slurm/results/$name/slurm/"*.txt | head -n 1)"
        for task in $(running); do
            dir="$(sed -n "$((${task#*_} + 1))p" "$list")"
            [ "$dir/checkpoint/state.safetensors" -nt "$folder/back" ] && [ ! -e "$dir/done.json" ] && return 0
        done
        return 1
    }
    until_true 300 "a job that went on" under_way
    say "tells $task that its time ends"
    scancel --batch --signal=USR1 "$task"
fi
wait "$watcher" || fail "the second watcher ended with an error"
say "watched to the end: $(grep ' jobs\{0,1\}: ' "$folder/run-2.log")"
[ "$(done_jobs)" = "$jobs" ] || fail "$(done_jobs) of $jobs jobs are done"
[ "$(submissions)" = 1 ] || fail "there were $(submissions) submissions"
until_true 180 "an empty queue" sh -c '[ -z "$(squeue -h -t PENDING,RUNNING,COMPLETING)" ]'
[ -s "reports/$name/report.html" ] || fail "the report's job wrote no report"
grep -q "report: " results/$name/slurm/report-*.out || fail "the report's job said nothing"
grep -h " begins " results/$name/slurm/*.out | sed 's/^/slurm:     /'
grep -qh "on n1: begins" results/$name/slurm/*.out || fail "nothing ran on n1"
grep -qh "on n2: begins" results/$name/slurm/*.out || fail "nothing ran on n2"
grep -qh "begins (start [1-9]" results/$name/slurm/*.out || fail "no job was requeued"
if [ -z "$full" ]; then
    grep -qh "goes back into the queue" results/$name/slurm/*.out || fail "no job went back at the end of its time"
fi
for job in results/jobs/*; do
    "$longlab" verify "${job##*/}" --files >"$folder/run-verify.log" 2>&1 || fail "the seal of ${job##*/}"
done

say "the same experiment on this machine alone"
(cd "$folder/local" && nice -n 10 "$longlab" run spec.toml --jobs 1 >"$folder/run-local.log" 2>&1) || fail "the local run"
sums "$folder/local" >"$folder/local.sums"
sums "$folder/slurm" >"$folder/slurm.sums"
[ "$(wc -l <"$folder/local.sums")" -ge $((4 * jobs)) ] || fail "too few files to compare"
diff "$folder/local.sums" "$folder/slurm.sums" || fail "the bytes differ from those of the local run"
say "$(wc -l <"$folder/local.sums") files of $jobs jobs hold the same bytes as in the local run"

say "cancels: a job that is asked to end keeps its work"
rm -rf "$folder/slurm/results"
"${run[@]}" --detach >"$folder/run-3.log" 2>&1 || fail "the detached submission"
until_true 1200 "a job with a checkpoint on n2" midway
(cd "$folder/slurm" && "$longlab" run spec.toml --no-report) >"$folder/run-refused.log" 2>&1 && fail "a local run beside Slurm was not refused"
grep -q "Slurm works on this experiment" "$folder/run-refused.log" || fail "the refusal has no reason"
# A second process in the directory of a job that runs is refused, whoever starts it.
"$longlab" job "$victim" >"$folder/run-second.log" 2>&1 && fail "two processes ran one job"
grep -q "in use by process" "$folder/run-second.log" || fail "the second process was not told who has the lock"
"$longlab" cancel spec.toml || fail "cancel"
until_true 180 "an empty queue" sh -c '[ -z "$(squeue -h -t PENDING,RUNNING,COMPLETING)" ]'
[ -s "$victim/checkpoint/state.safetensors" ] || fail "a cancelled job kept no checkpoint"
tail -n 1 "$victim/log.txt" | grep -q "stopped as asked" || fail "a cancelled job was not asked to end: $(tail -n 1 "$victim/log.txt")"

if [ -n "$full" ]; then
    say "a real time limit: a minute for jobs that take longer"
    "$longlab" run spec.toml --executor slurm --jobs 2 --every "$every" --minutes 1 >"$folder/run-4.log" 2>&1 || fail "the run in goes of a minute"
    grep -h " begins \|goes back" results/$name/slurm/*.out | sed 's/^/slurm:     /'
    grep -qh "goes back into the queue" results/$name/slurm/*.out || fail "no job went back at the end of its time"
    sums "$folder/slurm" >"$folder/slurm.sums"
    diff "$folder/local.sums" "$folder/slurm.sums" || fail "the bytes differ after time limits"
    say "the same bytes after time limits"
fi
say "all is right"
