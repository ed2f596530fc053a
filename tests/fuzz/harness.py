"""
What the fuzzers have in common: atheris, and a check of tests/properties.py with its seeds.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

#: What ends a test as skipped, in automake's and meson's way.
SKIPPED = 77


def run(name: str, module: str = "properties") -> int:
    """
    Fuzz until libFuzzer ends, whose options are taken from the command line as they are.

    :param name: of the check and its seeds
    :param module: of tests/helpers, where they are
    :returns: the exit status; :data:`SKIPPED` without atheris
    """
    try:
        import atheris  # type: ignore[import-untyped]
    except ImportError:
        print("atheris is not installed: nothing was fuzzed")
        return SKIPPED
    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["netshare"]):
        properties = import_module(f"tests.helpers.{module}")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(getattr(properties, f"{name}_seeds")()):
            (Path(folder) / f"{number:04}").write_bytes(seed)
        # libFuzzer takes longer inputs than its seeds only when it is told so; and either folders
        # to begin with, or files to repeat.
        options = [sys.argv[0], "-max_len=4096", *sys.argv[1:]]
        if not any(Path(one).is_file() for one in sys.argv[1:]):
            options.append(folder)
        atheris.Setup(options, getattr(properties, f"check_{name}"))
        atheris.Fuzz()
    return 0
