"""Windows credentials for tests: a file of NTLM users, and a Kerberos realm on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import pytest

from tests.peers.drivers import free_port

REALM = "NETSHARE.TEST"
USER, PASSWORD = "alice", "correct horse"

#: GSSAPI's mechanism for NTLM.
GSS_NTLM = next(Path("/usr/lib").glob("*/gssntlmssp/gssntlmssp.so"), None)

_CONFIGURATION = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
"""

_KDC = """
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        max_life = 1h
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


def ntlm_users(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process know the password of :data:`USER` in the domain DOM."""
    pytest.importorskip("spnego", reason="needs pyspnego")
    users = folder / "ntlm-users"
    users.write_text(f"DOM:{USER}:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))


def require_no_gss_ntlm() -> None:
    """Skips, or in continuous integration fails, where .NET's client would not do NTLM itself."""
    if Path("/etc/gss/mech.d/mech.ntlmssp.conf").exists():
        why = ".NET's client uses GSSAPI's NTLM where there is one, and then sends nothing"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


def require_kerberos() -> None:
    """
    Skips, or under continuous integration fails, where Kerberos is not there.

    .NET 10's client uses Kerberos only where GSSAPI has NTLM as well (the package gss-ntlmssp), and
    its own NTLM only where GSSAPI has none. So the realm's environment brings it in.
    """
    missing = [
        name for name in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit") if not _program(name)
    ]
    if find_spec("gssapi") is None or find_spec("krb5") is None:
        missing.append("the extra 'kerberos'")
    if GSS_NTLM is None:
        missing.append("gss-ntlmssp")
    if missing:
        why = f"needs {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


class KerberosRealm:
    """
    A realm with its own KDC on 127.0.0.1, one user and one service, ``host/localhost``.

    :param folder: where its files are
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self._kdc: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> KerberosRealm:
        port = free_port()
        words = {"realm": REALM, "port": port, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(_CONFIGURATION.format(**words))
        (self.folder / "kdc.conf").write_text(_KDC.format(**words))
        self.environment = {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5_KTNAME": str(self.folder / "keytab"),
            "KRB5CCNAME": str(self.folder / "cache"),
            "GSS_MECH_CONFIG": str(self.folder / "mechanisms"),
        }
        mechanism = f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {GSS_NTLM}\n"
        (self.folder / "mechanisms").write_text(mechanism)
        self._run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
        for query in (
            f'addprinc -pw "{PASSWORD}" {USER}',
            "addprinc -randkey host/localhost",
            f"ktadd -k {self.folder}/keytab host/localhost",
        ):
            self._run("kadmin.local", "-q", query)
        self._kdc = subprocess.Popen(
            [_program("krb5kdc") or "krb5kdc", "-n"],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                if time.monotonic() > deadline or self._kdc.poll() is not None:
                    self.__exit__(None, None, None)
                    raise
                time.sleep(0.05)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._kdc is not None:
            self._kdc.terminate()
            self._kdc.wait(10)

    def log_in(self) -> None:
        """Put a ticket of the user's into the credential cache."""
        self._run("kinit", USER, told=PASSWORD + "\n")

    def _run(self, program: str, *arguments: str, told: str = "") -> None:
        subprocess.run(
            [_program(program) or program, *arguments],
            env={**os.environ, **self.environment},
            input=told.encode(),
            check=True,
            capture_output=True,
            timeout=60,
        )
