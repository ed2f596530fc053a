"""docs/protocol.rst says what the code does."""

from __future__ import annotations

import errno
import fcntl
import re
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.protocols import amp

from netshare.control import commands
from netshare.control.commands import REGISTRATION_ERRORS, LargeBytes
from netshare.framing.records import preamble
from tests.helpers.places import ROOT
from tests.helpers.protocol_example import ADDRESS, VIA, Example, Message, dump

PAGE = (ROOT / "docs" / "protocol.rst").read_text("utf-8")

COMMANDS = [
    value
    for value in vars(commands).values()
    if isinstance(value, type)
    and issubclass(value, amp.Command)
    and value.__module__ == commands.__name__
]


@pytest.fixture
def example() -> Iterator[Example]:
    """A service and a worker, without a network between them."""
    one = Example()
    yield one
    one.close()


def blocks() -> dict[str, list[str]]:
    """The page's dumps, by caption."""
    found = re.findall(
        r"^\.\. code-block:: none\n   :caption: (.+)\n\n((?:   .+\n)+)", PAGE, re.MULTILINE
    )
    return {caption: [line[3:] for line in text.splitlines()] for caption, text in found}


def section(title: str) -> str:
    """A chapter of the page."""
    chapter = rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n[-=]{{3,}}\n|\Z)"
    match = re.search(chapter, PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None, f"the page has no chapter {title}"
    return match[1]


def test_the_worked_example(example: Example) -> None:
    """Every dump of the page is what the code sends at that point, and nothing is left out."""
    shown = blocks()
    assert len(shown) == 12
    sent: dict[str, Message] = {message.title: message for message in example.messages()}
    assert {title: dump(message.data) for title, message in sent.items()} == shown
    with_descriptor = {title for title, message in sent.items() if message.descriptors}
    assert with_descriptor == {"service to worker: Duplicate", "worker to service: Return"}


def test_the_dumps_are_the_bytes(example: Example) -> None:
    """The hexadecimal digits of the page alone give the bytes back."""
    for message in example.messages():
        digits = "".join(line[:47] for line in blocks()[message.title])
        assert bytes.fromhex(digits) == message.data


def test_the_numbers() -> None:
    """Each constant of the page has the value that the system's own headers give it."""
    text = re.search(r"^Numbers\n=+\n(.*?)^=====", PAGE, re.MULTILINE | re.DOTALL)
    assert text is not None
    rows = re.findall(r"- ((?:``\w+``(?:, )?)+)\n     - ([0-9a-fx, ]+)\n", text[1])
    found = {
        name: int(value, 0)
        for names, values in rows
        for name, value in zip(re.findall(r"\w+", names), values.split(", "), strict=True)
    }
    assert len(found) == 20
    del found["SO_PEERGROUPS"]  # Python has no name for it
    for name, value in found.items():
        modules = [one for one in (socket, errno, fcntl, select) if hasattr(one, name)]
        assert {getattr(module, name) for module in modules} == {value}, name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_has_its_chapter(command: Any) -> None:
    """A chapter names each argument, each result and each error of its command."""
    text = section(command.__name__)
    names = [name.decode() for name, _ in (*command.arguments, *command.response)]
    codes = [code.decode() for code in command.errors.values()]
    assert [name for name in (*names, *codes) if f"``{name}``" not in text] == []


def test_optional_arguments_are_called_so() -> None:
    """The tables say optional where the code does, and nowhere else."""
    for command in (commands.Register, commands.Return, commands.Duplicate):
        rows = re.findall(r"\* - ``(\w+)``\n +- (.*)\n", section(command.__name__))
        # Results stand behind the arguments, and may have the same names.
        said = {name: "optional" in kind for name, kind in reversed(rows)}
        for name, argument in command.arguments:
            assert said[name.decode()] == argument.optional, name


def test_registration_errors_are_all_there() -> None:
    """The statuses of a registration are exactly those of the page's table."""
    codes = re.findall(r"\* - ``([A-Z]\w+)``\n", section("Register"))
    assert sorted(codes) == sorted(code.decode() for code in REGISTRATION_ERRORS.values())


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (int(size), {key: int(length) for key, length in re.findall(r"``([\w.]+)`` (\d+)", keys)})
        for size, keys in re.findall(r"\* - (\d+)\n     - (``readData``.*)\n", PAGE)
    ],
)
def test_large_bytes(size: int, lengths: dict[str, int]) -> None:
    """The table of large bytes has the keys and lengths that the code writes, and reads back."""
    value = bytes(index % 251 for index in range(size))
    strings: dict[bytes, bytes] = {}
    LargeBytes().toBox(b"readData", strings, {"readData": value}, None)
    assert {key.decode(): len(piece) for key, piece in strings.items()} == lengths
    objects: dict[str, bytes] = {}
    LargeBytes().fromBox(b"readData", strings, objects, None)
    assert objects["readData"] == value


def test_the_table_of_large_bytes_is_found() -> None:
    """The test above has rows to look at."""
    assert len(re.findall(r"\* - \d+\n     - ``readData``", PAGE)) == 4


def test_the_answer_to_register_comes_before_any_connection(example: Example) -> None:
    """A connection that waited for a worker follows the answer to the registration."""
    first, second = (example.desk, example.worker), example._link()
    for desk, worker in (first, second):
        worker.callRemote(
            commands.Register, version=1, baseAddress=ADDRESS, shared=True, maxOutstanding=1
        ).addErrback(lambda failure: None)
        example._sent("", worker, desk)
        if worker is example.worker:
            example._sent("", desk, worker)
            example._arrive(preamble(VIA))
            example._arrive(preamble(VIA))
    desk, worker = second
    assert b"Duplicate" not in example._sent("", desk, worker).data
    example.shared.reactor.advance(0)
    assert b"Duplicate" in example._sent("", desk, worker).data


@pytest.mark.parametrize("limit", [0, -1])
def test_a_cap_below_one_is_refused(example: Example, limit: int) -> None:
    """A worker that could never be given anything is told so when it registers."""
    failures: list[Any] = []
    example.worker.callRemote(
        commands.Register, version=1, baseAddress=ADDRESS, maxOutstanding=limit
    ).addErrback(failures.append)
    example._sent("", example.worker, example.desk)
    example._sent("", example.desk, example.worker)
    assert failures[0].check(commands.InvalidArgument)
    assert "at least 1" in failures[0].getErrorMessage()


def test_a_listing_begins_at_the_beginning(example: Example) -> None:
    """A position before the first is the first."""
    answers: list[Any] = []
    example.worker.callRemote(commands.ListRegistrations, start=-7).addBoth(answers.append)
    example._sent("", example.worker, example.desk)
    example._sent("", example.desk, example.worker)
    assert answers == [{"json": b"[]", "next": -1}]
