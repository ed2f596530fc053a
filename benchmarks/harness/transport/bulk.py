"""
Large messages without JSON: a contract that Microsoft's client loads (``src/Bulk.cs``).

Its test program makes JSON of every argument and result, base64 of bytes, which takes a millisecond
for a megabyte and would be measured with the call.
"""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.build import HERE
from benchmarks.harness.processes import BenchmarkError
from tests.peers.programs import find_mono
from tests.peers.services import pattern

SOURCE = HERE / "src" / "Bulk.cs"
ORDERS_SOURCE = HERE / "src" / "Orders.cs"


@dataclass(frozen=True)
class Bulk:
    """How Microsoft's client is to call the operations that have large messages."""

    #: The name of the contract.
    contract: str
    #: To be loaded, if there is one.
    assembly: Path | None

    def arguments(self, op: str, size: int) -> list[Any]:
        """
        :param op: Bytes (a large reply) or Count (a large request)
        :param size: in bytes
        """
        if op == "Bytes":
            return [size if self.assembly is None else {"count": size}]
        if self.assembly is None:
            return [base64.b64encode(pattern(size)).decode()]
        return [{"Length": size}]


def compile_bulk(into: Path) -> Bulk:
    """
    :param into: a directory for the assembly
    :returns: with an assembly where there is a compiler for it
    :raises BenchmarkError: it is not content
    """
    mono = find_mono()
    if mono is None:
        return Bulk("IBasic", None)
    assembly = into / "Bulk.dll"
    _compile(mono.compiler, SOURCE, assembly, "-target:library")
    return Bulk("IBulk", assembly)


@dataclass(frozen=True)
class OrdersPrograms:
    """``src/Orders.cs``, compiled."""

    #: The contract, for Microsoft's client.
    assembly: Path
    #: The service, for Mono.
    service: Path
    runtime: Path


def compile_orders(into: Path) -> OrdersPrograms | None:
    """
    :param into: a directory for the programs
    :returns: None: there is no compiler for them
    :raises BenchmarkError: it is not content
    """
    mono = find_mono()
    if mono is None:
        return None
    assembly, service = into / "Orders.dll", into / "orders.exe"
    _compile(mono.compiler, ORDERS_SOURCE, assembly, "-target:library")
    _compile(mono.compiler, ORDERS_SOURCE, service, "-target:exe")
    return OrdersPrograms(assembly, service, mono.runtime)


def _compile(compiler: Path, source: Path, into: Path, target: str) -> None:
    libraries = ("-r:System.ServiceModel", "-r:System.Runtime.Serialization")
    command = [str(compiler), target, "-langversion:7", *libraries, f"-out:{into}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"{source.name} does not compile:\n{done.stdout}{done.stderr}")
