"""Character encodings: every spelling that peers use, and the marks of each."""

import codecs

import pytest

from netshare.transport.encoders.charsets import CHARSETS, MARKS, UTF8, parse_content_type


@pytest.mark.parametrize(
    ("content_type", "media", "charset"),
    [
        ("application/soap+xml; charset=utf-8", "application/soap+xml", "utf-8"),
        ('Text/XML;Charset="UTF-16LE"', "text/xml", "utf-16le"),
        ("text/xml; charset='unicodeFFFE' ; x=y", "text/xml", "unicodefffe"),
        ("text/xml", "text/xml", "utf-8"),
        ("", "", "utf-8"),
        (";;=;charset", "", ""),
    ],
)
def test_content_types(content_type: str, media: str, charset: str) -> None:
    """Media type and charset are found in any case and quoting; utf-8 is the default."""
    assert parse_content_type(content_type) == (media, charset)


@pytest.mark.parametrize("name", CHARSETS)
def test_declarations(name: str) -> None:
    """What stands in front of a message can be decoded with the charset it declares."""
    charset = CHARSETS[name]
    text = charset.declaration.decode(charset.codec)
    assert text.lstrip("\ufeff") == "" or "utf-16" in text
    if charset is not UTF8:
        assert dict(MARKS)[charset.declaration[:2]] is charset


def test_marks() -> None:
    """Each byte order mark names one charset."""
    assert dict(MARKS)[codecs.BOM_UTF8] is UTF8
    assert len(dict(MARKS)) == 3
