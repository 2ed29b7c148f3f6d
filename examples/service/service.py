"""
An example service under load: a text search over HTTP that records how it does, and really gets worse partway.

After ``--healthy`` seconds the cache's capacity is cut far below its working set: files are read and taken apart
again and again. Nothing else changes; what the metrics, the insights and the alerts then say is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from load import Load
from search import FILES, Search

from autonomous_dev import FeedbackLoop, configure
from autonomous_dev_exporters.prometheus import serve

POLICY = Path(__file__).with_name("policy.yaml")

ENOUGH = FILES + 10
"""Capacity that holds every file."""

TOO_SMALL = 12
"""Capacity after the cut."""

ASKED = 20
"""Words that a self-check looks up."""


def main() -> None:
    """
    Serve until SIGTERM or Ctrl-C.
    """
    options = _options()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())

    tracker = configure(storage=options.storage, policy=POLICY).tracker
    loop = FeedbackLoop(tracker)
    search = Search(ENOUGH)
    website = ThreadingHTTPServer((options.host, options.port), _handler(search))
    threading.Thread(target=website.serve_forever, daemon=True).start()
    metrics = serve(options.metrics_port, tracker=tracker, host=options.host)
    load = Load(website.server_port, search.words)
    print(f"search: http://127.0.0.1:{website.server_port}/search?word=return", flush=True)
    print(f"metrics: http://127.0.0.1:{metrics.port}/metrics", flush=True)

    worse_at = time.monotonic() + options.healthy
    self_check(search)  # the first one fills what the index left out; it is not recorded
    while not over.wait(options.every):
        if search.capacity != TOO_SMALL and time.monotonic() >= worse_at:
            search.resize(TOO_SMALL)
            print(f"the cache's capacity is {TOO_SMALL} from now on", flush=True)
        record(loop, search)

    load.stop()
    website.shutdown()
    website.server_close()
    metrics.close()


def self_check(search: Search) -> tuple[float, int]:
    """
    Look up some words: seconds that it took, and files that were read for it, those of others at the same time included.
    """
    began, read_before = time.perf_counter(), search.files_read
    for word in search.words[:: max(1, len(search.words) // ASKED)][:ASKED]:
        search.find(word)
    return time.perf_counter() - began, search.files_read - read_before


def record(loop: FeedbackLoop, search: Search) -> None:
    """
    One iteration: what a self-check took, and what the process needs.
    """
    seconds, files_read = self_check(search)
    commit = {"commit": version(search)}
    loop.tracker.record_metric("test_duration", seconds, metadata={"suite": "self_check", **commit}, unit="s")
    loop.tracker.record_metric("memory_usage", resident(), metadata=commit, unit="By")
    loop.evaluate_iteration({"files_read": files_read}, metadata=commit)


def resident() -> int:
    """
    Bytes of memory that the process has ever needed at once.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def version(search: Search) -> str:
    """
    What runs, as a commit would say it: a digest of the sources and the setting that changes.
    """
    digest = hashlib.sha256(f"capacity {search.capacity}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _handler(search: Search) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/healthz":
                self._answer(200, {"status": "up"})
                return
            if url.path != "/search":
                self._answer(404, {"error": "there is /search?word=… and /healthz"})
                return
            try:
                self._answer(200, search.find(parse_qs(url.query).get("word", [""])[0]))
            except ValueError as error:
                self._answer(400, {"error": str(error)})
            except LookupError as error:
                self._answer(404, {"error": str(error)})

        def _answer(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """
            Nothing: the metrics say it.
            """

    return Handler


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="of the search; 0 takes a free one (%(default)s)")
    parser.add_argument("--metrics-port", type=int, default=9464, help="of /metrics; 0 takes a free one (%(default)s)")
    parser.add_argument("--storage", type=Path, default=Path("metrics.jsonl"), help="the journal (%(default)s)")
    parser.add_argument("--healthy", type=float, default=120.0, help="seconds before the cache is cut (%(default)s)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two self-checks (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
