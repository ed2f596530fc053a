"""
Net.TCP port sharing for Linux.

Many processes serve ``net.tcp://`` on one TCP port, told apart by the path of the address
that each connection names in its framing preamble.

- :mod:`netshare.framing`: the bytes ([MC-NMF]), without I/O
- :mod:`netshare.service`: the sharing service
- :mod:`netshare.worker`: what a program uses to be behind a shared port
- :mod:`netshare.transport`: net.tcp itself, for Python services and clients
"""

from netshare._version import __version__

__all__ = ["__version__"]
