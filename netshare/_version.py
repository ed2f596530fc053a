"""
The version, kept by ``python -m incremental.update netshare``.
"""

from incremental import Version

__version__ = Version("netshare", 26, 11, 0)
__all__ = ["__version__"]
