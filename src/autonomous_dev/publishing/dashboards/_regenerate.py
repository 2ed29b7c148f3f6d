"""
Writes the built boards to where they are kept: as the package's data, and as the copy that Grafana provisions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from autonomous_dev.errors import StorageError
from autonomous_dev.publishing.dashboards._overview import overview

BUNDLED: Final = Path("exporters/autonomous_dev_exporters/grafana")
"""Where the boards are package data, from the project's folder."""

COPY: Final = Path("grafana/dashboards")
"""Where Grafana is given them, from the project's folder."""


def built() -> dict[str, str]:
    """
    Every board by the name of its file, as JSON text.
    """
    return {"overview.json": overview()}


def regenerate(project: Path) -> tuple[Path, ...]:
    """
    Write every board to both of its places.

    Args:
        project: The project's folder.

    Returns:
        The files written.

    Raises:
        StorageError: If *project* is not the project's folder.
    """
    folders = (project / BUNDLED, project / COPY)
    for folder in folders:
        if not folder.is_dir():
            msg = f"{folder} is not a folder: run this in the folder of the project's sources, or name that folder"
            raise StorageError(msg)
    written = []
    for name, text in built().items():
        for folder in folders:
            (folder / name).write_text(text, encoding="utf-8")
            written.append(folder / name)
    return tuple(written)
