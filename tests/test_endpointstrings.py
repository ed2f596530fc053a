"""netshare.endpointstrings and the dropin: endpoint strings, and what they cost every twistd."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from netshare.endpoints.client import NetTcpClientEndpoint
from netshare.endpoints.preamble import PreambleUse
from netshare.endpointstrings import NetshareServerParser, NetTcpClientParser
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

ADDRESS = r"net.tcp\://+\:8808/site"


def server(text: str) -> Any:
    return serverFromString(MemoryReactorClock(), text)


def client(text: str) -> Any:
    return clientFromString(MemoryReactorClock(), text)


def test_the_interfaces() -> None:
    """Both parsers are what Twisted looks for."""
    verifyObject(IStreamServerEndpointStringParser, NetshareServerParser())
    verifyObject(IStreamClientEndpointStringParserWithReactor, NetTcpClientParser())


def test_a_server_string() -> None:
    """The address, and nothing else, is needed."""
    endpoint = server(f"netshare:{ADDRESS}")
    assert isinstance(endpoint, SharedPortServerEndpoint)
    assert endpoint._wish == Wish("net.tcp://+:8808/site")
    assert endpoint._preamble is PreambleUse.PASS


def test_every_server_option() -> None:
    """Each option arrives where it belongs."""
    endpoint = server(
        f"netshare:{ADDRESS}:preamble=consume:control=/run/x:mode=Exact:unique=yes:shared=yes"
        ":wait=yes:maxOutstanding=5:serviceUser=root:connectionIdleTimeout=2.5"
    )
    assert endpoint._wish == Wish("net.tcp://+:8808/site", "Exact", True, True, 5)
    assert endpoint._preamble is PreambleUse.CONSUME
    assert (str(endpoint._control), endpoint._wait) == ("/run/x", True)
    assert endpoint._idleTimeout == 2.5


def test_a_unique_address() -> None:
    """A unique address need not be named."""
    assert server("netshare:unique=yes")._wish == Wish(None, None, True)


BAD_SERVERS = [
    ("netshare:", "address"),
    ("netshare", "address"),
    ("netshare:preamble=consume", "address"),
    (f"netshare:{ADDRESS}:preamble=eat", "pass or consume"),
    (f"netshare:{ADDRESS}:wait=maybe", "yes or no"),
    (f"netshare:{ADDRESS}:shared=1", "yes or no"),
    (f"netshare:{ADDRESS}:unique=", "yes or no"),
    (f"netshare:{ADDRESS}:maxOutstanding=many", "whole number"),
    (f"netshare:{ADDRESS}:maxOutstanding=0", "whole number"),
    (f"netshare:{ADDRESS}:serviceUser=nosuchuser", "no user"),
    (f"netshare:{ADDRESS}:connectionIdleTimeout=5", "for preamble=consume"),
    (f"netshare:{ADDRESS}:preamble=consume:connectionIdleTimeout=0", "seconds above 0"),
    (f"netshare:{ADDRESS}:colour=red", "'colour'.*it knows address, preamble, control"),
    (f"netshare:{ADDRESS}:808", "it knows address"),
]


@pytest.mark.parametrize(("text", "words"), BAD_SERVERS)
def test_bad_server_strings(text: str, words: str) -> None:
    """What is wrong with a string is said in words."""
    with pytest.raises(ValueError, match=words):
        server(text)


def test_an_unescaped_colon() -> None:
    """The usual mistake is an error, too."""
    with pytest.raises(ValueError, match="netshare:"):
        server("netshare:net.tcp://+:8808/site:preamble=consume")


def test_a_client_string() -> None:
    """Host, port, via and timeout arrive where they belong."""
    endpoint = client(r"nettcp:127.0.0.1:8808:via=net.tcp\://h/site:timeout=2.5")
    assert isinstance(endpoint, NetTcpClientEndpoint)
    assert (endpoint._via, endpoint._timeout) == ("net.tcp://h/site", 2.5)
    assert (endpoint._endpoint._hostText, endpoint._endpoint._port) == ("127.0.0.1", 8808)
    assert client(r"nettcp:127.0.0.1:via=net.tcp\://h/site")._endpoint._port == 808


BAD_CLIENTS = [
    (r"nettcp:via=net.tcp\://h/", "host"),
    ("nettcp:h", "via"),
    (r"nettcp:h:x:via=net.tcp\://h/", "port=x"),
    (r"nettcp:h:0:via=net.tcp\://h/", "port=0"),
    (r"nettcp:h:1:via=net.tcp\://h/:timeout=soon", "timeout=soon"),
    (r"nettcp:h:1:via=net.tcp\://h/:timeout=-1", "timeout=-1"),
    (r"nettcp:h:1:via=net.tcp\://h/:timeout=nan", "timeout=nan"),
    ("nettcp:h:1:via=nowhere", "absolute URI"),
    (r"nettcp:h:1:via=net.tcp\://h/:tls=yes", "'tls'"),
]


@pytest.mark.parametrize(("text", "words"), BAD_CLIENTS)
def test_bad_client_strings(text: str, words: str) -> None:
    """What is wrong with a string is said in words."""
    with pytest.raises(ValueError, match=words):
        client(text)


IMPORTED = """
import sys
import twisted.plugins.netshare_dropin
for name in sorted(sys.modules):
    print(name)
"""


def test_the_dropin_imports_next_to_nothing() -> None:
    """Every twistd of a machine imports the dropin: it is to be cheap."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(result.stdout.split())
    assert {name for name in imported if name.partition(".")[0] == "netshare"} == {
        "netshare",
        "netshare._version",
        "netshare.endpointstrings",
    }
    assert "twisted.internet.reactor" not in imported
    assert "twisted.protocols.amp" not in imported
