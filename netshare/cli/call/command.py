"""
``netshare call URI ACTION``: send a request to a service, and print the reply.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from netshare.addresses import AddressError
from netshare.cli.arguments import number_of_bytes, port_number, seconds
from netshare.cli.call.conversation import Call
from netshare.cli.call.request import (
    ENCODINGS,
    RequestError,
    encoder,
    operation_of,
    parse_body,
    request,
    wrapped,
)
from netshare.cli.call.security import configure as configure_security
from netshare.cli.call.security import secured
from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.target import Target
from netshare.cli.terminal import clean, for_terminal
from netshare.framing.records import Mode
from netshare.reactors import IReactor
from netshare.transport.channels.errors import (
    EndpointNotFoundError,
    MessageSecurityError,
    ProtocolError,
    QuotaExceededError,
    TransportError,
)
from netshare.transport.soap import FaultCode, Message, MessageInvalid, SoapFault
from netshare.transport.xml import Element, XmlException, to_indented_xml, to_xml

#: Seconds for the channel to open, and for the reply, unless told otherwise.
TIMEOUT = 60.0
#: WCF's own default is 65536; people who ask for something want to see it.
MAX_SIZE = 64 * 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare call``."""
    parser.add_argument("uri", metavar="URI", help="the address, such as net.tcp://host:808/path")
    parser.add_argument(
        "action", metavar="ACTION", help="such as http://tempuri.org/ICalculator/Add"
    )
    parser.add_argument(
        "argument",
        nargs="*",
        metavar="name=value",
        help="the operation's parameters, in their order; the body is then made of them as WCF "
        "does, with the names in the action",
    )
    parser.set_defaults(more="argument")
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--body", metavar="XML", help="what to put into the body instead")
    body.add_argument("--body-file", metavar="FILE", help="the same from a file; -: standard input")
    parser.add_argument(
        "--namespace", help="the contract's namespace, if the action does not begin with it"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="{NAMESPACE}NAME=VALUE",
        help="a header to send; again for the next",
    )
    parser.add_argument(
        "--encoding",
        choices=ENCODINGS,
        default="binary",
        metavar="NAME",
        help=f"one of {', '.join(ENCODINGS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--content-type", metavar="TEXT", help="what the service calls that encoding, if otherwise"
    )
    parser.add_argument("--streamed", action="store_true", help="transfer mode Streamed")
    parser.add_argument("--one-way", action="store_true", help="there is no reply to wait for")
    parser.add_argument("--to", metavar="URI", help="the message's To, if it is not the address")
    parser.add_argument("--host", help="connect to this host; the address asked for stays")
    parser.add_argument("--port", type=port_number, help="connect to this port, likewise")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long to wait for the connection, and for the reply (default: %(default)g)",
    )
    parser.add_argument(
        "--max-size",
        type=number_of_bytes,
        default=MAX_SIZE,
        metavar="BYTES",
        help="the largest reply to take (default: %(default)d)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")
    configure_security(parser)
    parser.epilog = """\
"netshare probe" shows which security a service asks for.

exit code:
  0  there is a reply; with --one-way: the message was taken
  1  no worker serves the path (EndpointNotFound)
  2  the command line does not make sense
  4  refused with another fault of the framing
  5  no connection: refused, timed out, no such host
  6  the far end speaks another protocol, or the reply cannot be read
  7  no reply in time, or the connection was lost
  8  the service answers with a SOAP fault
  10 the secure stream fails: one side does not believe the other
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Call, and print what comes.
    """
    mode = Mode.SINGLETON if options.streamed else Mode.DUPLEX
    encoding = encoder(options.encoding, mode, options.max_size)
    try:
        target = Target.of(options.uri, options.host, options.port)
        body = _body(options)
        to = options.to or target.via
        message = request(encoding, options.action, body, to, options.header, options.one_way)
    except AddressError as error:
        raise CommandFailed(Exit.USAGE, f"{clean(options.uri)}: {error}") from None
    except RequestError as error:
        raise CommandFailed(Exit.USAGE, clean(error)) from None
    call = Call(
        reactor,
        target,
        mode,
        lambda: encoder(options.encoding, mode, options.max_size),
        options.content_type or encoding.content_type,
        secured(reactor, options, target),
        options.timeout,
        options.max_size,
    )
    began = reactor.seconds()
    try:
        reply = await call.run(message, options.one_way)
    except TransportError as error:
        raise CommandFailed(_code(error), clean(error)) from None
    except XmlException as error:
        raise CommandFailed(Exit.USAGE, f"the request cannot be written: {clean(error)}") from None
    milliseconds = round((reactor.seconds() - began) * 1000, 1)
    if reply is None:
        if options.json:
            print(json.dumps({"milliseconds": milliseconds}, indent=2))
        return Exit.OK
    try:
        return _shown(reply, milliseconds, options.json)
    except (XmlException, MessageInvalid) as error:
        raise CommandFailed(Exit.NOT_NET_TCP, f"the reply cannot be read: {clean(error)}") from None


