//! The batch scripts: what a task of the array runs, and what the report's job runs.

use std::path::Path;

/// What a task of the array starts: the program and its words before the job directory.
pub struct Start<'a> {
    /// The program and its words.
    pub command: &'a [String],
    /// A file with the directory of a job a line, by task number.
    pub list: &'a Path,
    /// Threads of each job.
    pub threads: usize,
    /// Longest time of one go, minutes.
    pub minutes: u64,
    /// How often a job whose process died is started again in the same go.
    pub retries: u32,
    /// Seconds between the signal that the time ends and its end.
    pub notice: u64,
    /// Seconds to wait for the lock of a job whose earlier node died.
    pub patience: u64,
}

/// A word as the shell reads it back.
///
/// ```
/// assert_eq!(longlab::lab::slurm::script::quoted("it's"), r"'it'\''s'");
/// ```
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn words(command: &[String]) -> String {
    command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The script of an array.
///
/// USR1 comes before the time limit: the job is asked to end, writes a checkpoint, and is put back into the queue, unless this whole go
/// brought it no further. TERM is a cancellation or a preemption: the job is asked to end as well, and what follows is Slurm's affair.
pub fn array(start: &Start) -> String {
    let Start { threads, minutes, retries, patience, .. } = start;
    let (list, program) = (quoted(&start.list.to_string_lossy()), words(start.command));
    // What a job needs to end after its signal: all the notice but for the requeue itself.
    let grace = start.notice.saturating_sub(10).max(5);
    format!(
        r#"#!/bin/bash
# A task of an array that longlab submitted: runs the job whose directory stands in line SLURM_ARRAY_TASK_ID + 1 of the list.
set -u
export GOMP_SPINCOUNT=0 OMP_NUM_THREADS={threads}
me="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
say() {{ printf '%s %s on %s: %s\n' "$(date -u +%FT%TZ)" "$me" "${{SLURMD_NODENAME:-?}}" "$*"; }}
dir="$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {list})"
[ -d "$dir" ] || {{ say "there is no directory '$dir'"; exit 2; }}
# How far the job is: its checkpoint and its outcomes.
stand() {{ stat -c '%n %s %y' "$dir"/checkpoint/state.safetensors "$dir"/outcomes*.csv 2>/dev/null; }}
before="$(stand)"
job= asked= guard=
end() {{
    asked="$1"
    [ -n "$job" ] || return 0
    kill -TERM "$job" 2>/dev/null
    [ -n "$guard" ] || {{ (sleep {grace}; kill -KILL "$job") >/dev/null 2>&1 & guard=$!; }}
}}
trap 'end time' USR1
trap 'end term' TERM
try=0
while :; do
    say "begins (start ${{SLURM_RESTART_COUNT:-0}} by Slurm, try $try)"
    {program} "$dir" --wait {patience} 2>>"$dir/log.txt" &
    job=$!
    # A signal that came before there was anything to hand it on to.
    [ -z "$asked" ] || [ -n "$guard" ] || end "$asked"
    wait "$job"; code=$?
    # A signal ends the wait early: wait again for the job itself.
    [ -z "$asked" ] || {{ wait "$job"; code=$?; }}
    while kill -0 "$job" 2>/dev/null; do wait "$job"; code=$?; done
    # Its number may soon be another's.
    job=
    [ -z "$guard" ] || kill "$guard" 2>/dev/null
    say "ended with code $code"
    [ -e "$dir/done.json" ] && exit 0
    [ -z "$asked" ] || break
    # Above 128 a signal ended it, out of memory say; other codes are errors of its own, which another try would meet again.
    if [ "$code" -gt 128 ] && [ "$try" -lt {retries} ]; then
        try=$((try + 1))
        continue
    fi
    exit "$code"
done
[ "$asked" = time ] || exit "$code"
if [ "$(stand)" = "$before" ]; then
    say "a whole go of {minutes} minutes brought the job no further: allow more time (--minutes)"
    exit 124
fi
say "the time ends: goes back into the queue"
# From here on a TERM is Slurm's, which ends this script to start it anew.
trap - TERM USR1
scontrol requeue "$me" || exit 1
sleep 300 &
wait
"#
    )
}

/// The script of the report's job.
pub fn report(command: &[String]) -> String {
    format!(
        "#!/bin/bash\n# Renders the report of an experiment after its jobs have ended, well or not.\nexec {}\n",
        words(command)
    )
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
