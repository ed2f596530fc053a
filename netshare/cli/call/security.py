"""
The security that ``netshare call`` asks for, in WCF's words: from its options to an upgrade, and to
what secures messages.

Passwords come from a file or are asked for at the terminal. They are no options: everyone on the
machine can read a command line.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import dataclass
from pathlib import Path

from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.target import Target
from netshare.cli.terminal import clean
from netshare.reactors import IReactor
from netshare.transport.channels.upgrades import IUpgradeInitiator
from netshare.transport.security import (
    CertificateError,
    CertificateFile,
    CertificateIdentity,
    CertificateValidation,
    ClientCredentials,
    DnsIdentity,
    EndpointIdentity,
    MessageCredentialType,
    PemCertificate,
    PfxCertificate,
    ProtectionLevel,
    SecurityNotAvailable,
    SpnIdentity,
    SslProtocols,
    TcpClientCredentialType,
    TransportSecurity,
    UserNameCredential,
    WindowsClientCredential,
)
from netshare.transport.security.messagecredentials import MessageSecurity
from netshare.transport.security.secureconversation import ClientMessageSecurity
from netshare.transport.security.transportsecurity import in_threads_of

__all__ = ["Secured", "configure", "secured"]

#: Options that mean something with a certain credential only.
_OF_TLS = ("ca_file", "no_verify", "thumbprint", "certificate", "certificate_key", "tls")
_OF_WINDOWS = ("spn", "user", "password_file", "no_ntlm", "protection_level")
_NONE, _TRANSPORT, _IN_MESSAGES = "None", "Transport", "TransportWithMessageCredential"
_USER_NAME = MessageCredentialType.USER_NAME.value


@dataclass(frozen=True, slots=True)
class Secured:
    """
    What a call is secured with.

    :param upgrade: to a secure stream; None: the stream is as it is
    :param messages: shows a credential in messages; None: there is none in them
    """

    upgrade: IUpgradeInitiator | None = None
    messages: ClientMessageSecurity | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group("security")
    group.add_argument(
        "--security",
        choices=(_NONE, _TRANSPORT, _IN_MESSAGES),
        default=_NONE,
        metavar="MODE",
        help="the binding's security mode: None, Transport or TransportWithMessageCredential "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--credential",
        choices=[*(one.value for one in TcpClientCredentialType), _USER_NAME],
        metavar="TYPE",
        help="its client credential type: Windows (WCF's default), Certificate or None (TLS); in "
        "messages Windows, UserName or Certificate",
    )
    group.add_argument("--dns", metavar="NAME", help="the service's identity: its DNS name")
    tls = parser.add_argument_group("with --credential Certificate, None or UserName (TLS)")
    tls.add_argument(
        "--ca-file", metavar="FILE", help="authorities to trust, in PEM, not the system's"
    )
    tls.add_argument("--thumbprint", metavar="HEX", help="the service's identity: its certificate")
    tls.add_argument(
        "--no-verify",
        action="store_true",
        help="believe any certificate that has the --thumbprint or is for --dns; without these, any"
        " at all: anybody can be the service",
    )
    tls.add_argument(
        "--certificate", metavar="FILE", help="the client's own, in PEM or PFX (.pfx, .p12)"
    )
    tls.add_argument("--certificate-key", metavar="FILE", help="its key in PEM, if elsewhere")
    tls.add_argument(
        "--tls",
        choices=[one.value for one in SslProtocols if one is not SslProtocols.SYSTEM],
        metavar="VERSION",
        help="only this version: Tls12 or Tls13",
    )
    windows = parser.add_argument_group("with --credential Windows")
    windows.add_argument(
        "--user",
        metavar="NAME",
        help="DOMAIN\\user or user@REALM; otherwise kinit's ticket. With --credential UserName: "
        "the name",
    )
    windows.add_argument("--spn", metavar="NAME", help="the service's identity: its principal")
    windows.add_argument("--no-ntlm", action="store_true", help="insist on Kerberos")
    windows.add_argument(
        "--protection-level",
        choices=[one.value for one in ProtectionLevel],
        metavar="LEVEL",
        help="None, Sign or EncryptAndSign (WCF's default)",
    )
    windows.add_argument(
        "--password-file",
        metavar="FILE",
        help="its first line is the password of --user, or of --certificate; -: standard input. "
        "Without it the password is asked for at the terminal",
    )


def secured(reactor: IReactor, options: argparse.Namespace, target: Target) -> Secured:
    """
    :param options: those of :func:`configure`, and ``to``
    :returns: what to secure the call with
    :raises CommandFailed: the options do not go together, or a file cannot be used
    """
    if options.security == _NONE:
        _refuse(options, ("credential", "dns", *_OF_TLS, *_OF_WINDOWS), "--security Transport")
        return Secured()
    try:
        if options.security == _IN_MESSAGES:
            return _in_messages(reactor, options, target)
        return Secured(_in_transport(reactor, options, target))
    except (SecurityNotAvailable, CertificateError, ValueError) as error:
        raise CommandFailed(Exit.USAGE, clean(error)) from None


def _in_transport(
    reactor: IReactor, options: argparse.Namespace, target: Target
) -> IUpgradeInitiator:
    if options.credential == _USER_NAME:
        raise CommandFailed(
            Exit.USAGE, f"--credential {_USER_NAME} is for --security {_IN_MESSAGES}"
        )
    kind = TcpClientCredentialType(options.credential or TcpClientCredentialType.WINDOWS.value)
    if kind is TcpClientCredentialType.WINDOWS:
        _refuse(options, _OF_TLS, "--credential Certificate or None")
    else:
        others = [one for one in _OF_WINDOWS if one != "password_file"]
        _refuse(options, others, "--credential Windows")
    return _initiator(reactor, options, target, kind, _credentials(options, kind))


def _in_messages(reactor: IReactor, options: argparse.Namespace, target: Target) -> Secured:
    """The stream is secured by TLS, in which the client is anonymous."""
    if options.credential == TcpClientCredentialType.NONE.value:
        raise CommandFailed(
            Exit.USAGE,
            f"--security {_IN_MESSAGES} has no --credential None: Windows, {_USER_NAME} or "
            "Certificate",
        )
    kind = MessageCredentialType(options.credential or MessageCredentialType.WINDOWS.value)
    _refuse(options, ("spn", "protection_level"), "--security Transport")
    certificate = user = None
    windows = WindowsClientCredential()
    if kind is MessageCredentialType.CERTIFICATE:
        _refuse(options, ("user",), f"--credential {_USER_NAME} or Windows")
        certificate = _needed_certificate(options)
    else:
        _refuse(options, ("certificate", "certificate_key"), "--credential Certificate")
    if kind is MessageCredentialType.WINDOWS:
        windows = _windows(options)
    else:
        _refuse(options, ("no_ntlm",), "--credential Windows")
    if kind is MessageCredentialType.USER_NAME:
        if not options.user:
            raise CommandFailed(Exit.USAGE, f"--credential {_USER_NAME} needs --user NAME")
        user = UserNameCredential(options.user, _password_of_user(options))
    credentials = ClientCredentials(
        certificate=certificate,
        service_certificate=_validation(options),
        user_name=user,
        windows=windows,
    )
    anonymous = TcpClientCredentialType.NONE
    security = MessageSecurity(kind).client(credentials, reactor)
    address = options.to or target.via
    return Secured(
        _initiator(reactor, options, target, anonymous, credentials),
        security(address, target.via, _identity(options)),
    )


def _initiator(
    reactor: IReactor,
    options: argparse.Namespace,
    target: Target,
    kind: TcpClientCredentialType,
    credentials: ClientCredentials,
) -> IUpgradeInitiator:
    security = TransportSecurity(
        kind,
        ProtectionLevel(options.protection_level or ProtectionLevel.ENCRYPT_AND_SIGN.value),
        SslProtocols(options.tls or SslProtocols.SYSTEM.value),
    )
    initiator = security.initiators(credentials, in_threads_of(reactor))
    return initiator(options.to or target.via, target.via, _identity(options))


def _refuse(options: argparse.Namespace, names: tuple[str, ...] | list[str], needs: str) -> None:
    for name in names:
        if getattr(options, name):
            option = name.replace("_", "-")
            raise CommandFailed(Exit.USAGE, f"--{option} means nothing without {needs}")


def _identity(options: argparse.Namespace) -> EndpointIdentity | None:
    given: list[EndpointIdentity] = []
    if options.dns:
        given.append(DnsIdentity(options.dns))
    if options.thumbprint:
        given.append(CertificateIdentity(options.thumbprint))
    if options.spn:
        given.append(SpnIdentity(options.spn))
    if len(given) > 1:
        raise CommandFailed(
            Exit.USAGE, "a service has one identity: give only one of --dns, --thumbprint and --spn"
        )
    return given[0] if given else None


def _credentials(options: argparse.Namespace, kind: TcpClientCredentialType) -> ClientCredentials:
    if kind is TcpClientCredentialType.WINDOWS:
        return ClientCredentials(windows=_windows(options))
    validation = _validation(options)
    certificate = None
    if kind is TcpClientCredentialType.CERTIFICATE:
        certificate = _needed_certificate(options)
    elif options.certificate or options.certificate_key or options.password_file:
        raise CommandFailed(
            Exit.USAGE, "the client's certificate is for --credential Certificate, not for None"
        )
    return ClientCredentials(certificate=certificate, service_certificate=validation)


def _windows(options: argparse.Namespace) -> WindowsClientCredential:
    password = None
    if options.user:
        password = _password_of_user(options)
    elif options.password_file:
        raise CommandFailed(Exit.USAGE, "--password-file means nothing without --user")
    return WindowsClientCredential(
        user=options.user, password=password, allow_ntlm=not options.no_ntlm
    )


def _validation(options: argparse.Namespace) -> CertificateValidation:
    if not options.no_verify:
        return CertificateValidation(roots=options.ca_file)
    if options.ca_file:
        raise CommandFailed(Exit.USAGE, "--no-verify asks no authority, so --ca-file means nothing")
    return CertificateValidation.none()


def _needed_certificate(options: argparse.Namespace) -> CertificateFile:
    path: str | None = options.certificate
    if not path:
        raise CommandFailed(
            Exit.USAGE, "--credential Certificate needs the client's own: --certificate FILE"
        )
    if path.lower().endswith((".pfx", ".p12")):
        return PfxCertificate(path, _password(options.password_file, f"Password of {path}: "))
    if options.password_file:
        password = _password(options.password_file, "")
        return PemCertificate(path, options.certificate_key, password)
    return PemCertificate(path, options.certificate_key)


def _password_of_user(options: argparse.Namespace) -> str:
    return _password(options.password_file, f"Password of {options.user}: ")


def _password(file: str | None, prompt: str) -> str:
    if file is not None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        except UnicodeDecodeError:
            raise CommandFailed(Exit.USAGE, f"{file} is not UTF-8") from None
        except OSError as error:
            why = error.strerror or error
            raise CommandFailed(Exit.USAGE, f"{file} cannot be read: {why}") from None
        return text.partition("\n")[0].removesuffix("\r")
    if not sys.stdin.isatty():
        raise CommandFailed(
            Exit.USAGE,
            "a password is needed, and there is no terminal to ask for it: --password-file FILE",
        )
    return getpass.getpass(prompt)
