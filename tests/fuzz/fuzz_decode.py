"""
Coverage-guided fuzzing: what ``netshare decode`` makes of captures.

``python tests/fuzz/fuzz_decode.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("decode"))
