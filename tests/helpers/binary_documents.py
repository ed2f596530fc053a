"""Binary XML documents made up at random, well formed or nearly so, for the tests of the codec."""

from __future__ import annotations

import random
import struct

from netshare.transport.xml.binary.records import multibyte

WORDS = [
    "a", "b", "ab", "Line", "été", "value", "string", "xml", "xmlns", "x" * 40, "n" * 130,
    "0", "1", "space", "lang", "preserve", "default", "中文", "😀", "a-b.c", " ", "\t", "--",
]  # fmt: skip
URIS = [
    "", "urn:a", "urn:b", "http://tempuri.org/", "u" * 300,
    "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/",
]  # fmt: skip
PREFIXES = ["a", "b", "z", "pre", "p2", "xml", "xmlns", "xmlf", "XML", "", "é"]
SESSION = ["alpha", "urn:beta", "", "γάμμα", "s" * 200, "i:type"]


def counted(text: str) -> bytes:
    """A string with its size in front."""
    raw = text.encode()
    return multibyte(len(raw)) + raw


class Maker:
    """
    Makes documents.

    :param rng: the source of chance.
    :param wild: how likely a choice is made that is probably wrong.
    """

    def __init__(self, rng: random.Random, wild: float = 0.02) -> None:
        self.rng = rng
        self.wild = wild

    def odd(self) -> bool:
        """Whether to do something foolish now."""
        return self.rng.random() < self.wild

    def key(self) -> bytes:
        """A dictionary id."""
        rng = self.rng
        if self.odd():
            return multibyte(rng.choice([974, 2 * 487, 2 * len(SESSION) + 1, 2**31 - 1, 99999]))
        number = rng.choice([2 * rng.randrange(487), 2 * rng.randrange(len(SESSION)) + 1])
        raw = multibyte(number)
        if self.odd():
            raw = raw[:-1] + bytes([raw[-1] | 0x80, 0])  # a longer form than needed
        return raw

    def ticks(self) -> bytes:
        """64 bits for a DateTime."""
        rng = self.rng
        if self.odd():
            return rng.randbytes(8)
        return struct.pack(
            "<Q",
            rng.choice([0, 1, 2, 3]) << 62
            | rng.choice([0, 1, 3155378975999999999, 638000000000000000 + rng.randrange(10**15)]),
        )

    def decimal(self) -> bytes:
        """16 bytes of a decimal."""
        rng = self.rng
        if self.odd():
            return rng.randbytes(16)
        return struct.pack(
            "<HBBIQ", 0, rng.randrange(29), rng.choice([0, 128]),
            rng.choice([0, 0, 0, 2**32 - 1]), rng.choice([0, 1995, rng.getrandbits(64)]),
        )  # fmt: skip

    def float32(self) -> bytes:
        """4 bytes of a float."""
        rng = self.rng
        return rng.choice([
            struct.pack("<f", rng.uniform(-10, 10) * 10 ** rng.randrange(-12, 12)),
            struct.pack("<f", rng.choice([0.0, -0.0, 1.5, 100, 1e9, float("inf")])),
            rng.randbytes(4),
        ])  # fmt: skip

    def float64(self) -> bytes:
        """8 bytes of a double."""
        rng = self.rng
        return rng.choice([
            struct.pack("<d", rng.uniform(-10, 10) * 10 ** rng.randrange(-22, 22)),
            struct.pack("<d", rng.choice([0.0, -0.0, 1.5, 1e15, 1e16, 1e17, float("-inf")])),
            rng.randbytes(8),
        ])  # fmt: skip

    def chars(self) -> str:
        """Some text."""
        rng = self.rng
        return "".join(
            rng.choice(["a", "0", "<", "&", '"', ">", "'", "\n", "\r", "\t", "\x01", "é", "中",
                        "😀", "\ufffe", "\uffff", "\u2028", "word "])
            for _ in range(rng.choice([0, 1, 2, 5, 15]))
        )  # fmt: skip

    def text(self, end: bool, attribute: bool = False) -> bytes:
        """A text record."""
        rng = self.rng
        kind = rng.randrange(0x80, 0xBE) & 0xFE
        if self.odd():
            kind = rng.choice([0xA4, 0xA6, 0xA7, 0xA5, 0xBE, 0xC0, 0x60, 0x00])
        if kind == 0xA6:
            kind = 0xA8
        if kind == 0xA4:
            if end or self.odd():
                kind = 0xA8
            else:
                items = b"".join(self.text(False) for _ in range(rng.randrange(4)))
                return bytes([kind]) + items + (b"" if self.odd() else b"\xa6")
        head = bytes([(kind | end) & 0xFF if not self.odd() else kind ^ 1])
        fixed = {0x88: 1, 0x8A: 2, 0x8C: 4, 0x8E: 8, 0xAE: 8, 0xB2: 8, 0xB4: 1}
        fixed |= {0xAC: 16, 0xB0: 16}
        if kind in fixed:
            return head + rng.randbytes(fixed[kind])
        if kind == 0x90:
            return head + self.float32()
        if kind == 0x92:
            return head + self.float64()
        if kind == 0x94:
            return head + self.decimal()
        if kind == 0x96:
            return head + self.ticks()
        if kind == 0xAA:
            return head + self.key()
        if kind == 0xBC:
            return head + bytes([rng.randrange(26 + self.odd())]) + self.key()
        if 0x98 <= kind <= 0xA2 or 0xB6 <= kind <= 0xBA:
            return head + self.counted_text(kind)
        return head

    def counted_text(self, kind: int) -> bytes:
        """What follows the type byte of characters or bytes."""
        rng = self.rng
        raw = self.chars().encode("utf-16-le" if kind >= 0xB6 else "utf-8")
        if 0x9E <= kind <= 0xA2 or self.odd():
            raw = rng.randbytes(rng.randrange(12))
        size = len(raw) + (rng.choice([-1, 1, 200]) if self.odd() else 0)
        width = {0x98: "B", 0x9A: "H", 0x9C: "i", 0x9E: "B", 0xA0: "H", 0xA2: "i",
                 0xB6: "B", 0xB8: "H", 0xBA: "i"}[kind]  # fmt: skip
        return struct.pack("<" + width, max(min(size, 255), 0)) + raw

    def name(self, *, attribute: bool, scope: list[str]) -> bytes:
        """A name record: type byte, prefix, local name."""
        rng = self.rng
        word = counted(rng.choice(WORDS[:10] if not self.odd() else [*WORDS, ""]))
        prefix = rng.choice([*scope, ""])
        if self.odd():
            prefix = rng.choice(PREFIXES)
        letter = len(prefix) == 1 and "a" <= prefix <= "z"
        use_key = rng.random() < 0.3
        if letter and rng.random() < 0.8:
            base = (0x0C if use_key else 0x26) if attribute else (0x44 if use_key else 0x5E)
            return bytes([base + ord(prefix) - 97]) + (self.key() if use_key else word)
        if not prefix or rng.random() < 0.5:
            base = (0x06 if use_key else 0x04) if attribute else (0x42 if use_key else 0x40)
            return bytes([base]) + (self.key() if use_key else word)
        base = (0x07 if use_key else 0x05) if attribute else (0x43 if use_key else 0x41)
        return bytes([base]) + counted(prefix) + (self.key() if use_key else word)

    def start(self, scope: list[str]) -> tuple[bytes, list[str]]:
        """A start tag, and the prefixes declared inside of it."""
        rng = self.rng
        declared: list[str] = []
        xmlns = b""
        if rng.random() < 0.25:
            for prefix in rng.sample(["", "a", "b", "z", "pre"], rng.randrange(1, 4)):
                uri = rng.choice(URIS[1:5]) if prefix or rng.random() < 0.8 else ""
                if self.odd():
                    prefix, uri = rng.choice(PREFIXES), rng.choice(URIS)
                if rng.random() < 0.3:
                    form = b"\x0b" + counted(prefix) if prefix else b"\x0a"
                    xmlns += form + multibyte(rng.choice([4, 6, 3]))
                else:
                    xmlns += (b"\x09" + counted(prefix) if prefix else b"\x08") + counted(uri)
                declared.append(prefix)
        inner = [*scope, *(p for p in declared if p)]
        raw = self.name(attribute=False, scope=inner)
        attributes = b"".join(
            self.name(attribute=True, scope=inner) + self.text(False, attribute=True)
            for _ in range(rng.choice([0, 0, 0, 1, 2]))
        )
        return raw + (xmlns + attributes if rng.random() < 0.5 else attributes + xmlns), inner

    def array(self, scope: list[str]) -> bytes:
        """An array record."""
        rng = self.rng
        raw, _ = self.start(scope)
        kind = rng.choice([0xB5, 0x8B, 0x8D, 0x8F, 0x91, 0x93, 0x95, 0x97, 0xAF, 0xB1])
        if self.odd():
            kind = rng.choice([0x89, 0x81, 0x99, 0xB3, 0xAD, 0x8C])
        count = 0 if self.odd() else rng.randrange(1, 5)
        make = {0x91: self.float32, 0x93: self.float64, 0x95: self.decimal, 0x97: self.ticks}
        size = {0xB5: 1, 0x8B: 2, 0x8D: 4, 0x8F: 8, 0xAF: 8, 0xB1: 16}.get(kind, 4)
        items = b"".join(
            make[kind]() if kind in make
            else bytes([rng.randrange(2)]) if kind == 0xB5
            else rng.randbytes(size)
            for _ in range(count)
        )  # fmt: skip
        end = b"\x81" if self.odd() else b"\x01"
        return b"\x03" + raw + end + bytes([kind]) + multibyte(count) + items

    def element(self, depth: int, scope: list[str]) -> bytes:
        """An element with what is in it."""
        rng = self.rng
        raw, inner = self.start(scope)
        parts = [raw]
        for _ in range(rng.choice([0, 0, 1, 2, 4]) if depth < 6 else 0):
            what = rng.random()
            if what < 0.7:
                parts.append(self.element(depth + 1, inner))
            elif what < 0.8:
                # What .NET's copying does with what follows an array is a story of its own.
                parts.append(self.array(inner) + b"@\x05after\x01")
            elif what < 0.85:
                parts.append(b"\x02" + counted(rng.choice(WORDS)))
            else:
                parts.append(self.text(False))
        parts.append(self.text(True) if rng.random() < 0.7 else b"\x01")
        return b"".join(parts)

    def document(self) -> bytes:
        """A document."""
        rng = self.rng
        parts = []
        if rng.random() < 0.05:
            parts.append(rng.choice([b"\x02\x01c", b"\x98\x01 ", b"\x9e\x00", b"\x80", b"\xa8"]))
        parts.append(self.element(0, []) if rng.random() < 0.97 else self.array([]))
        if rng.random() < 0.05:
            parts.append(
                rng.choice([b"\x02\x01c", b"\x98\x01\n", b"\x01", b"@\x01a\x01", b"\x00", b"\xa9"])
            )
        return b"".join(parts)


def mutate(rng: random.Random, data: bytes) -> bytes:
    """A few bytes of *data* changed, taken out, doubled or moved."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        if not out:
            break
        at = rng.randrange(len(out))
        what = rng.randrange(6)
        if what == 0:
            out[at] = rng.randrange(256)
        elif what == 1:
            out[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del out[at : at + rng.choice([1, 2, 5])]
        elif what == 3:
            out[at:at] = rng.randbytes(rng.choice([1, 2, 5]))
        elif what == 4:
            out[at:at] = out[at : at + rng.randrange(20)]
        else:
            del out[at:]
    return bytes(out)
