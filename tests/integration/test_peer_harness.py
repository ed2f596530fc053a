"""The harness around the real peers: nothing is left behind, and nothing goes wrong in silence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.defer import ensureDeferred

from tests.peers import programs
from tests.peers.child import IReactor, PeerEnded, PeerError, PeerSilent
from tests.peers.drivers import DotNetClient, MonoClient, MonoEndpoint, MonoServer, free_port
from tests.peers.fixtures import StartMonoServer
from tests.peers.programs import (
    DOTNET_CLIENT_VARIABLE,
    Mono,
    MonoPrograms,
    PeerBuildError,
    build_mono_programs,
    find_dotnet_client,
    find_mono,
    require_peer,
)


def this_reactor() -> IReactor:
    """The reactor that runs the tests."""
    from twisted.internet import reactor

    return cast(IReactor, reactor)


def open_descriptors() -> set[str]:
    """The descriptors of this process, each with what it is."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except FileNotFoundError:
            pass  # the listing's own descriptor
    return found


def is_running(pid: int) -> bool:
    """Whether a process of that number is there, a zombie included."""
    return Path(f"/proc/{pid}").exists()


def script(directory: Path, text: str) -> Path:
    """A shell script to play a peer."""
    path = directory / "peer"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


async def test_stop_leaves_nothing_behind(mono_programs: MonoPrograms) -> None:
    """After stop the processes are reaped, and no descriptor or delayed call of theirs is left."""
    reactor = this_reactor()
    descriptors, calls = open_descriptors(), len(reactor.getDelayedCalls())
    where = f"net.tcp://127.0.0.1:{free_port()}/basic"
    server = MonoServer(reactor, mono_programs, [MonoEndpoint("IBasic", where)], name="short")
    client = MonoClient(reactor, mono_programs)
    await server.start()
    await client.start()
    assert await client.once("IBasic", where, "Who") == "short"
    pids = [client.pid, server.pid]
    await client.stop()
    await server.stop()
    assert not any(is_running(pid) for pid in pids if pid is not None)
    assert None not in pids
    assert open_descriptors() == descriptors
    assert len(reactor.getDelayedCalls()) == calls
    await client.stop()


async def test_a_peer_that_does_not_quit_is_killed(tmp_path: Path) -> None:
    """A process that ignores quit and the end of its input is ended by SIGKILL."""
    stubborn = script(tmp_path, 'echo \'{"event": "ready"}\'\nexec sleep 1000\n')
    client = DotNetClient(this_reactor(), stubborn)
    client.stop_timeout = 0.3
    await client.start()
    pid = client.pid
    assert pid is not None
    assert is_running(pid)
    await client.stop()
    assert not is_running(pid)
    assert "signal 9" in (client.end_reason or "")


async def test_a_failing_start_says_why(mono_programs: MonoPrograms) -> None:
    """A server that ends instead of getting ready fails the start with its last words."""
    endpoint = MonoEndpoint("IBasic", f"net.tcp://127.0.0.1:{free_port()}/basic")
    server = MonoServer(this_reactor(), mono_programs, [endpoint], binding="nonsense")
    with pytest.raises(PeerEnded, match="not nonsense"):
        await server.start()


async def test_a_start_without_end_is_given_up(tmp_path: Path) -> None:
    """A process that never says that it is ready is ended, and the start fails."""
    mute = DotNetClient(this_reactor(), script(tmp_path, "cat > /dev/null\n"))
    mute.start_timeout = 0.3
    with pytest.raises(PeerSilent, match="start"):
        await mute.start()
    assert mute.end_reason is not None


