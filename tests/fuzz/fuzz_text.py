"""
Coverage-guided fuzzing: XML text and the SOAP messages in it.

``python tests/fuzz/fuzz_text.py -max_total_time=60``; see README.rst here.
"""

import sys

from harness import run

if __name__ == "__main__":
    sys.exit(run("text"))
