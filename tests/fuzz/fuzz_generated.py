"""
Coverage-guided fuzzing: code generated for data contracts, and the ordinary way beside it.

``python tests/fuzz/fuzz_generated.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("generated", "generatedproperties"))
