"""A throwaway one-node SLURM from Debian's packages, for tests: own ports, own key, own folder, nothing left behind.

By hand: `python tests/slurm/cluster.py` starts one, prints the line that a shell needs to use it, and waits for Ctrl-C.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from dotbench.processes import descendants

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
PREFIX = "dotbench-slurm-"
# /usr/sbin holds the daemons and is not on every user's PATH.
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

CONFIG = """\
ClusterName=dotbench
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
PlugStackConfig={folder}/plugstack.conf
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
# Test runs are impatient: schedule at once, notice a dead node soon, give killed jobs a few seconds.
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SlurmdTimeout=10
KillWait=5
MinJobAge=3600
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class CannotInstall(Exception):
    """SLURM is not on this machine and cannot be put there; the message says why, in words for a skipped test."""


@dataclass
class Cluster:
    """A running one-node SLURM; `environment` is what a command needs to talk to it."""

    folder: Path
    cpus: int = 2
    gpus: int = 1
    memory_mb: int = 4000
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    @classmethod
    def start(cls, **size: int) -> Cluster:
        install()
        remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        folder.chmod(0o755)
        (folder / "owner").write_text(f"{os.getpid()}\n")
        cluster = cls(folder, **size)
        try:
            cluster._write_config()
            cluster._start_munge()
            cluster._start_daemon("slurmctld")
            cluster._start_daemon("slurmd")
            cluster._wait_until_idle()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def environment(self) -> dict[str, str]:
        # Only what differs: SLURM variables of an outer job would confuse commands of this cluster.
        outer = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_"))}
        return {**outer, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{self.folder}/bin:{SEARCH}"}

    def run(self, *command: str, check: bool = True, timeout: float = 20) -> str:
        self._revive_controller()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that the controller remembers, as scontrol's fields (JobState, TresPerJob, Comment, ...)."""
        lines = self.run("scontrol", "--oneliner", "show", "jobs").splitlines()
        return [_fields(line) for line in lines if line.startswith("JobId=")]

    def kill_node(self) -> None:
        """The node dies: its daemon and every process of its jobs, without a word to anybody."""
        for pid in (self.processes["slurmd"].pid, *_step_daemons(self.folder)):
            for victim in (pid, *descendants(pid)):
                _kill(victim, signal.SIGKILL)
        self.processes["slurmd"].wait()
        # A node that comes back before the controller has missed it may leave its jobs "running" until their time is up.
        self._wait(lambda: "down" in self._node_state(), 60)

    def start_node(self) -> None:
        self._start_daemon("slurmd")
        self._wait_until_idle()

    def release(self) -> None:
        """Starts jobs of a dead node, which SLURM holds for two minutes; a test does not wait that long."""
        for job in self.jobs():
            if (job["JobState"], job["Reason"]) == ("PENDING", "BeginTime"):
                self.run("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now", check=False)

    def stop(self) -> None:
        if self.processes.get("slurmctld") and self.processes["slurmctld"].poll() is None:
            subprocess.run(
                ["scancel", "--signal=KILL", "--full", "--state=RUNNING"],
                env=self.environment,
                capture_output=True,
                timeout=20,
            )
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _remove(self.folder)

    def _write_config(self) -> None:
        controller_port, node_port = _free_ports(2)
        config = CONFIG.format(
            host=socket.gethostname().split(".")[0],
            user=pwd.getpwuid(os.getuid()).pw_name,
            folder=self.folder,
            controller_port=controller_port,
            node_port=node_port,
            cpus=self.cpus,
            gpus=self.gpus,
            memory_mb=self.memory_mb,
        )
        (self.folder / "slurm.conf").write_text(config)
        # Stand for cards: SLURM only needs device files that exist, one for each.
        devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random"][: self.gpus]
        (self.folder / "gres.conf").write_text("".join(f"Name=gpu File={device}\n" for device in devices))
        (self.folder / "plugstack.conf").write_text("")
        for name in ("state", "spool", "munge", "bin"):
            (self.folder / name).mkdir()
        # Snakemake's job step drops SLURM_CONF from the environment of its srun.
        srun = self.folder / "bin" / "srun"
        program = shutil.which("srun", path=SEARCH)
        srun.write_text(f'#!/bin/sh\nSLURM_CONF="{self.folder}/slurm.conf" exec {program} "$@"\n')
        srun.chmod(0o755)

    def _start_munge(self) -> None:
        home = self.folder / "munge"
        key = home / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        home.chmod(0o755)
        options: dict[str, str] = {}
        if os.getuid() == 0:
            # munged refuses files of another owner than itself, and to be root.
            options = {"user": "munge", "group": "munge"}
            shutil.chown(key, "munge", "munge")
            shutil.chown(home, "munge", "munge")
        command = ["munged", "--foreground", f"--key-file={key}", f"--socket={home}/socket"]
        command += [f"--{name}-file={home}/{name}" for name in ("pid", "log", "seed")]
        self._spawn("munged", command, **options)
        self._wait(lambda: (home / "socket").exists(), 5, "munged")

    def _revive_controller(self) -> None:
        """As a site's service manager would: slurmctld itself crashes now and then (seen: a segmentation fault in its agent
        after a node had died), and goes on from what it has saved."""
        if self.processes["slurmctld"].poll() is None:
            return
        self._start_daemon("slurmctld")
        ping = ["scontrol", "ping"]
        self._wait(
            lambda: subprocess.run(ping, env=self.environment, capture_output=True).returncode == 0,
            20,
            "slurmctld",
        )

    def _start_daemon(self, name: str) -> None:
        self._spawn(name, [name, "-D", "-f", str(self.folder / "slurm.conf")])

    def _spawn(self, name: str, command: list[str], **options: str) -> None:
        program = shutil.which(command[0], path=SEARCH)
        with (self.folder / f"{name}.out").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                start_new_session=True,
                **options,
            )
        with (self.folder / "pids").open("a") as pids:
            pids.write(f"{self.processes[name].pid}\n")

    def _wait_until_idle(self) -> None:
        up = {"idle", "mixed", "allocated"}
        self._wait(lambda: self._node_state() in up, 20, "slurmctld", "slurmd")

    def _node_state(self) -> str:
        return self.run("sinfo", "--noheader", "--format=%T", check=False).strip()

    def _wait(self, ready, seconds: float, *names: str) -> None:
        end = time.monotonic() + seconds
        while not ready():
            dead = [name for name in names if self.processes[name].poll() is not None]
            if dead or time.monotonic() > end:
                logs = [self.folder / f"{name}{suffix}" for name in names for suffix in (".out", ".log")]
                text = "\n".join(f"{log}:\n{log.read_text()[-2000:]}" for log in logs if log.exists())
                raise RuntimeError(f"{' and '.join(dead or names)} did not get there\n{text}")
            time.sleep(0.05)


