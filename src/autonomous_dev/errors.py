"""
The errors that this package raises on purpose.

::

    AutonomousDevError
    ├── InvalidNameError      (ValueError)  a metric's name or a metadata key
    ├── InvalidValueError     (ValueError)  a value, timestamp, attribute or argument out of its domain
    ├── InvalidTypeError      (TypeError)   an argument of the wrong type
    ├── InvalidSeriesError    (ValueError)  arrays that are no series
    ├── PolicyError           (ValueError)  a policy file; names the file and the line
    ├── StorageError          (OSError)     a sample could not be stored or read
    │   └── NotAJournalError                the file holds something else and is left alone
    ├── ConfigurationError    (RuntimeError) OpenTelemetry is set up in a way that we cannot join
    └── ServeError            (OSError)     the endpoint could not listen

Each message names the value received, what was expected and the way out.
"""

from __future__ import annotations


class AutonomousDevError(Exception):
    """
    Base of every error that this package raises on purpose.
    """


class InvalidNameError(AutonomousDevError, ValueError):
    """
    A metric's name or a metadata key is empty, too long or holds control characters.
    """


class InvalidValueError(AutonomousDevError, ValueError):
    """
    A value is not a finite number, or an argument is out of its domain.
    """


class InvalidTypeError(AutonomousDevError, TypeError):
    """
    An argument has the wrong type.
    """


class InvalidSeriesError(AutonomousDevError, ValueError):
    """
    Arrays do not form a series: wrong shape, infinities, times without values.
    """


class PolicyError(AutonomousDevError, ValueError):
    """
    A policy cannot be read; the message begins with file and line.
    """


class StorageError(AutonomousDevError, OSError):
    """
    A sample could not be stored, or a journal could not be read. ``errno`` and ``filename`` are kept.
    """


class NotAJournalError(StorageError):
    """
    The file is not a journal; nothing was written to it.
    """


class ConfigurationError(AutonomousDevError, RuntimeError):
    """
    The program's OpenTelemetry provider cannot be joined; the message shows the line that mends it.
    """


class ServeError(AutonomousDevError, OSError):
    """
    The metrics endpoint could not be opened, for example because the port is taken.
    """
