"""
The endpoint: a listening socket, its thread, and what ends with them.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from autonomous_dev import _state
from autonomous_dev.errors import InvalidTypeError, InvalidValueError, ServeError

MAX_PORT: Final = 65535


class Server:
    """
    An endpoint that answers ``/metrics``; closed by ``close`` or as a context manager, and gone with the program.

    In a forked child it is closed: the port stays with the parent.

    Attributes:
        host: The address that is listened on.

        port: The port, also where 0 was asked for.
    """

    def __init__(self, registry: CollectorRegistry, port: int, host: str, *, on_close: Callable[[], None]) -> None:
        self.host = host
        self._on_close = on_close
        self._listener, self._thread = _listen(registry, port, host)
        self.port: int = self._listener.server_port
        self._open = True
        _state.composition.servers[self.port] = self
        _state.on_fork(self._after_fork_in_child)

    @property
    def url(self) -> str:
        """
        Where the page is.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """
        Stop listening and give the port back, within half a second; a second call does nothing.
        """
        with _state.composition.lock:
            if not self._open:
                return
            self._open = False
            _state.composition.servers.pop(self.port, None)
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Server {self.url}{'' if self._open else ' (closed)'}>"

    def _after_fork_in_child(self) -> None:
        # The thread did not come along. Held open here, the port would outlive the parent's end.
        if self._open:
            self._open = False
            self._listener.socket.close()


def check_port(port: object) -> int:
    """
    *port* as a number that can be listened on.

    Raises:
        InvalidTypeError: If it is no integer.

        InvalidValueError: If it is none from 0 to 65535.
    """
    if isinstance(port, bool) or not isinstance(port, int):
        msg = f"port is {port!r}: expected an integer from 0 to {MAX_PORT}, 9464 for example"
        raise InvalidTypeError(msg)
    if not 0 <= port <= MAX_PORT:
        msg = f"port is {port}: expected an integer from 0 to {MAX_PORT}; 0 takes any free one"
        raise InvalidValueError(msg)
    return port


def _listen(registry: CollectorRegistry, port: int, host: str) -> tuple[WSGIServer, threading.Thread]:
    try:
        return start_http_server(port, addr=host, registry=registry)
    except (OSError, UnicodeError) as error:
        raise _serve_error(error, port, host) from error


def _serve_error(error: OSError | UnicodeError, port: int, host: str) -> ServeError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE and port in _state.composition.servers:
        reason = (
            f"this process serves {_state.composition.servers[port].url} already: use that one, or close() it first"
        )
    elif number == errno.EADDRINUSE:
        reason = "another program listens there: choose another port, or 0 for any free one"
    elif number in (errno.EACCES, errno.EPERM):
        reason = "this user may not: choose a port from 1024 on"
    elif isinstance(error, socket.gaierror | UnicodeError) or number == errno.EADDRNOTAVAIL:
        reason = "that is no address of this machine: use 127.0.0.1, or 0.0.0.0 for every interface"
    else:
        reason = str(error)
    wrong = ServeError(f"cannot listen on host {host!r}, port {port}: {reason}")
    wrong.errno = number
    return wrong
