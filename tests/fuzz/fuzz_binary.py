"""
Coverage-guided fuzzing of the binary XML codec, with atheris (PyPI) if it is there.

``python tests/fuzz/fuzz_binary.py -max_total_time=30``; libFuzzer's options are taken as they are.
Any exception but ours, any difference between the two ways of reading, and any document that is
not the same after being written and read again is a finding. Without atheris it says so and ends
with status 77, as a skipped test does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

try:
    import atheris  # type: ignore[import-untyped]
except ImportError:
    atheris = None

if atheris is not None:
    with atheris.instrument_imports(include=["netshare"]):
        from netshare.transport.xml import BUFFERED_QUOTAS, XmlException, build_tree
        from netshare.transport.xml import text as xmltext
        from netshare.transport.xml.binary import (
            ReaderSession,
            WriterSession,
            encode,
            encode_envelope,
            read_document,
        )
        from netshare.transport.xml.binary.recordreader import RecordReader
else:
    from netshare.transport.xml import BUFFERED_QUOTAS, XmlException, build_tree
    from netshare.transport.xml import text as xmltext
    from netshare.transport.xml.binary import (
        ReaderSession,
        WriterSession,
        encode,
        encode_envelope,
        read_document,
    )
    from netshare.transport.xml.binary.recordreader import RecordReader

#: Documents longer than this in text are not printed: time is for other inputs.
MAX_TEXT = 100_000


def read_carefully(data: bytes, session: ReaderSession, start: int) -> str | None:
    """A document by the record-by-record reader alone, as text; ``None`` when refused."""
    try:
        events = RecordReader(data, session, BUFFERED_QUOTAS, start).read()
        return xmltext.to_xml(build_tree(events), MAX_TEXT)
    except XmlException:
        return None


def check(data: bytes) -> None:
    """Take *data* for an envelope with its table, and look for anything wrong."""
    session = ReaderSession()
    try:
        start = session.read_table(data)
    except XmlException:
        return
    try:
        document = read_document(data, session, start=start)
        text = xmltext.to_xml(document, MAX_TEXT)
    except XmlException:
        assert read_carefully(data, session, start) is None
        return
    assert read_carefully(data, session, start) == text
    try:
        again = encode(document)
    except XmlException:
        return  # names of our own limits, e.g. comments
    once = read_document(again)
    assert encode(once) == encode(read_document(encode(once)))
    envelope = encode_envelope(document, WriterSession())
    other = ReaderSession()
    body = other.read_table(envelope)
    shown = xmltext.to_xml(once, MAX_TEXT * 8)
    assert xmltext.to_xml(read_document(envelope, other, start=body), MAX_TEXT * 8) == shown
    try:
        xmltext.parse(text)
    except XmlException:
        pass  # binary names may be anything, those of text may not


def seeds(folder: Path) -> None:
    """Write recorded documents to begin with."""
    from tests.helpers.binary_vectors import MESSAGE_IN_SESSION, conversations, oracle_documents

    samples = [b"\0" + bytes.fromhex(d["hex"]) for d in oracle_documents()]
    samples.append(MESSAGE_IN_SESSION[:2000])
    for _, recorded in conversations():
        samples += recorded.frames[:20]
    for number, sample in enumerate(samples):
        if len(sample) < 3000:
            (folder / f"{number:04}").write_bytes(sample)


def main() -> int:
    """Fuzz until libFuzzer ends."""
    if atheris is None:
        print("atheris is not installed: nothing was fuzzed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        atheris.Setup([*sys.argv, folder], check)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
