"""
What the service is told: the command line and a TOML file, with the same names.

:func:`load_file` and :func:`configure` make a :class:`Configuration` of both, or raise a
:class:`ConfigurationError` with a sentence for everything that is wrong; :func:`try_start` looks
for what a start would need. Nothing here starts anything.
"""

from netshare.config.duration import parse_duration
from netshare.config.endpoints import check_client, check_server, server_endpoint
from netshare.config.errors import ConfigurationError
from netshare.config.file import load_file
from netshare.config.reading import configure
from netshare.config.trying import try_start
from netshare.config.values import QUOTA_NAMES, Configuration, ListenSpec, RelaySpec

__all__ = [
    "QUOTA_NAMES",
    "Configuration",
    "ConfigurationError",
    "ListenSpec",
    "RelaySpec",
    "check_client",
    "check_server",
    "configure",
    "load_file",
    "parse_duration",
    "server_endpoint",
    "try_start",
]
