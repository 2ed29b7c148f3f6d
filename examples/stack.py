"""
The example service, Prometheus with its rules, and Alertmanager on this machine, without containers.

Everything runs from the files that docker-compose.yml mounts; only host names and ports are replaced. The rules are
written by ``autonomous-dev rules`` from what the service records in its first seconds, and loaded as they are. Then
the service's cache is cut, and alerts fire. Grafana is left out: it has no Debian package.

Needed: ``apt-get install prometheus prometheus-alertmanager``. Ends with Ctrl-C, and ends what it started.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autonomous_dev import MetricsTracker

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
MONITORING = HERE / "monitoring"
RULES = MONITORING / "rules"
SERVICE = HERE / "service" / "service.py"
POLICY = HERE / "service" / "policy.yaml"

LEARNED_FROM = 10
"""Self-checks of the healthy service that the rules are learned from."""

PATIENCE = 60.0
"""Seconds that a program has to get ready."""

PACKAGES = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager"}


class StackError(Exception):
    """
    Something did not start, or ended early.
    """


@dataclass(frozen=True)
class Ports:
    """
    Where the programs listen, on 127.0.0.1; by default where docker-compose.yml publishes them.
    """

    search: int = 8000
    metrics: int = 9464
    prometheus: int = 9090
    alertmanager: int = 9093

    @classmethod
    def free(cls) -> Ports:
        """
        Four ports that nothing listens on at this moment.
        """
        with contextlib.ExitStack() as probes:
            sockets = [probes.enter_context(socket.socket()) for _ in range(4)]
            for probe in sockets:
                probe.bind(("127.0.0.1", 0))
            return cls(*(probe.getsockname()[1] for probe in sockets))

    @property
    def replacements(self) -> dict[str, str]:
        """
        For each address in the configuration files the one on this machine.
        """
        return {
            "example-service:9464": f"127.0.0.1:{self.metrics}",
            "alertmanager:9093": f"127.0.0.1:{self.alertmanager}",
        }


def localised(text: str, replacements: Mapping[str, str]) -> str:
    """
    A configuration file of the containers with the addresses of this machine, and nothing else changed.

    Raises:
        StackError: If an address does not occur, so that the file and this script have drifted apart.
    """
    for address, here in replacements.items():
        if address in text:
            text = text.replace(address, here)
        elif address.partition(":")[0] in text:
            raise StackError(f"the configuration names {address.partition(':')[0]} at another port than {address}")
    return text


class Programs:
    """
    Programs that were started, and are ended in the opposite order.

    Args:
        folder: Where each one's output goes: ``<name>.log``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, *command: str | Path) -> None:
        """
        Start a program of this *name*.
        """
        with (self._folder / f"{name}.log").open("wb") as log:
            # In a session of its own: Ctrl-C reaches this script alone, which ends the others in order.
            process = subprocess.Popen(  # noqa: S603 - the commands are ours
                [str(part) for part in command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._running.append((name, process))

    def check(self) -> None:
        """
        Fail if one has ended.
        """
        for name, process in self._running:
            if process.poll() is not None:
                end = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise StackError(f"{name} ended with exit code {process.returncode}:\n{end}")

    def end(self) -> None:
        """
        End all that still run: first asked, after ten seconds killed.
        """
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._running.clear()


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Programs]:
    """
    An empty *folder* for what the programs write, and the programs, ended whatever happens.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    programs = Programs(folder)
    try:
        yield programs
    finally:
        programs.end()


def start_service(programs: Programs, folder: Path, ports: Ports, healthy: float) -> None:
    """
    Start the example service and wait until the rules can be learned from its journal.
    """
    journal = folder / "metrics.jsonl"
    programs.start(
        "example-service",
        sys.executable, SERVICE, "--storage", journal, "--every", "1", "--healthy", str(healthy),
        "--port", str(ports.search), "--metrics-port", str(ports.metrics),
    )  # fmt: skip
    wait_for("the service's records", programs, lambda: journal.exists() and recorded(journal) >= LEARNED_FROM)


def recorded(journal: Path) -> int:
    """
    How many self-checks the journal holds.
    """
    return len(MetricsTracker(journal, read_only=True).get_metrics("files_read"))


def write_rules(journal: Path, rules: Path) -> str:
    """
    Have the command write the alerting rules, from the journal and the service's policy.

    Returns:
        What it says.
    """
    command = Path(sysconfig.get_path("scripts")) / "autonomous-dev"
    policy = POLICY.relative_to(PROJECT)
    done = subprocess.run(  # noqa: S603 - the command is ours
        [str(command), "rules", "--out", str(rules), "--policy", str(policy), "--storage", str(journal)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StackError(f"autonomous-dev rules failed:\n{done.stderr}")
    return done.stdout


def start_monitoring(programs: Programs, folder: Path, ports: Ports) -> None:
    """
    Start Alertmanager and Prometheus from the containers' configuration, and wait until both are ready.
    """
    for name in ("prometheus.yml", "alertmanager.yml"):
        text = (MONITORING / name).read_text(encoding="utf-8")
        (folder / name).write_text(localised(text, ports.replacements), encoding="utf-8")
    alertmanager, prometheus = f"127.0.0.1:{ports.alertmanager}", f"127.0.0.1:{ports.prometheus}"
    programs.start(
        "alertmanager",
        program("prometheus-alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={alertmanager}",
        f"--web.external-url=http://{alertmanager}",
        "--cluster.listen-address=",
    )
    programs.start(
        "prometheus",
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={prometheus}",
        f"--web.external-url=http://{prometheus}",
    )
    wait_for("alertmanager", programs, lambda: ready(f"http://{alertmanager}/-/ready"))
    wait_for("prometheus", programs, lambda: ready(f"http://{prometheus}/-/ready"))


def program(name: str) -> str:
    """
    Path of a program of Debian's.
    """
    path = shutil.which(name)
    if path is None:
        raise StackError(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return path


def ready(url: str) -> bool:
    """
    Whether *url* answers.
    """
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - http on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(what: str, programs: Programs, done: Callable[[], bool]) -> None:
    """
    Look every quarter of a second whether it is *done*.
    """
    end = time.monotonic() + PATIENCE
    while not done():
        programs.check()
        if time.monotonic() > end:
            raise StackError(f"{what}: nothing after {PATIENCE:.0f} s")
        time.sleep(0.25)


def run(options: argparse.Namespace, over: threading.Event) -> None:
    """
    The whole stack, until *over* is set or the time is up.
    """
    folder: Path = options.folder.resolve()
    ports = Ports.free() if options.free_ports else Ports()
    for name in PACKAGES:
        program(name)
    with started(folder) as programs:
        print(f"the example service runs healthy for a while: {folder}", flush=True)
        start_service(programs, folder, ports, options.healthy)
        print(write_rules(folder / "metrics.jsonl", folder / "rules"), flush=True)
        start_monitoring(programs, folder, ports)
        print(f"search        http://127.0.0.1:{ports.search}/search?word=return")
        print(f"metrics       http://127.0.0.1:{ports.metrics}/metrics")
        print(f"prometheus    http://127.0.0.1:{ports.prometheus}/alerts")
        print(f"alertmanager  http://127.0.0.1:{ports.alertmanager}")
        print(
            f"After {options.healthy:.0f} s of the service its cache is cut; alerts fire soon after. Ctrl-C ends all."
        )
        print("up", flush=True)
        end = time.monotonic() + options.seconds if options.seconds is not None else None
        while not over.wait(1.0) and (end is None or time.monotonic() < end):
            programs.check()


def write_committed_rules(folder: Path) -> None:
    """
    Write the rules that docker-compose.yml mounts, from a run of the healthy service.
    """
    with started(folder.resolve()) as programs:
        start_service(programs, folder.resolve(), Ports.free(), healthy=PATIENCE * 10)
        print(write_rules(folder.resolve() / "metrics.jsonl", RULES))


def main() -> int:
    """
    Run until Ctrl-C or SIGTERM.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", dest="seconds", type=float, help="end after so many seconds")
    parser.add_argument("--healthy", type=float, default=60.0, help="seconds before the cache is cut (%(default)s)")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".stack", help="for data and logs; emptied first")
    parser.add_argument("--free-ports", action="store_true", help="instead of 8000, 9464, 9090 and 9093")
    parser.add_argument(
        "--write-rules", action="store_true", help="only write the rules that docker-compose.yml mounts"
    )
    options = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        if options.write_rules:
            write_committed_rules(options.folder)
        else:
            run(options, over)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
