"""
``netshare decode [FILE]``: make what was on the wire readable.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from netshare.cli.arguments import number_of_bytes
from netshare.cli.decode.captures import Capture, CaptureError, from_bytes, from_sides, plain
from netshare.cli.decode.report import as_json, lines
from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.terminal import clean, for_terminal
from netshare.transport.tools import Side, decode
from netshare.transport.xml import XmlException, to_xml
from netshare.transport.xml.binary import MAX_SESSION_SIZE, ReaderSession, read_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare decode``."""
    parser.add_argument(
        "file",
        nargs="*",
        metavar="FILE",
        help="one file: a direction or a conversation; two: what the client wrote, what the "
        "server wrote; none, or -: standard input",
    )
    parser.set_defaults(more="file")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--hex", action="store_true", help="the input is hexadecimal text")
    form.add_argument("--raw", action="store_true", help="the input is not, whatever it looks like")
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--client", action="store_true", help="the client wrote it")
    side.add_argument("--server", action="store_true", help="the server wrote it")
    parser.add_argument("--brief", action="store_true", help="only the records, no envelopes")
    parser.add_argument(
        "--max-session-size",
        type=number_of_bytes,
        default=MAX_SESSION_SIZE,
        metavar="BYTES",
        help="how large a session's string tables may become (default: %(default)d, as WCF's)",
    )
    parser.add_argument(
        "--document",
        action="store_true",
        help="the input is one document of binary XML: print it as .NET does",
    )
    parser.add_argument(
        "--session",
        action="append",
        default=[],
        metavar="STRING",
        help="with --document: a string of the session's table, the first has the id 1; again "
        "for the next",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")
    parser.epilog = """\
The input is raw, or hexadecimal text; also what "tshark -q -z follow,tcp,raw,0" prints,
which has both directions, and netshare's own recordings of conversations (JSON).

exit code:
  0  everything could be read
  1  something is malformed, cut off, or refused by .NET: the output says what
  2  the command line does not make sense, or there is no such file
"""


def run(options: argparse.Namespace) -> int:
    """
    Decode. This command needs no reactor.
    """
    if len(options.file) > (1 if options.document else 2):
        raise CommandFailed(Exit.USAGE, "too many files")
    if options.session and not options.document:
        raise CommandFailed(Exit.USAGE, "--session is for --document")
    is_hex = True if options.hex else False if options.raw else None
    inputs = [_read(name) for name in options.file or ["-"]]
    try:
        if options.document:
            return _document(plain(inputs[0], is_hex), options)
        return _captures(_found(inputs, is_hex, options), options)
    except CaptureError as error:
        raise CommandFailed(Exit.MALFORMED, str(error)) from None


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandFailed(
            Exit.USAGE, f"{clean(name)} cannot be read: {error.strerror or error}"
        ) from None


def _document(data: bytes, options: argparse.Namespace) -> int:
    try:
        xml = to_xml(read_document(data, ReaderSession.of(options.session)))
    except XmlException as error:
        if not options.json:
            raise CommandFailed(Exit.MALFORMED, f"the document is refused: {error}") from None
        print(json.dumps({"error": error.message, "offset": error.offset}, indent=2))
        return Exit.MALFORMED
    if options.json:
        print(json.dumps({"xml": xml, "size": len(data)}, indent=2))
    else:
        print(for_terminal(xml))
    return Exit.OK


def _found(inputs: list[bytes], is_hex: bool | None, options: argparse.Namespace) -> list[Capture]:
    if len(inputs) == 2:
        return [from_sides(inputs[0], inputs[1], is_hex)]
    side = Side.CLIENT if options.client else Side.SERVER if options.server else None
    return from_bytes(inputs[0], side, is_hex)


def _captures(captures: list[Capture], options: argparse.Namespace) -> int:
    problems = 0
    shown: list[dict[str, Any]] = []
    for number, capture in enumerate(captures):
        records = decode(capture.pieces, options.max_session_size)
        problems += sum(bool(record.problem) for record in records)
        if options.json:
            shown.append({"records": as_json(records, options.brief)})
            continue
        if capture.name:
            print(("\n" if number else "") + f"{capture.name}:")
        for line in lines(records, options.brief):
            print(for_terminal(line))
    if options.json:
        print(json.dumps({"connections": shown, "problems": problems}, indent=2))
    elif problems:
        sys.stdout.flush()
        found = "1 problem" if problems == 1 else f"{problems} problems"
        raise CommandFailed(Exit.MALFORMED, f"{found}, marked with !! above")
    return Exit.MALFORMED if problems else Exit.OK