def _body(options: argparse.Namespace) -> Element | None:
    given = options.body
    if options.body_file is not None:
        given = _file(options.body_file)
    if given is None:
        namespace, operation = operation_of(options.action)
        if options.namespace is not None:
            namespace = options.namespace
        return wrapped(namespace, operation, options.argument)
    if options.argument:
        raise RequestError("the body is given, so there cannot be parameters as well")
    return parse_body(given)


def _file(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise RequestError(f"{name} cannot be read: {error.strerror or error}") from None


def _code(error: TransportError) -> Exit:
    if isinstance(error, EndpointNotFoundError):
        return Exit.NO_ENDPOINT if error.fault_uri else Exit.UNREACHABLE
    if error.fault_uri:
        return Exit.REFUSED
    if isinstance(error, MessageSecurityError):
        return Exit.NOT_SECURE
    if isinstance(error, ProtocolError | QuotaExceededError):
        return Exit.NOT_NET_TCP
    return Exit.NO_ANSWER


def _shown(reply: Message, milliseconds: float, as_json: bool) -> int:
    """Print the reply."""
    fault = SoapFault.from_message(reply) if reply.is_fault else None
    if as_json:
        print(json.dumps(_as_json(reply, fault, milliseconds), indent=2))
    elif fault is None:
        for element in _content(reply):
            print(for_terminal(to_indented_xml(element)))
    if fault is None:
        return Exit.OK
    sys.stdout.flush()
    if not as_json:
        detail = fault.detail_element()
        if detail is not None:
            print(for_terminal(to_indented_xml(detail), sys.stderr), file=sys.stderr)
    codes = "/".join(code.name for code in _codes(fault.code))
    raise CommandFailed(Exit.FAULT, f"fault {clean(codes)}: {clean(fault.reason)}")


def _content(reply: Message) -> list[Element]:
    found = []
    cursor = reply.body()
    while cursor is not None:
        found.append(cursor.element())
        if cursor.next() is None:
            break
    return found


def _codes(code: FaultCode | None) -> list[FaultCode]:
    found = []
    while code is not None:
        found.append(code)
        code = code.subcode
    return found


def _as_json(reply: Message, fault: SoapFault | None, milliseconds: float) -> dict[str, Any]:
    detail = None if fault is None else fault.detail_element()
    return {
        "action": reply.action,
        "milliseconds": milliseconds,
        "headers": [
            {"name": h.name, "namespace": h.namespace, "xml": to_xml(h.element())}
            for h in reply.headers
        ],
        "body": [to_xml(element) for element in _content(reply)] if fault is None else None,
        "fault": None
        if fault is None
        else {
            "codes": [{"name": c.name, "namespace": c.namespace} for c in _codes(fault.code)],
            "reason": fault.reason,
            "detail": None if detail is None else to_xml(detail),
        },
    }
