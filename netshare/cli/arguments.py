"""
Types of command line arguments that several commands take.
"""

from __future__ import annotations

import argparse
import math


def port_number(text: str) -> int:
    """
    :returns: the port of TCP that a text says
    :raises argparse.ArgumentTypeError: it says none
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number (1 to 65535)")
    return int(text)


def seconds(text: str) -> float:
    """
    :returns: a time, more than none, at most an hour
    :raises argparse.ArgumentTypeError: it is not between these
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 3600")
    return number


def number_of_bytes(text: str) -> int:
    """
    :returns: a size, more than none, less than 2 GiB
    :raises argparse.ArgumentTypeError: it is not between these
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) < 2**31):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)
