"""
``python -m autonomous_dev.publishing.dashboards [PROJECT]``: build the boards anew, after a change to their sources.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autonomous_dev.publishing.dashboards._regenerate import regenerate

for path in regenerate(Path(sys.argv[1] if len(sys.argv) > 1 else ".")):
    sys.stdout.write(f"{path}\n")
