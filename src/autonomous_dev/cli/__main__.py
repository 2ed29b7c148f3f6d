"""
``python -m autonomous_dev.cli``: the command without its script.
"""

from autonomous_dev.cli import main

main()
