"""
Coverage-guided fuzzing: gzip and deflate messages and their ceiling.

``python tests/fuzz/fuzz_compressed.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("compressed"))