async def test_a_killed_peer_fails_what_was_asked(
    mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """A command that a killed client cannot answer any more fails at once, and so do later ones."""
    where = f"net.tcp://127.0.0.1:{free_port()}/basic"
    await mono_server(MonoEndpoint("IBasic", where))
    channel = await mono_client.open("IBasic", where)
    sleeping = ensureDeferred(channel.call("Sleep", 10_000))
    await mono_client.kill()
    with pytest.raises(PeerEnded):
        await sleeping
    with pytest.raises(PeerEnded, match="not running"):
        await channel.call("Who")


async def test_a_command_without_answer_times_out(dotnet_client: DotNetClient) -> None:
    """A command that takes too long fails, and its late answer is set aside."""
    with pytest.raises(PeerSilent, match="sleep: nothing within"):
        await dotnet_client.command("sleep", timeout=0.2, ms=600)
    await dotnet_client.command("sleep", ms=800)
    assert [answer["ok"] for answer in dotnet_client.unasked] == [True]


async def test_commands_overlap(
    dotnet_client: DotNetClient, mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """A slow call of either client does not hold up a quick one that was asked for later."""
    slow, quick = (f"net.tcp://127.0.0.1:{free_port()}/{path}" for path in ("slow", "quick"))
    await mono_server(MonoEndpoint("IBasic", slow), MonoEndpoint("IBasic", quick), name="both")
    for client in (dotnet_client, mono_client):
        sleeper = await client.open("IBasic", slow)
        runner = await client.open("IBasic", quick)
        order: list[object] = []
        sleeping = ensureDeferred(sleeper.call("Sleep", 1000)).addCallback(order.append)
        order.append(await runner.call("Who"))
        await sleeping
        assert order == ["both", 1000]


async def test_a_wrong_command_is_an_error(
    dotnet_client: DotNetClient, mono_client: MonoClient
) -> None:
    """What a client program cannot do it says in its answer, and goes on."""
    for client in (dotnet_client, mono_client):
        with pytest.raises(PeerError, match="unknown cmd juggle"):
            await client.command("juggle")
        with pytest.raises(PeerError, match="INowhere"):
            await client.open("INowhere", "net.tcp://127.0.0.1:1/x")
        assert (await client.ask("call", channel="c99", op="Who"))["ok"] is False


@pytest.mark.peer("mono")
def test_mono_programs_are_built_once(tmp_path: Path) -> None:
    """A second build of the same sources finds the programs of the first."""
    mono = find_mono()
    assert mono is not None
    built = build_mono_programs(mono, tmp_path)
    assert built.client.stat().st_size > 0
    assert built.server.stat().st_size > 0
    broken = Mono(mono.runtime, script(tmp_path, "exit 1\n"))
    assert build_mono_programs(broken, tmp_path) == built


def test_a_refused_build_says_why(tmp_path: Path) -> None:
    """A compiler's complaint becomes the error's text, and nothing is kept."""
    compiler = script(tmp_path, "echo 'error CS0001: no' >&2\nexit 1\n")
    with pytest.raises(PeerBuildError, match="error CS0001: no"):
        build_mono_programs(Mono(Path("mono"), compiler), tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.exe"))


def test_a_missing_peer_skips_at_home_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a peer a test is skipped, but under continuous integration it fails."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.skip.Exception, match="'mono' is missing: install"):
        require_peer("mono", {})
    with pytest.raises(pytest.fail.Exception, match="'mono' is missing: install"):
        require_peer("mono", {"CI": "true"})
    with pytest.raises(ValueError, match="no peer is called 'emacs'"):
        require_peer("emacs", {})


def test_the_dotnet_client_is_found_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NETSHARE_WCFCLIENT names the program and is believed even when there is none there."""
    program = script(tmp_path, "")
    assert find_dotnet_client({DOTNET_CLIENT_VARIABLE: str(program)}) == program
    assert find_dotnet_client({DOTNET_CLIENT_VARIABLE: str(tmp_path / "none")}) is None
    monkeypatch.setattr(programs, "PROJECT", tmp_path / "project")
    assert find_dotnet_client({}) is None


@pytest.mark.parametrize(("ci", "outcome"), [("", "3 skipped"), ("true", "3 errors")])
def test_every_test_of_a_missing_peer_tells_the_same(ci: str, outcome: str) -> None:
    """Without the .NET client every one of its tests is skipped, and under CI fails."""
    pytest_itself = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tests = str(Path(__file__).with_name("test_peers.py"))
    run = subprocess.run(
        [*pytest_itself, "-k", "dotnet_client_calls", tests],
        env={**os.environ, "CI": ci, DOTNET_CLIENT_VARIABLE: "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    summary = run.stdout.splitlines()[-1]
    assert outcome in summary, run.stdout
    assert ("error" in summary) == bool(ci)
    assert "AssertionError" not in run.stdout
