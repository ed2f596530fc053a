"""
Coverage-guided fuzzing: TLS and Windows authentication inside an upgrade, of services and clients,
and a relay that follows them.

``python tests/fuzz/fuzz_upgrades.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("upgrades", "upgradeproperties"))
