"""``python -m netshare.cli``: the same as ``netshare``."""

import sys

from netshare.cli import main

sys.exit(main())
