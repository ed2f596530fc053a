"""Sphinx: ``make docs``."""

import os
import sys

sys.path.insert(0, os.path.abspath(".."))

from netshare import __version__

project = "netshare"
author = "The netshare maintainers"
release = __version__.public()
version = release
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_show_copyright = False
nitpicky = True
