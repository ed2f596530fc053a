"""
Coverage-guided fuzzing: framing sessions of servers and clients.

``python tests/fuzz/fuzz_framing.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("framing"))
