"""
The codec beside .NET's own: thousands of made-up and damaged documents, same XML or both refuse.

Where the two differ on purpose the difference has a name in :data:`DIFFERENCES`, and must be of
exactly the kind it is named for.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from netshare.transport.xml import (
    BUFFERED_QUOTAS,
    ArrayElements,
    Comment,
    Element,
    Start,
    XmlException,
    to_xml,
)
from netshare.transport.xml.binary import (
    ReaderSession,
    WriterSession,
    encode,
    encode_envelope,
    read_document,
    read_events,
)
from netshare.transport.xml.binary.recordreader import RecordReader
from tests.helpers.binary_documents import SESSION, Maker, mutate
from tests.helpers.binary_vectors import MESSAGE, conversations, oracle_documents

Ask = Callable[..., list[dict[str, str]]]

#: What differs from .NET 10, and why.
DIFFERENCES = {
    "after an array": (
        "XmlDictionaryWriter.WriteNode, with which the oracle prints, reads on after an array: it"
        " swallows comments and blank text, and takes elements of the array's name for further"
        " items. The reader itself does nothing of the kind."
    ),
    "start tag of an array": (
        "WriteNode never looks at the attributes of an array's element, nor at declarations it"
        " does not need, so what is wrong in them goes unnoticed. Reading the elements one by"
        " one .NET would notice. Here everything is checked."
    ),
    "invalid decimal": (
        ".NET Framework and Mono refuse a decimal with more than 28 places or unknown flags. .NET"
        " 10 takes the 16 bytes as they are, prints what comes, or fails with"
        " IndexOutOfRangeException."
    ),
}


class Watched(RecordReader):
    """Reads record by record, and notices where an error happened."""

    __slots__ = ("in_array",)

    def _array(self, offset: int) -> None:
        self.in_array = True
        super()._array(offset)
        self.in_array = False


def reason_for(data: bytes, theirs: str | None) -> str | None:
    """The name of the difference that *data* may show, if it may show one."""
    reader = Watched(data, ReaderSession.of(SESSION), BUFFERED_QUOTAS, 0)
    reader.in_array = False
    try:
        events = reader.read()
    except XmlException as error:
        if "decimal" in error.message:
            return "invalid decimal"
        return "start tag of an array" if reader.in_array and theirs is not None else None
    for event, after in pairwise(events):
        if type(event) is ArrayElements and (
            type(after) is Comment
            or (type(after) is str and not after.strip(" \t\r\n"))
            or (
                type(after) in (Element, Start, ArrayElements) and after.name[1:] == event.name[1:]  # type: ignore[union-attr]
            )
        ):
            return "after an array"
    return None


def ours(data: bytes) -> str | None:
    """What is made of a document here; ``None`` when it is refused."""
    try:
        return to_xml(read_document(data, ReaderSession.of(SESSION)))
    except XmlException:
        return None


@pytest.fixture(scope="module")
def ask(dotnet_program: Path) -> Iterator[Ask]:
    """Asks .NET: a list of documents (hex), the session's strings, the quotas."""
    with subprocess.Popen(
        [dotnet_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "ready"

        def asking(command: str = "nbfx-decode", **arguments: Any) -> list[dict[str, str]]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"id": 1, "cmd": command, **arguments}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["ok"], answer
            result: list[dict[str, str]] = answer.get("documents") or answer["frames"]
            return result

        yield asking
        process.stdin.close()
        process.wait(10)


def compare(ask: Ask, documents: list[bytes]) -> Counter[str]:
    """Put documents to both, and count how they agree; fail at the first other difference."""
    counts: Counter[str] = Counter()
    for begin in range(0, len(documents), 500):
        batch = documents[begin : begin + 500]
        answers = ask(documents=[data.hex() for data in batch], session=SESSION, quotas="max")
        for data, answer in zip(batch, answers, strict=True):
            theirs = answer.get("xml")
            mine = ours(data)
            if mine == theirs:
                counts["read" if mine is not None else "refused"] += 1
                continue
            reason = reason_for(data, theirs)
            assert reason in DIFFERENCES, (data.hex(), theirs, answer.get("error"), mine)
            counts[reason] += 1
    return counts


@pytest.mark.peer("dotnet")
@pytest.mark.parametrize("seed", range(4))
def test_made_up_documents(ask: Ask, seed: int) -> None:
    """Documents of every record type, a few with something wrong, read as .NET reads them."""
    rng = random.Random(seed)
    documents = [Maker(rng, rng.choice([0, 0.003, 0.02])).document() for _ in range(2000)]
    counts = compare(ask, documents)
    assert counts["read"] > 700, counts
    assert counts["refused"] > 200, counts
    assert counts["read"] + counts["refused"] > 1900, counts


@pytest.mark.peer("dotnet")
@pytest.mark.parametrize("seed", range(3))
def test_damaged_documents(ask: Ask, seed: int) -> None:
    """Documents with bytes changed, lost, added or cut off are read or refused as by .NET."""
    rng = random.Random(1000 + seed)
    good = [bytes.fromhex(d["hex"]) for d in oracle_documents() if len(d["hex"]) < 2000]
    documents = [
        mutate(rng, rng.choice(good) if rng.random() < 0.3 else Maker(rng, 0).document())
        for _ in range(2000)
    ]
    counts = compare(ask, documents)
    assert counts["read"] > 150, counts
    assert counts["refused"] > 700, counts
    assert counts["read"] + counts["refused"] > 1900, counts


@pytest.mark.peer("dotnet")
def test_damaged_messages(ask: Ask) -> None:
    """Real envelopes with damage are read or refused as by .NET."""
    rng = random.Random(3)
    head = MESSAGE[: MESSAGE.index(b"@\x04Line", 700)] + b"\x01" * 4
    counts = compare(ask, [head] + [mutate(rng, head) for _ in range(1500)])
    assert counts["read"] > 100, counts
    assert counts["read"] + counts["refused"] > 1450, counts


@pytest.mark.peer("dotnet")
def test_dotnet_reads_what_is_written(ask: Ask) -> None:
    """Documents read and written again mean the same to .NET, with a session and without."""
    rng = random.Random(11)
    written: list[bytes] = []
    shown: list[str] = []
    session = WriterSession(max_size=2048)
    frames: list[bytes] = []
    for _ in range(1500):
        data = Maker(rng, 0).document()
        try:
            document = read_document(data, ReaderSession.of(SESSION))
            again = encode(document)
            expected = to_xml(read_document(again))
        except XmlException:
            continue
        if reason_for(again, None):
            continue
        written.append(again)
        shown.append(expected)
        frames.append(encode_envelope(document, session))
    assert len(written) > 800
    answers = ask(documents=[data.hex() for data in written], session=[], quotas="max")
    for data, expected, answer in zip(written, shown, answers, strict=True):
        assert answer.get("xml") == expected, (data.hex(), answer)
    answers = ask("session-decode", frames=[frame.hex() for frame in frames], quotas="max")
    for frame, expected, answer in zip(frames, shown, answers, strict=True):
        assert answer.get("xml") == expected, (frame.hex(), answer)


@pytest.mark.peer("dotnet")
def test_dotnet_reads_conversations_written_again(ask: Ask) -> None:
    """Recorded envelopes, written again in a session of ours, are the same XML to .NET."""
    for name, recorded in conversations():
        theirs, session = ReaderSession(), WriterSession()
        frames = []
        for frame in recorded.frames:
            tree = read_document(frame, theirs, start=theirs.read_table(frame))
            frames.append(encode_envelope(tree, session).hex())
        answers = ask("session-decode", frames=frames, quotas="max")
        assert [a.get("xml") for a in answers] == recorded.xml, name


@pytest.mark.peer("dotnet")
def test_depth_quota(ask: Ask) -> None:
    """The depth at which .NET's default quotas refuse is the binding's here."""
    from netshare.transport.xml import BINDING_QUOTAS

    documents = [b"@\x01a" * n + b"\x01" * n for n in (31, 32, 33)]
    answers = ask(documents=[d.hex() for d in documents], session=[], quotas="default")
    for data, answer in zip(documents, answers, strict=True):
        try:
            read_events(data, quotas=BINDING_QUOTAS)
            refused = False
        except XmlException:
            refused = True
        assert refused == ("error" in answer)
