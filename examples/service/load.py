"""
People who search: a few threads that ask over HTTP, one question at a time, with a pause between two.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Sequence
from urllib.parse import urlencode

PAUSE = 0.1
"""Seconds between an answer and the next question: with two people at most 20 questions a second."""

PEOPLE = 2
MISTAKES = 0.02
"""Share of questions that are no word, and so fail."""


class Load:
    """
    Asks until it is stopped.

    Args:
        port: Where the service listens on loopback.

        words: What is asked for.
    """

    def __init__(self, port: int, words: Sequence[str]) -> None:
        self._port = port
        self._words = words
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(person,), daemon=True) for person in range(PEOPLE)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """
        Ask no more, and wait for the answers that are under way.
        """
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _ask(self, person: int) -> None:
        chance = random.Random(person)
        while not self._over.wait(PAUSE):
            word = "?" if chance.random() < MISTAKES else chance.choice(self._words)
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                connection.request("GET", f"/search?{urlencode({'word': word})}")
                connection.getresponse().read()
            except OSError:
                continue  # the service is ending
            finally:
                connection.close()
