"""
``twistd netshare`` and ``twist netshare``: options, and the service they make.

:mod:`.options` is the command line, :mod:`.service` opens the ports and the control socket, and
:mod:`.reload` takes a running service to another configuration.
"""

from netshare.tap.options import Options
from netshare.tap.service import SharingService, makeService

__all__ = ["Options", "SharingService", "makeService"]
