#!/usr/bin/env bash
# Bring up a real SLURM (munged, slurmctld and two slurmd) on this one machine, without systemd and
# without containers, to test with. Nothing under /etc is touched; it may be called again.
#
#   eval "$(deploy/slurm/up.sh)"      installs Debian's packages where they are missing (root only)
#   sinfo; srun -N2 hostname
#   deploy/slurm/down.sh --purge
#
# It is no example of a cluster: jobs are neither confined nor bound, and GPUs are pretended.
# Exit code 3: the packages are missing and cannot be had.
set -euo pipefail

ROOT=${SLURM_SANDBOX:-/tmp/seisflow-slurm}     # everything lives below this folder; keep it short
NODES=${SLURM_SANDBOX_NODES:-2}
CPUS=${SLURM_SANDBOX_CPUS:-$(nproc)}          # per pretended node; it may lie (config_overrides)
MEM=${SLURM_SANDBOX_MEM:-4000}                # MiB per pretended node
GPUS=${SLURM_SANDBOX_GPUS:-0}                 # pretended GPUs per node (device files like /dev/null)
PORT=${SLURM_SANDBOX_PORT:-16817}             # slurmctld; slurmd i listens on PORT+i; slurmdbd PORT+90, mariadb PORT+91
ACCT=${SLURM_SANDBOX_ACCT:-0}                 # 1: slurmdbd with a MariaDB of its own, so that sacct works
ME=$(id -un)
HOST=$(hostname -s)
export DEBIAN_FRONTEND=noninteractive

log() { echo "slurm: $*" >&2; }
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
install() {
    log "installing $*"
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >&2; then
        log "cannot install $*: as root on Debian or Ubuntu this works, elsewhere install them first"
        exit 3
    fi
}
emit_env() { echo "export SLURM_CONF=$ROOT/slurm.conf"; echo "export SLURM_SANDBOX=$ROOT"; }

if [ "${1:-}" = --env ]; then emit_env; exit 0; fi

# 1. packages -------------------------------------------------------------------------------------
if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null || ! command -v munged >/dev/null; then
    install slurm-wlm munge
fi

if [ "$ACCT" = 1 ] && ! { command -v slurmdbd >/dev/null && command -v mariadbd >/dev/null; }; then
    install slurmdbd slurm-wlm-mysql-plugin mariadb-server
fi

# 2. layout ---------------------------------------------------------------------------------------
# munged refuses a group- or world-writable directory anywhere above its socket/key/log, sticky bit excepted
mkdir -p "$ROOT"/{munge,state,spool,log,run}
chmod 0755 "$ROOT" "$ROOT"/{state,spool,log,run,munge}
export SLURM_CONF=$ROOT/slurm.conf

# 3. munge: own key, own socket, own uid -----------------------------------------------------------
if [ ! -s "$ROOT/munge/key" ]; then
    (umask 077; head -c 1024 /dev/urandom > "$ROOT/munge/key")
fi
chmod 0600 "$ROOT/munge/key"
if ! alive "$ROOT/run/munged.pid"; then
    munged --key-file="$ROOT/munge/key" --socket="$ROOT/run/munge.sock" --pid-file="$ROOT/run/munged.pid" \
           --log-file="$ROOT/log/munged.log" --seed-file="$ROOT/munge/seed" --num-threads=4 --force
    log "munged $(cat "$ROOT/run/munged.pid")"
fi
munge -S "$ROOT/run/munge.sock" -n | unmunge -S "$ROOT/run/munge.sock" >/dev/null

# 3b. accounting database (optional) ------------------------------------------------------------------
ACCT_CONF="AccountingStorageType=accounting_storage/none"
if [ "$ACCT" = 1 ]; then
    SQL="$ROOT/run/mysql.sock"
    if [ ! -d "$ROOT/db/mysql" ]; then
        mariadb-install-db --no-defaults --user="$ME" --datadir="$ROOT/db" --auth-root-authentication-method=normal \
            --skip-test-db >"$ROOT/log/mariadb-install.log" 2>&1
    fi
    if ! alive "$ROOT/run/mysql.pid"; then
        setsid mariadbd --no-defaults --user="$ME" --datadir="$ROOT/db" --socket="$SQL" --pid-file="$ROOT/run/mysql.pid" \
            --bind-address=127.0.0.1 --port=$((PORT + 91)) --innodb-buffer-pool-size=1G --innodb-lock-wait-timeout=900 \
            --innodb-log-file-size=64M --log-error="$ROOT/log/mariadb.log" </dev/null >/dev/null 2>&1 &
        for _ in $(seq 1 200); do mariadb-admin --no-defaults -u root -S "$SQL" ping >/dev/null 2>&1 && break; sleep 0.1; done
    fi
    mariadb --no-defaults -u root -S "$SQL" -e "create database if not exists slurm_acct;
        create user if not exists slurm@'127.0.0.1' identified by 'sandbox'; create user if not exists slurm@localhost identified by 'sandbox';
        grant all on slurm_acct.* to slurm@'127.0.0.1'; grant all on slurm_acct.* to slurm@localhost"
    # AccountingStoragePass, not AuthInfo, names the munge socket used towards slurmdbd
    ACCT_CONF="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((PORT + 90))
