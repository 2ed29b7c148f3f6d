"""
The boards as an installed program gets them.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from autonomous_dev.errors import StorageError
from autonomous_dev_exporters.dashboards import bundled, write_dashboards


def test_the_boards_come_with_the_package():
    """An installed package has the Overview as JSON text under the name of its file."""
    boards = bundled()
    assert list(boards) == ["overview.json"]
    assert json.loads(boards["overview.json"])["uid"] == "autonomous-dev-overview"


def test_the_boards_are_read_without_their_builder():
    """Users need neither the board builder nor an OpenTelemetry SDK to get the boards."""
    code = (
        "import sys; from autonomous_dev_exporters.dashboards import bundled; bundled(); "
        "print([m for m in sys.modules if m.startswith(('grafana_foundation_sdk', 'opentelemetry.sdk', 'numpy'))])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_boards_are_written_into_a_new_folder(tmp_path):
    """The folder is made, each board is one file, and a file of that name is replaced."""
    folder = tmp_path / "new" / "boards"
    assert write_dashboards(folder) == (folder / "overview.json",)
    (folder / "overview.json").write_text("old", encoding="utf-8")
    write_dashboards(str(folder))
    assert (folder / "overview.json").read_text(encoding="utf-8") == bundled()["overview.json"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Where a file stands in the folder's place, the error names the folder and the way out."""
    place = tmp_path / "taken"
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match=r"taken.*give a folder that can be written"):
        write_dashboards(place)
    assert place.read_text(encoding="utf-8") == "mine"
