"""
Coverage-guided fuzzing: what a local user sends to the service's control socket, and on a lane.

``python tests/fuzz/fuzz_control.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("control", "controlproperties"))
