"""
Where the real peers are: found by name, built when their sources are here.

Microsoft's own client is a program made elsewhere with a .NET SDK (see README.rst); the programs on
Mono are compiled here, once for each state of their sources.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent
PROJECT = SOURCES.parent.parent

DOTNET_CLIENT_VARIABLE = "NETSHARE_WCFCLIENT"

_MCS_OPTIONS = (
    "-langversion:7",
    "-d:MONO",
    "-r:System.ServiceModel",
    "-r:System.Runtime.Serialization",
    "-r:System.Xml",
    "-r:System.Data",
)
_MORE_CONTRACTS = ("MoreContracts.cs", "MoreXml.cs")
_SHARED_SOURCES = ("Contracts.cs", *_MORE_CONTRACTS, "Services.cs", "MonoBindings.cs")
_CLIENT_SOURCES = (*_SHARED_SOURCES, "MonoJson.cs", "MonoValues.cs", "MonoClient.cs")
_SERVER_SOURCES = (*_SHARED_SOURCES, "MoreServices.cs", "MonoServer.cs")


class PeerBuildError(Exception):
    """The compiler refused a peer's sources; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Mono:
    """Mono's runtime and C# compiler."""

    runtime: Path
    compiler: Path


@dataclass(frozen=True, slots=True)
class MonoPrograms:
    """The compiled Mono peers, ready for ``[runtime, program]``."""

    runtime: Path
    client: Path
    server: Path


def find_dotnet_client(environ: Mapping[str, str] = os.environ) -> Path | None:
    """
    Microsoft's WCF client: the file named by NETSHARE_WCFCLIENT, else the one in a ``shared``
    directory beside the project's.

    :param environ: the environment to look in.
    :returns: the program; ``None`` when there is none that this machine can run.
    """
    named = environ.get(DOTNET_CLIENT_VARIABLE)
    if named:
        program = Path(named)
    elif platform.machine() == "x86_64":
        program = PROJECT.parent / "shared" / "peers" / "wcfclient"
    else:
        return None
    return program if program.is_file() and os.access(program, os.X_OK) else None


def find_mono() -> Mono | None:
    """
    Mono with what the peers need of it.

    :returns: ``None`` unless the runtime, the compiler and System.ServiceModel are all there
        (Debian: mono-mcs and libmono-system-servicemodel4.0a-cil).
    """
    runtime, compiler = shutil.which("mono"), shutil.which("mcs")
    if runtime is None or compiler is None:
        return None
    libraries = Path(runtime).resolve().parent.parent / "lib" / "mono" / "4.5"
    if not (libraries / "System.ServiceModel.dll").exists():
        return None
    return Mono(Path(runtime), Path(compiler))


def find_tshark() -> Path | None:
    """
    Wireshark's command line program.

    :returns: the program, or ``None``.
    """
    found = shutil.which("tshark")
    return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class _Peer:
    find: Callable[[], object]
    how_to_get: str


_PEERS: dict[str, _Peer] = {
    "dotnet": _Peer(
        find_dotnet_client,
        f"set {DOTNET_CLIENT_VARIABLE} to a wcfclient program, see tests/peers/README.rst",
    ),
    "mono": _Peer(
        find_mono, "install Debian's mono-mcs and libmono-system-servicemodel4.0a-cil, or the like"
    ),
    "tshark": _Peer(find_tshark, "install tshark"),
    "gcc": _Peer(lambda: shutil.which("gcc"), "install gcc"),
}


def require_peer(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """
    Ends the running test or fixture when a peer is missing: on a developer's machine as skipped,
    under continuous integration (``CI=true``) as failed, since there a skip would go unnoticed.

    :param name: ``"dotnet"``, ``"mono"``, ``"tshark"`` or ``"gcc"``.
    :param environ: the environment that says whether this is continuous integration.
    :raises ValueError: for any other name.
    """
    if name not in _PEERS:
        raise ValueError(f"no peer is called {name!r}; there are {', '.join(sorted(_PEERS))}")
    peer = _PEERS[name]
    if peer.find() is not None:
        return
    reason = f"the peer {name!r} is missing: {peer.how_to_get}"
    if environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def build_mono_programs(mono: Mono, cache: Path = PROJECT / "build" / "peers") -> MonoPrograms:
    """
    Compiles the Mono client and server, unless this state of their sources was compiled before.

    :param mono: what :func:`find_mono` found.
    :param cache: the directory that keeps what was built; made when it is not there.
    :returns: the programs.
    :raises PeerBuildError: when the compiler refuses.
    """
    return MonoPrograms(
        runtime=mono.runtime,
        client=_compiled(mono.compiler, "monoclient.exe", _CLIENT_SOURCES, cache),
        server=_compiled(mono.compiler, "monoserver.exe", _SERVER_SOURCES, cache),
    )


def build_more_contracts(mono: Mono, cache: Path = PROJECT / "build" / "peers") -> Path:
    """
    Compiles the contracts that are given to Microsoft's client beside its own.

    :param mono: what :func:`find_mono` found.
    :param cache: as of :func:`build_mono_programs`.
    :returns: the assembly.
    :raises PeerBuildError: when the compiler refuses.
    """
    return _compiled(mono.compiler, "morecontracts.dll", _MORE_CONTRACTS, cache)


def _compiled(compiler: Path, name: str, sources: tuple[str, ...], cache: Path) -> Path:
    target = "library" if name.endswith(".dll") else "exe"
    options = (*_MCS_OPTIONS, f"-target:{target}")
    digest = hashlib.sha256("\0".join((*options, *sources)).encode())
    for source in sources:
        digest.update((SOURCES / source).read_bytes())
    directory = cache / digest.hexdigest()[:16]
    program = directory / name
    if program.exists():
        return program
    directory.mkdir(parents=True, exist_ok=True)
    # Built aside and moved into place, so that runs at the same time never see half a program.
    with tempfile.TemporaryDirectory(dir=directory) as aside:
        built = Path(aside) / name
        command = [str(compiler), *options, f"-out:{built}"]
        result = subprocess.run(
            [*command, *(str(SOURCES / source) for source in sources)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if result.returncode != 0:
            raise PeerBuildError(f"{name}: {(result.stdout + result.stderr).strip()}")
        built.replace(program)
    return program
