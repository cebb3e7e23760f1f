"""A place where other people's software runs: free ports, small config files, processes that end with it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "target/stacks-python/bin/python"
APP = Path(os.environ.get("APP") or ROOT / "target/debug/app")
SERVICES = ROOT / ".ci/stacks/services"
START = 20.0


class Absent(Exception):
    """Something did not come up; with the end of its log."""


class Place:
    """One stack: its folder, its processes, and what is done to it while the load runs."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="stacks-"))
        self.folder.chmod(0o755)  # NGINX's workers are another user
        self.processes = []
        self.deeds = []
        self.names = 0

    def close(self):
        for process in reversed(self.processes):
            signal_group(process, signal.SIGCONT)
            signal_group(process, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, words, port=None, env=None):
        """Starts a process of its own group, and waits until it listens."""
        self.names += 1
        log = self.folder / f"{self.names}.log"
        with log.open("wb") as to:
            process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL, stdout=to, stderr=to, cwd=self.folder,
                env={**os.environ, **(env or {})}, start_new_session=True,
            )
        self.processes.append(process)
        end = time.monotonic() + START
        while port and not listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise Absent(f"{words[0]}: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.02)
        return process

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def app(self, name, *flags, port=None):
        """A replica of this project: counts truthfully and says its name; (port, process)."""
        port = port or free_port()
        words = [APP, "--listen", f"127.0.0.1:{port}", "--id", name, *flags]
        return port, self.run(words, port)

    def apps(self, *flags, count=2):
        return [self.app(f"r{n}", *flags)[0] for n in range(1, count + 1)]

    def uvicorn(self, name, **env):
        port = free_port()
        words = [PYTHON, "-m", "uvicorn", "--app-dir", SERVICES, "--port", port, "--log-level", "warning", "api:app"]
        self.run(words, port, {"NAME": name, **env})
        return port

    def gunicorn(self, name, workers, service="api:app", worker="uvicorn_worker", shared=True, **env):
        """Several processes behind one port; `shared`: with one set of counters for all of them."""
        port = free_port()
        if shared:
            folder = self.folder / f"counters-{port}"
            folder.mkdir()
            env["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        kind = ["-k", "uvicorn.workers.UvicornWorker"] if worker == "uvicorn_worker" else []
        words = [PYTHON, "-m", "gunicorn", "--chdir", SERVICES, "-w", workers, *kind,
                 "-b", f"127.0.0.1:{port}", "--log-level", "warning", service]
        self.run(words, port, {"NAME": name, **env})
        answers(port, workers)
        return port

    def after(self, seconds, deed):
        """Something that is done so long after the load's process was started."""
        self.deeds.append((seconds, deed))

    def begin(self):
        for seconds, deed in self.deeds:
            timer = threading.Timer(seconds, deed)
            timer.daemon = True
            timer.start()


def signal_group(process, which):
    try:
        os.killpg(process.pid, which)
    except ProcessLookupError:
        pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def ask(port, path="/", host="g"):
    """The body of one answer; empty where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as one:
            one.settimeout(2)
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            parts = []
            while part := one.recv(65536):
                parts.append(part)
        return b"".join(parts).partition(b"\r\n\r\n")[2].decode(errors="replace")
    except OSError:
        return ""


def answers(port, workers):
    """Waits until the workers of a port have had time to start: it answers some times in a row."""
    end = time.monotonic() + START
    row = 0
    while row < 2 * workers:
        row = row + 1 if ask(port, "/id") else 0
        if time.monotonic() > end:
            raise Absent(f"nothing answers at {port}")
        time.sleep(0.05)


def send(port, path, every, seconds, host="g"):
    """Somebody else's requests, evenly."""
    def go():
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ask(port, path, host)
            time.sleep(every)
    threading.Thread(target=go, daemon=True).start()
