"""
Descriptors of this process.
"""

from __future__ import annotations

import os


def is_open(descriptor: int) -> bool:
    """Whether the number stands for something."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
