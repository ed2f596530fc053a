"""
Where the programs come from: the C sources here, the proxies from the distribution's packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .processes import BenchmarkError

HERE = Path(__file__).resolve().parent.parent
SOURCES = {
    "loadgen": ("loadgen.c",),
    "worker": ("worker.c", "link.c"),
}
FLAGS = ("-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror")

NJS_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_js_module.so")


def compile_programs(into: Path = HERE / "build") -> dict[str, Path]:
    """
    Compile the load generator and the worker.

    :raises BenchmarkError: there is no compiler, or it is not content
    """
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchmarkError("the benchmarks need a C compiler: apt-get install gcc libc6-dev")
    into.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, files in SOURCES.items():
        made[name] = into / name
        sources = [str(HERE / "src" / file) for file in files]
        done = subprocess.run(
            [compiler, *FLAGS, "-o", str(made[name]), *sources], capture_output=True, text=True
        )
        if done.returncode:
            raise BenchmarkError(f"{name} does not compile:\n{done.stderr}")
    return made


def find(program: str) -> str | None:
    """Where a program is; servers live where ordinary users' paths do not reach."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


#: What has to be there, and the packages (Debian's names) that bring it.
NEEDED: dict[str, tuple[Callable[[], bool], tuple[str, ...]]] = {
    "haproxy": (lambda: find("haproxy") is not None, ("haproxy",)),
    "nginx": (
        lambda: find("nginx") is not None and NJS_MODULE.exists(),
        ("nginx", "libnginx-mod-stream", "libnginx-mod-stream-js"),
    ),
    "sslh": (lambda: find("sslh-select") is not None, ("sslh",)),
}


def install_missing(install: bool = True) -> list[str]:
    """
    Install the proxies that are not there yet.

    :param install: False: only look
    :returns: a sentence for each that is not there in the end; its rows are left out
    """
    missing = [name for name, (there, _) in NEEDED.items() if not there()]
    if missing and install and (apt := _apt_get()):
        packages = [package for name in missing for package in NEEDED[name][1]]
        print(f"installing {' '.join(packages)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = [*apt, "-qq", "-o", "Dpkg::Use-Pty=0", *arguments]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                print(f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}", flush=True)
                break
    return [
        f"{name} is not installed, and its rows are left out: apt-get install {' '.join(packages)}"
        for name, (there, packages) in NEEDED.items()
        if not there()
    ]


def _apt_get() -> list[str] | None:
    apt = shutil.which("apt-get")
    if apt is None:
        return None
    if os.geteuid() == 0:
        return [apt]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n", apt]
    return None
