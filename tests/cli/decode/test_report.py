"""How ``netshare decode`` shows records."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.cli.decode.report import as_json, lines
from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.transport.tools import Piece, Record, Side, decode
from netshare.transport.xml.binary import MAX_SESSION_SIZE
from tests.helpers.binary_vectors import MESSAGE, MESSAGE_XML
from tests.helpers.wire import sized_envelope


def records(client: bytes, server: bytes = PREAMBLE_ACK) -> list[Record]:
    """What was written, decoded."""
    pieces = [Piece(Side.CLIENT, client), Piece(Side.SERVER, server)]
    return list(decode(pieces, MAX_SESSION_SIZE))


WHOLE = preamble("net.tcp://host/\x1b[1m") + sized_envelope(b"\0" + MESSAGE) + b"\x07"


def test_a_line_for_each_record() -> None:
    """Each record has its side, offset, name and size; the envelope stands below it."""
    shown = list(lines(records(WHOLE)))
    brief = list(lines(records(WHOLE), brief=True))
    assert brief[0].split() == ["SIDE", "OFFSET", "RECORD", "BYTES"]
    assert [line for line in shown if not line.startswith(" " * 8)] == brief
    assert any("<s:Envelope" in line for line in shown)
    assert not any("<" in line for line in brief)


def test_nothing_reaches_the_terminal_unescaped() -> None:
    """An address cannot move the cursor."""
    assert "\x1b" not in "".join(lines(records(WHOLE), brief=True))


def test_problems_are_marked() -> None:
    """What is wrong stands below the record, and in its JSON."""
    cut = records(WHOLE[:-10])
    assert any(line.strip().startswith("!!") for line in lines(cut))
    problems = [row["problem"] for row in as_json(cut) if row["problem"]]
    assert len(problems) == 1


@pytest.mark.parametrize("brief", [False, True])
def test_json(brief: bool) -> None:
    """Programs get the same, with the envelope's XML unless it is to be brief."""
    (envelope,) = [row["envelope"] for row in as_json(records(WHOLE), brief) if "envelope" in row]
    expected: dict[str, Any] = {} if brief else {"strings": {}, "xml": MESSAGE_XML}
    assert {key: envelope[key] for key in ("strings", "xml") if key in envelope} == expected
