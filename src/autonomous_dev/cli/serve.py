"""
``autonomous-dev serve``: a page for Prometheus of what no process is alive for.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from autonomous_dev.cli._options import load_policy, policy_option, storage_option


@click.command()
@storage_option
@policy_option
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True, help="0 takes any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def serve(storage: Path, policy_file: Path | None, port: int, host: str) -> None:
    """
    Serve the recorded metrics and their insights until interrupted.
    """
    from autonomous_dev_exporters.prometheus import serve_storage

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serve_storage(storage, port=port, host=host, policy=load_policy(policy_file)) as server:
        click.echo(f"serving {storage} at {server.url}", err=True)
        stopped.wait()
