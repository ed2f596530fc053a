"""``netshare call``: the messages it makes of its command line."""

from __future__ import annotations

import pytest

from netshare.cli import main
from netshare.cli.call.request import (
    ENCODINGS,
    RequestError,
    encoder,
    header,
    operation_of,
    parse_body,
    request,
    wrapped,
)
from netshare.framing.records import Mode
from netshare.transport.soap import Message
from netshare.transport.xml import to_xml


@pytest.mark.parametrize(
    ("action", "namespace", "operation"),
    [
        ("http://tempuri.org/ICalculator/Add", "http://tempuri.org/", "Add"),
        ("http://example.com/orders/IOrders/Place", "http://example.com/orders", "Place"),
        ("urn:peers:basic/IBasic/Who", "urn:peers:basic", "Who"),
        ("net.tcp://h/C/Öffnen", "net.tcp://h/", "Öffnen"),
    ],
)
def test_names_in_the_action(action: str, namespace: str, operation: str) -> None:
    """Where WCF made the action of the names, they are found in it."""
    assert operation_of(action) == (namespace, operation)


@pytest.mark.parametrize("action", ["", "Add", "urn:x/Add", "http://x/y/", "/C/Add", "a/b/c d"])
def test_other_actions(action: str) -> None:
    """An action that has no such names asks for a body."""
    with pytest.raises(RequestError, match="--body"):
        operation_of(action)


def test_a_body_of_parameters() -> None:
    """Parameters stand in their order, in the contract's namespace, as text."""
    body = wrapped("urn:c", "Op", ["b=1", "a=<é>=", "e=", "b=2"])
    assert to_xml(body) == ('<Op xmlns="urn:c"><b>1</b><a>&lt;é&gt;=</a><e></e><b>2</b></Op>')
    assert to_xml(wrapped("", "Op", [])) == "<Op></Op>"


def test_a_body_of_xml() -> None:
    """A body is what stands there; nothing is an empty body."""
    body = parse_body(b'<?xml version="1.0"?><x:a xmlns:x="u" b="1"><c/></x:a>')
    assert body is not None
    assert to_xml(body) == '<x:a b="1" xmlns:x="u"><c></c></x:a>'
    assert parse_body(" ") is None


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: wrapped("u", "Op", ["a"]), "'a' is not name=value"),
        (lambda: wrapped("u", "Op", ["a b=1"]), "is not name=value"),
        (lambda: header("{u}n"), "is not {namespace}name=value"),
        (lambda: header("{u=v"), "is not {namespace}name=value"),
        (lambda: parse_body("<a>"), "the body is not XML: "),
        (lambda: parse_body('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "A DTD is not allowed"),
    ],
)
def test_mistakes(made: object, says: str) -> None:
    """What makes no message is said."""
    assert callable(made)
    with pytest.raises(RequestError) as caught:
        made()
    assert says in str(caught.value)


@pytest.mark.parametrize("mode", [Mode.DUPLEX, Mode.SINGLETON])
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding(name: str, mode: Mode) -> None:
    """In every encoding the receiver finds action, address, headers and body."""
    encoding = encoder(name, mode, 65536)
    message = request(
        encoding, "urn:c/C/Op", wrapped("urn:c", "Op", ["a=1"]), "net.tcp://h/p", ["{u}n=v", "m=w"]
    )
    got: Message = encoder(name, mode, 65536).decode(encoding.encode(message))
    assert (got.action, got.to) == ("urn:c/C/Op", "net.tcp://h/p")
    assert got.message_id == message.message_id
    assert got.reply_to == encoding.version.addressing.anonymous
    assert [(h.namespace, h.name, h.text) for h in got.headers] == [("u", "n", "v"), ("", "m", "w")]
    body = got.body_element()
    assert body is not None
    assert to_xml(body) == '<Op xmlns="urn:c"><a>1</a></Op>'
    assert (encoding.content_type.find("session") > 0) == (
        name.startswith("binary") and mode is Mode.DUPLEX
    )


def test_one_way() -> None:
    """A message that asks for no reply names no address for one."""
    message = request(encoder("binary", Mode.DUPLEX, 1), "a", None, "t", one_way=True)
    assert (message.message_id, message.reply_to) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["net.tcp://h/"], "required: ACTION"),
        (["net.tcp://h/", "a", "--encoding", "x"], "invalid choice: 'x'"),
        (["net.tcp://h/", "a", "--body", "", "--body-file", "-"], "not allowed with"),
        (["net.tcp://h/", "a", "--max-size", "0"], "'0' is not a number of bytes"),
    ],
)
def test_usage(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense ends with code 2 and says what was wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["call", *arguments])
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
