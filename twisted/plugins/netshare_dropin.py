"""
What ``twistd`` and Twisted's endpoint strings learn of netshare.

Every ``twistd`` on a machine imports every dropin, so this file imports next to nothing:
the real code is loaded when one of these is used.
"""

from twisted.application.service import ServiceMaker

from netshare.endpointstrings import NetshareServerParser, NetTcpClientParser

netshare = ServiceMaker(
    "netshare",
    "netshare.tap",
    "Share one TCP port among many net.tcp (WCF) services.",
    "netshare",
)
netshareServerEndpoint = NetshareServerParser()
nettcpClientEndpoint = NetTcpClientParser()
