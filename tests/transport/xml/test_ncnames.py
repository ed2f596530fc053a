"""Names are encoded as .NET's XmlConvert does it, where they have to be."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml.ncnames import decode_name, encode_name, is_ncname

#: What .NET's DataContractSerializer calls members of these names.
NAMES = {
    "a b": "a_x0020_b",
    "<N>k__BackingField": "_x003C_N_x003E_k__BackingField",
    "1st": "_x0031_st",
    "-a": "_x002D_a",
    "Do It!": "Do_x0020_It_x0021_",
    "a:b": "a_x003A_b",
    "class": "class",
    "größe": "größe",
    "a·b": "a·b",
    "_x0041_": "_x0041_",
    "_x0041_ b": "_x005F_x0041__x0020_b",
    "_X0041_ b": "_x005F_X0041__x0020_b",
    "_x0001F600_ b": "_x005F_x0001F600__x0020_b",
    "_xD83D_ b": "_x005F_xD83D__x0020_b",
    "_x_ b": "_x__x0020_b",
    "_xg041_ ": "_xg041__x0020_",
    "_x0041 c": "_x0041_x0020_c",
    "\u0301a": "_x0301_a",
    "a\u0301": "a\u0301",
    "a\u00d7": "a_x00D7_",
    "a\u2070b": "a_x2070_b",
    "\u0132": "_x0132_",
    "é\U0001f600": "é_x0001F600_",
    "\U00010000": "_x00010000_",
    "\ufffe": "_xFFFE_",
    "a\ud800": "a_xD800_",
}


@pytest.mark.parametrize(("name", "encoded"), NAMES.items())
def test_encoded_as_in_dotnet(name: str, encoded: str) -> None:
    """What is no name in XML is encoded, and nothing else."""
    assert encode_name(name) == encoded
    assert is_ncname(name) is (name == encoded)


def test_the_characters_are_dotnets() -> None:
    """The characters of names are those for which .NET's IsStartNCNameChar and IsNCNameChar are."""
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    first = "".join(one for one in characters if is_ncname(one))
    rest = "".join(one for one in characters if is_ncname("a" + one))
    assert (len(first), len(rest)) == (34515, 35121)
    digests = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in (first, rest)]
    assert digests == DIGESTS


#: Of the same lists, made with .NET 10.
DIGESTS = ["8d3ff34563bab6cc", "2e87f6853c35e779"]


@given(st.text(min_size=1))
def test_any_name(name: str) -> None:
    """Every text becomes a name, of which the text can be had again unless it looked encoded."""
    encoded = encode_name(name)
    assert is_ncname(encoded)
    if encoded != name:
        assert decode_name(encoded) == name
    assert encode_name(encoded) == encoded