def install() -> None:
    """Debian's packages, when a program is missing; CannotInstall says what stands in the way."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=SEARCH)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise CannotInstall(
            f"SLURM is not installed ({', '.join(missing)}) and there is no apt-get to install it with"
        )
    if os.getuid() != 0:
        raise CannotInstall(f"SLURM is not installed; as root: apt-get install {' '.join(PACKAGES)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=120",
        *PACKAGES,
    ]
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise CannotInstall(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-1500:]}")


def remove_leftovers() -> None:
    """Clusters whose test run was killed before it could tidy up."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            owner = int((folder / "owner").read_text())
            mine = folder.stat().st_uid == os.getuid()
        except (OSError, ValueError):
            continue
        if mine and not Path(f"/proc/{owner}").exists():
            pids = folder / "pids"
            for pid in map(int, pids.read_text().split() if pids.exists() else ()):
                # Process ids are reused: only one that still runs from this very folder is ours.
                if str(folder) in _command_line(pid):
                    _kill(pid, signal.SIGKILL)
            _remove(folder)


def _remove(folder: Path) -> None:
    for pid in _step_daemons(folder):
        for victim in (pid, *descendants(pid)):
            _kill(victim, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _step_daemons(folder: Path) -> list[int]:
    """slurmstepd, one a running job step: they outlive slurmd, and their environment names the cluster."""
    wanted = f"SLURM_CONF={folder}/slurm.conf".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().startswith("slurmstepd"):
                if wanted in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _fields(line: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in line.split() if "=" in part)


if __name__ == "__main__":
    try:
        cluster = Cluster.start()
    except CannotInstall as problem:
        sys.exit(str(problem))
    print(f"export SLURM_CONF={cluster.folder}/slurm.conf", flush=True)
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        cluster.stop()