AccountingStoragePass=$ROOT/run/munge.sock"
    (umask 077; cat > "$ROOT/slurmdbd.conf" <<CONF
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((PORT + 90))
SlurmUser=$ME
AuthType=auth/munge
AuthInfo=socket=$ROOT/run/munge.sock
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((PORT + 91))
StorageUser=slurm
StoragePass=sandbox
StorageLoc=slurm_acct
LogFile=$ROOT/log/slurmdbd.log
PidFile=$ROOT/run/slurmdbd.pid
CONF
    )
fi

GPUS_CONF=""; GRES=""
rm -f "$ROOT/gres.conf"
if [ "$GPUS" -gt 0 ]; then
    GPUS_CONF="GresTypes=gpu"; GRES=" Gres=gpu:sandbox:$GPUS"
    for g in $(seq 0 $((GPUS - 1))); do [ -c "$ROOT/run/gpu$g" ] || mknod "$ROOT/run/gpu$g" c 1 3; done   # root only; slurmd insists on a device file
    echo "NodeName=sf[1-$NODES] Name=gpu Type=sandbox File=$ROOT/run/gpu[0-$((GPUS - 1))]" > "$ROOT/gres.conf"
fi

# 4. slurm.conf -----------------------------------------------------------------------------------
{
cat <<CONF
ClusterName=seisflow
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=$ME
SlurmdUser=$ME
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$ROOT/run/munge.sock,cred_expire=10
StateSaveLocation=$ROOT/state
SlurmdSpoolDir=$ROOT/spool/%n
SlurmctldPidFile=$ROOT/run/slurmctld.pid
SlurmdPidFile=$ROOT/run/slurmd.%n.pid
SlurmctldLogFile=$ROOT/log/slurmctld.log
SlurmdLogFile=$ROOT/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
# no systemd, no cgroup delegation: follow processes through /proc, do not bind or confine
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
SwitchType=switch/none
MpiDefault=none
${GPUS_CONF:-}
LaunchParameters=use_interactive_step
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SlurmdParameters=config_overrides
ReturnToService=2
# snappy for tests
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,batch_sched_delay=0,sched_min_interval=0,sched_interval=2
KillWait=3
MinJobAge=300
InactiveLimit=0
WaitTime=0
SlurmctldTimeout=30
SlurmdTimeout=10
OverTimeLimit=0
RequeueExit=99
# a record of finished jobs without a database
$ACCT_CONF
JobCompType=jobcomp/filetxt
JobCompLoc=$ROOT/log/jobcomp.log
CONF
for i in $(seq 1 "$NODES"); do
    echo "NodeName=sf$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + i)) CPUs=$CPUS RealMemory=$MEM$GRES State=UNKNOWN"
done
echo "PartitionName=debug Nodes=sf[1-$NODES] Default=YES MaxTime=INFINITE DefaultTime=10 State=UP OverSubscribe=NO LLN=YES"
} > "$ROOT/slurm.conf.new"
mv "$ROOT/slurm.conf.new" "$ROOT/slurm.conf"

# 5. daemons --------------------------------------------------------------------------------------
if [ "$ACCT" = 1 ] && ! alive "$ROOT/run/slurmdbd.pid"; then
    slurmdbd                                      # finds slurmdbd.conf beside $SLURM_CONF
    for _ in $(seq 1 100); do sacctmgr -n show cluster >/dev/null 2>&1 && break; sleep 0.1; done
    log "slurmdbd started"
fi
if ! alive "$ROOT/run/slurmctld.pid"; then
    slurmctld -i
    log "slurmctld started"
fi
for i in $(seq 1 "$NODES"); do
    if ! alive "$ROOT/run/slurmd.sf$i.pid"; then
        mkdir -p "$ROOT/spool/sf$i"
        slurmd -N "sf$i"
        log "slurmd sf$i started"
    fi
done

# 6. wait until every node answers ----------------------------------------------------------------
for _ in $(seq 1 150); do
    n=$(sinfo -h -N -o '%T' 2>/dev/null | grep -cE '^(idle|mixed|allocated)$' || true)
    [ "$n" = "$NODES" ] && { log "up: $n nodes"; emit_env; exit 0; }
    if sinfo -h -N -o '%T' 2>/dev/null | grep -qE 'down|drain'; then
        scontrol update nodename="sf[1-$NODES]" state=resume 2>/dev/null || true
    fi
    sleep 0.2
done
log "nodes did not come up"; sinfo -N -l >&2 || true; sinfo -R >&2 || true; tail -n 20 "$ROOT"/log/*.log >&2
exit 1
