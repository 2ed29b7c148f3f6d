"""
The Grafana boards that come with this package, as JSON text.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from autonomous_dev.errors import StorageError

__all__ = ["bundled", "write_dashboards"]

_FOLDER: Final = "grafana"


def bundled() -> dict[str, str]:
    """
    Every board, by the name of its file, ready to be provisioned or imported; the data source is chosen in Grafana.

    Returns:
        ``{"overview.json": "{…}"}``, in the order of the names.
    """
    found = (entry for entry in files("autonomous_dev_exporters").joinpath(_FOLDER).iterdir())
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in sorted(found, key=lambda e: e.name)
        if entry.name.endswith(".json")
    }


def write_dashboards(folder: str | Path) -> tuple[Path, ...]:
    """
    Write every board into a folder; files of the same names are replaced.

    Args:
        folder: Made if it is not there.

    Returns:
        The files written.

    Raises:
        StorageError: If a file cannot be written.
    """
    target = Path(folder)
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in bundled().items():
            (target / name).write_text(text, encoding="utf-8")
            written.append(target / name)
    except OSError as error:
        msg = f"cannot write the boards into {target}: {error.strerror or error}; give a folder that can be written"
        raise StorageError(error.errno, msg, str(target)) from error
    return tuple(written)
