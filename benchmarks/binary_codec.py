"""
How fast binary XML is read and written, beside other Python packages, and how rightly.

Run from the project's root: ``python benchmarks/binary_codec.py``. The packages ``wcf`` and
``pynettcp`` (PyPI) are measured if they are installed.

The document is the order message of tests/vectors (9,587 bytes, 474 elements). To be fair to
what a service meets, each round reads another document: eight versions with other numbers,
texts and keys in them, so that nothing but names repeats. Rounds are interleaved between all
candidates; the median of each is printed.

What the rows mean:

events
    ``read_events``: everything checked and typed, a flat list.
tree
    ``read_document``: that, and the tree of it.
cursor
    ``XmlCursor``: that, and each line's nine fields converted into a dataclass by a contract's
    types.
encode tree
    ``encode`` of a tree read before.
encode calls
    the same document by calls of ``BinaryWriter`` (``start_element``, ``element``, …).

The oracle columns count, of the documents of tests/vectors/nbfx_oracle.jsonl, those that are read
as .NET reads them (compared as canonical XML; refused ones have to be refused).
"""

from __future__ import annotations

import io
import logging
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import canonicalize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from netshare.transport.xml import (
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Event,
    Start,
    XmlCursor,
    XmlException,
    to_xml,
)
from netshare.transport.xml import conversions as c
from netshare.transport.xml.binary import (
    BinaryWriter,
    ReaderSession,
    encode,
    read_document,
    read_events,
)
from tests.helpers.binary_vectors import MESSAGE, oracle_documents

VERSIONS = 8
ROUNDS = 15
SECONDS = 0.05


def versions() -> list[bytes]:
    """The message with other contents of the same sizes: names stay, values change."""
    rng = random.Random(1)
    made = []
    for _ in range(VERSIONS):
        data = bytearray(MESSAGE)
        at = data.index(b"@\x04Line")
        while (at := data.find(b"\x8d", at + 1)) >= 0:
            if data[at - 2 : at] == b"Id":
                data[at + 1 : at + 4] = rng.randbytes(3)
        for name, skip, size in ((b"@\x03Key\xb1", 6, 16), (b"@\x06Weight\x93", 9, 7)):
            at = 0
            while (at := data.find(name, at + 1)) >= 0:
                data[at + skip : at + skip + size] = rng.randbytes(size)
        at = 0
        while (at := data.find(b"SKU-", at + 1)) >= 0:
            data[at + 7 : at + 12] = bytes(rng.choices(b"ABCDEFGHIJ", k=5))
            start = data.index(b"Widget", at)
            data[start : start + 6] = bytes(rng.choices(b"abcdefghij", k=6))
        read_events(bytes(data))
        made.append(bytes(data))
    return made


@dataclass(slots=True)
class Line:
    """A line of the order, as a contract has it."""

    id: int = 0
    active: bool = False
    sku: str = ""
    description: str = ""
    quantity: int = 0
    price: Any = None
    ordered: Any = None
    key: Any = None
    weight: float = 0.0


FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Id": ("id", c.as_integer),
    "Active": ("active", c.as_boolean),
    "Sku": ("sku", c.as_string),
    "Description": ("description", c.as_string),
    "Quantity": ("quantity", c.as_integer),
    "Price": ("price", c.as_decimal),
    "Ordered": ("ordered", c.as_datetime),
    "Key": ("key", c.as_guid),
    "Weight": ("weight", c.as_double),
}


def read_lines(data: bytes) -> list[Line]:
    """The lines of an order, straight from the cursor."""
    at = XmlCursor(read_events(data))
    at.root()
    at.enter()
    while (name := at.next()) is not None and name.local != "Body":
        pass
    for _ in range(3):  # Body, Submit, batch
        at.enter()
        at.next()
    lines = []
    fields = FIELDS
    while True:
        line = Line()
        at.enter()
        while (name := at.next()) is not None:
            attribute, convert = fields[name.local]
            setattr(line, attribute, convert(at.value()))
        at.leave()
        lines.append(line)
        if at.next() is None:
            return lines


def replay(events: list[Event]) -> bytes:
    """A document by the calls of a writer."""
    writer = BinaryWriter()
    for event in events:
        if type(event) is Element and not event.attributes:
            prefix, local, namespace = event.name
            writer.element(local, event.children[0], namespace, prefix)  # type: ignore[arg-type]
        elif type(event) is Element or type(event) is Start:
            prefix, local, namespace = event.name
            writer.start_element(local, namespace, prefix)
            for attribute in event.attributes:
                if type(attribute) is Attribute:
                    name = attribute.name
                    writer.attribute(name.local, attribute.value, name.namespace, name.prefix)
                else:
                    writer.declare(*attribute)
            if type(event) is Element:
                writer.text(event.children[0])  # type: ignore[arg-type]
                writer.end_element()
        elif type(event) is not ArrayElements and type(event) is not Comment:
            writer.end_element()
    return writer.getvalue()


