# A Slurm cluster of two nodes on one machine, in a folder of its own: munged, slurmctld and two slurmd on ports of their own.
# Sourced by run.sh. cluster_start FOLDER, cluster_stop, node_start n1, node_kill n1; SLURM_CONF is exported. Nothing of the system's own
# Slurm or munge is read or changed. Settings as Debian 12's packages (Slurm 22.05) take them without systemd, cgroups or a database.

cluster_ports() {
    python3 - <<'PYTHON'
import socket
held = [socket.socket() for _ in range(3)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PYTHON
}

cluster_conf() {
    local ports host user cpus memory
    read -r -a ports <<<"$(cluster_ports)"
    host="$(hostname -s)" user="$(id -un)"
    # One job a node at a time, so that work is spread over both and a small machine is not crowded.
    cpus=1 memory=8000
    cat <<CONF
ClusterName=longlab
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CryptoType=crypto/munge
# cred_expire is also how long a requeued job waits.
AuthInfo=socket=$cluster/munge.socket,cred_expire=5
StateSaveLocation=$cluster/state
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmctldPort=${ports[0]}
SlurmdPidFile=$cluster/slurmd-%n.pid
SlurmdLogFile=$cluster/slurmd-%n.log
SlurmdSpoolDir=$cluster/spool-%n
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
# A node that does not answer for so long is down.
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=5
# Ended jobs leave the queue after this time, as on a real cluster after five minutes.
MinJobAge=20
MessageTimeout=10
TCPTimeout=5
PropagateResourceLimits=NONE
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=$cpus RealMemory=$memory State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=lab Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
}

# Starts everything in FOLDER and waits until both nodes are idle; 1 if that does not happen within half a minute.
cluster_start() {
    cluster="$1"
    mkdir -p "$cluster/state" "$cluster/spool-n1" "$cluster/spool-n2"
    chmod 755 "$cluster"
    head -c 1024 /dev/urandom >"$cluster/munge.key"
    chmod 600 "$cluster/munge.key"
    cluster_conf >"$cluster/slurm.conf"
    export SLURM_CONF="$cluster/slurm.conf"
    munged --force --socket="$cluster/munge.socket" --key-file="$cluster/munge.key" --pid-file="$cluster/munged.pid" \
        --log-file="$cluster/munged.log" --seed-file="$cluster/munged.seed" --num-threads=2 || return 1
    slurmctld -c -i || return 1
    node_start n1 && node_start n2 || return 1
    local look
    for ((look = 0; look < 60; look++)); do
        [ "$(sinfo -h -N -o '%t' 2>/dev/null | grep -c idle)" = 2 ] && return 0
        sleep 0.5
    done
    sinfo -N || true
    return 1
}

# Jobs inherit the niceness of their node.
node_start() {
    nice -n 10 slurmd -N "$1"
}

# A node that dies: its daemon, the shells of its jobs and what they run, all at once and without a word.
node_kill() {
    local daemon job
    daemon="$(cat "$cluster/slurmd-$1.pid")"
    # The list first: a job whose watcher is gone is harder to tell.
    job="$(node_processes "$1" | sort -u)"
    kill -KILL "$daemon"
    for job in $job; do
        kill -KILL "$job" 2>/dev/null || true
    done
}

# Process ids of the jobs on a node: the daemons that watch over them, their scripts, and what those run.
node_processes() {
    local each
    for each in $(pgrep -f "$cluster/spool-$1/job[0-9]*/slurm_script"); do
        ps -o ppid= -p "$each" | tr -d ' '
        printf '%s\n' "$each"
    done
    for each in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$each/environ" | grep -qx "SLURM_CONF=$SLURM_CONF" \
            && tr '\0' '\n' 2>/dev/null <"$each/environ" | grep -qx "SLURMD_NODENAME=$1"; then
            printf '%s\n' "${each#/proc/}"
        fi
    done
}

# Processes of this cluster by name, told from those of any other by its configuration.
cluster_processes() {
    local each
    for each in $(pgrep -x "$1"); do
        tr '\0' '\n' 2>/dev/null <"/proc/$each/environ" | grep -qx "SLURM_CONF=$SLURM_CONF" && printf '%s\n' "$each"
    done
    return 0
}

cluster_stop() {
    local file each look
    [ -n "${cluster:-}" ] || return 0
    scancel --user="$(id -un)" 2>/dev/null || true
    for ((look = 0; look < 40; look++)); do
        [ -n "$(squeue -h 2>/dev/null)" ] || break
        sleep 0.5
    done
    for file in "$cluster"/slurmd-n1.pid "$cluster"/slurmd-n2.pid "$cluster"/slurmctld.pid "$cluster"/munged.pid; do
        [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
    done
    # What watches over a job would wait for a controller that is gone.
    for each in $(cluster_processes slurmstepd); do
        kill -KILL "$each" 2>/dev/null || true
    done
}
