"""
Two web sites for one shared port: Factories that know nothing of port sharing.

Run by the service, which reads and answers the framing preamble for them::

    twistd -n netshare --worker net.tcp://+:8808/one=hello:one,preamble=consume
"""

import os

from twisted.web.resource import Resource
from twisted.web.server import Site


class Hello(Resource):
    """Says its name and which process it is."""

    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def render_GET(self, request):
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        peer = request.getClientAddress().host
        return f"service {self.name}, process {os.getpid()}, called by {peer}\n".encode()


def one() -> Site:
    """The Factory of the first service."""
    return Site(Hello("one"))


def two() -> Site:
    """The Factory of the second service."""
    return Site(Hello("two"))