@dataclass
class Candidate:
    """Something to be measured: its inputs, one for each version, and what it does."""

    name: str
    inputs: list[Any]
    run: Callable[[Any], Any]
    size: int = len(MESSAGE)


def netshare_candidates(documents: list[bytes]) -> list[Candidate]:
    """What is measured here."""
    trees = [read_document(d) for d in documents]
    events = [read_events(d) for d in documents]
    written = len(encode(trees[0]))
    assert to_xml(read_document(replay(events[0]))) == to_xml(trees[0])
    return [
        Candidate("netshare read: events", documents, read_events),
        Candidate("netshare read: tree", documents, read_document),
        Candidate("netshare read: cursor to dataclasses", documents, read_lines),
        Candidate("netshare write: tree", trees, encode, written),
        Candidate("netshare write: calls", events, replay, written),
    ]


def wcf_candidates(documents: list[bytes]) -> tuple[list[Candidate], Callable[[bytes], str]]:
    """The package ``wcf``."""
    logging.disable(logging.CRITICAL)
    for module in ("attributes", "elements", "text"):
        import_module(f"wcf.records.{module}")  # they register themselves
    package, base = import_module("wcf.records"), import_module("wcf.records.base")

    def read(data: bytes) -> Any:
        return base.Record.parse(io.BytesIO(data))

    def show(data: bytes) -> str:
        out = io.StringIO()
        package.print_records(read(data), fp=out)
        return out.getvalue()

    records = [read(d) for d in documents]
    return [
        Candidate("wcf read: records", documents, read),
        Candidate("wcf write: records", records, package.dump_records),
    ], show


def pynettcp_candidates(documents: list[bytes]) -> tuple[list[Candidate], Callable[[bytes], str]]:
    """The package ``pynettcp``."""
    nbfx, xmltree = import_module("pynettcp.nbfx"), import_module("pynettcp.xmltree")

    def read(data: bytes) -> Any:
        return nbfx.BinaryXmlReader(data).read()

    def write(events: list[Any]) -> bytes:
        writer = nbfx.BinaryXmlWriter()
        pending = None
        for event in events:
            match event:
                case ("start", prefix, name):
                    writer.start_element(prefix, name)
                case ("xmlns", prefix, namespace):
                    writer.xmlns(prefix, namespace)
                case ("attr", prefix, name):
                    pending = (prefix, name)
                case ("text", value) if pending:
                    writer.attribute(*pending, str(value))
                    pending = None
                case ("text", value):
                    writer.value(value)
                case _:
                    writer.end_element()
        result: bytes = writer.getvalue()
        return result

    events = [read(d) for d in documents]
    candidates = [
        Candidate("pynettcp read: events", documents, read),
        Candidate("pynettcp read: tree", documents, lambda d: xmltree.events_to_element(read(d))),
    ]
    try:
        candidates.append(Candidate("pynettcp write: calls", events, write, len(write(events[0]))))
    except Exception as error:
        print(f"pynettcp cannot write its own events: {error!r}")
    return candidates, lambda data: str(xmltree.events_to_string(read(data)))


def measure(candidates: list[Candidate]) -> dict[str, float]:
    """Seconds for one document, the median of interleaved rounds."""
    times: dict[str, list[float]] = {c.name: [] for c in candidates}
    for _ in range(ROUNDS):
        for candidate in candidates:
            count = 0
            began = time.perf_counter()
            while (spent := time.perf_counter() - began) < SECONDS:
                for given in candidate.inputs:
                    candidate.run(given)
                count += len(candidate.inputs)
            times[candidate.name].append(spent / count)
    return {name: statistics.median(values) for name, values in times.items()}


def rightly(show: Callable[[bytes], str], error: type[BaseException]) -> int:
    """How many oracle documents are read as .NET reads them."""
    right = 0
    for document in oracle_documents():
        data = bytes.fromhex(document["hex"])
        try:
            shown: str | None = canonicalize(show(data))
        except error:
            shown = None
        wanted = document.get("xml")
        right += shown == (None if wanted is None else canonicalize(wanted))
    return right


def main() -> None:
    """Measure, and print a table."""
    documents = versions()
    candidates = netshare_candidates(documents)
    rights = {
        "netshare": rightly(lambda data: to_xml(read_document(data, ReaderSession())), XmlException)
    }
    for package, make in (("wcf", wcf_candidates), ("pynettcp", pynettcp_candidates)):
        try:
            more, show = make(documents)
        except ImportError:
            print(f"{package} is not installed")
            continue
        candidates += more
        rights[package] = rightly(show, Exception)
    medians = measure(candidates)
    print(f"{'':40}{'ms':>9}{'MB/s':>9}{'oracle':>10}")
    for candidate in candidates:
        seconds = medians[candidate.name]
        package = candidate.name.split()[0]
        count = f"{rights[package]}/{len(oracle_documents())}"
        rate = candidate.size / seconds / 1e6
        print(f"{candidate.name:40}{seconds * 1e3:9.3f}{rate:9.2f}{count:>10}")


if __name__ == "__main__":
    main()
