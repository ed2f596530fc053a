"""
The security that ``netshare call`` asks for, in WCF's words: from its options to an upgrade.

Passwords come from a file or are asked for at the terminal. They are no options: everyone on the
machine can read a command line.
"""

from __future__ import annotations

import argparse
import getpass
import sys
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
    PemCertificate,
    PfxCertificate,
    ProtectionLevel,
    SecurityNotAvailable,
    SpnIdentity,
    SslProtocols,
    TcpClientCredentialType,
    TransportSecurity,
    WindowsClientCredential,
)
from netshare.transport.security.transportsecurity import in_threads_of

__all__ = ["configure", "upgrade"]

#: Options that mean something with a certain credential only.
_OF_TLS = ("ca_file", "no_verify", "thumbprint", "certificate", "certificate_key", "tls")
_OF_WINDOWS = ("spn", "user", "password_file", "no_ntlm", "protection_level")
_NONE = "None"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group("security")
    group.add_argument(
        "--security",
        choices=(_NONE, "Transport"),
        default=_NONE,
        metavar="MODE",
        help="the binding's security mode: None or Transport (default: %(default)s)",
    )
    group.add_argument(
        "--credential",
        choices=[one.value for one in TcpClientCredentialType],
        metavar="TYPE",
        help="its client credential type: Windows (WCF's default), Certificate or None (TLS)",
    )
    group.add_argument("--dns", metavar="NAME", help="the service's identity: its DNS name")
    tls = parser.add_argument_group("with --credential Certificate or None (TLS)")
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
        "--user", metavar="NAME", help="DOMAIN\\user or user@REALM; otherwise kinit's ticket"
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


def upgrade(
    reactor: IReactor, options: argparse.Namespace, target: Target
) -> IUpgradeInitiator | None:
    """
    :param options: those of :func:`configure`, and ``to``
    :returns: what to ask the service for; None: nothing
    :raises CommandFailed: the options do not go together, or a file cannot be used
    """
    if options.security == _NONE:
        _refuse(options, ("credential", "dns", *_OF_TLS, *_OF_WINDOWS), "--security Transport")
        return None
    kind = TcpClientCredentialType(options.credential or TcpClientCredentialType.WINDOWS.value)
    windows = kind is TcpClientCredentialType.WINDOWS
    if windows:
        _refuse(options, _OF_TLS, "--credential Certificate or None")
    else:
        others = [one for one in _OF_WINDOWS if one != "password_file"]
        _refuse(options, others, "--credential Windows")
    try:
        security = TransportSecurity(
            kind,
            ProtectionLevel(options.protection_level or ProtectionLevel.ENCRYPT_AND_SIGN.value),
            SslProtocols(options.tls or SslProtocols.SYSTEM.value),
        )
        initiator = security.initiators(_credentials(options, kind), in_threads_of(reactor))
        return initiator(options.to or target.via, target.via, _identity(options))
    except SecurityNotAvailable as error:
        raise CommandFailed(Exit.USAGE, clean(error)) from None
    except CertificateError as error:
        raise CommandFailed(Exit.USAGE, clean(error)) from None
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, clean(error)) from None


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
        password = None
        if options.user:
            password = _password(options.password_file, f"Password of {options.user}: ")
        elif options.password_file:
            raise CommandFailed(Exit.USAGE, "--password-file means nothing without --user")
        return ClientCredentials(
            windows=WindowsClientCredential(
                user=options.user, password=password, allow_ntlm=not options.no_ntlm
            )
        )
    if options.no_verify and options.ca_file:
        raise CommandFailed(Exit.USAGE, "--no-verify asks no authority, so --ca-file means nothing")
    validation = (
        CertificateValidation.none()
        if options.no_verify
        else CertificateValidation(roots=options.ca_file)
    )
    certificate = None
    if kind is TcpClientCredentialType.CERTIFICATE:
        if not options.certificate:
            raise CommandFailed(
                Exit.USAGE, "--credential Certificate needs the client's own: --certificate FILE"
            )
        certificate = _certificate(options)
    elif options.certificate or options.certificate_key or options.password_file:
        raise CommandFailed(
            Exit.USAGE, "the client's certificate is for --credential Certificate, not for None"
        )
    return ClientCredentials(certificate=certificate, service_certificate=validation)


def _certificate(options: argparse.Namespace) -> CertificateFile:
    path: str = options.certificate
    if path.lower().endswith((".pfx", ".p12")):
        return PfxCertificate(path, _password(options.password_file, f"Password of {path}: "))
    if options.password_file:
        password = _password(options.password_file, "")
        return PemCertificate(path, options.certificate_key, password)
    return PemCertificate(path, options.certificate_key)


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
