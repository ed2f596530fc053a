"""What was registered is remembered over a restart, and proves nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from netshare.addresses import BaseAddress, parse_base_address
from netshare.service.desk.memory import DELAY, AddressMemory
from netshare.service.desk.notebook import FileNotebook, MemoryNotebook

TEXTS = ["net.tcp://+:8808/one", "net.tcp://*/two", "net.tcp://host:9000/Three"]
ADDRESSES = [parse_base_address(text) for text in TEXTS]


class Setting:
    """A memory in a directory of its own."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.path = path
        self.addresses: list[BaseAddress] = []
        self.memory = self.another()

    def another(self) -> AddressMemory:
        return AddressMemory(self.clock, [FileNotebook(self.path)], lambda: self.addresses)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path / "registered")


def test_nothing_yet(setting: Setting) -> None:
    """Without a file no address is known."""
    assert setting.memory.read() == []


def test_another_process_reads_it(setting: Setting) -> None:
    """What is registered is in the file soon after a change, and reads back as it was."""
    setting.addresses = ADDRESSES
    setting.memory.changed()
    setting.memory.changed()
    setting.clock.advance(DELAY)
    assert setting.another().read() == ADDRESSES
    assert setting.path.stat().st_mode & 0o777 == 0o600
    assert setting.clock.getDelayedCalls() == []


def test_frozen(setting: Setting) -> None:
    """While a service stops its workers leave, which is not written."""
    setting.addresses = ADDRESSES
    setting.memory.changed()
    setting.memory.freeze()
    setting.addresses = []
    setting.memory.changed()
    setting.memory.freeze()
    assert setting.clock.getDelayedCalls() == []
    assert setting.another().read() == ADDRESSES


@pytest.mark.parametrize("content", [b"\x7fELF\0\0", b"net.tcp://+/a\nnet.tc", b"\xff" * 100])
def test_a_damaged_file(setting: Setting, content: bytes) -> None:
    """Only whole addresses before the damage count."""
    setting.path.write_bytes(content)
    whole = [parse_base_address("net.tcp://+/a")] if content.startswith(b"net") else []
    assert setting.memory.read() == whole


def test_a_directory_that_is_gone(setting: Setting) -> None:
    """What cannot be written is logged once, and the service goes on."""
    setting.path = setting.path.parent / "gone" / "registered"
    memory = setting.another()
    memory.changed()
    setting.clock.advance(DELAY)
    memory.changed()
    assert setting.clock.getDelayedCalls() == []
    assert memory.read() == []


def test_no_link_is_followed(setting: Setting, tmp_path: Path) -> None:
    """A symbolic link where the new file is to be made overwrites nothing else."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    setting.path.with_name("registered.new").symlink_to(victim)
    setting.memory.write()
    assert victim.read_text() == "precious"


def test_a_long_list_is_written_less_often(setting: Setting) -> None:
    """The time that writing takes is a small part of all."""

    def slowly() -> list[BaseAddress]:
        setting.clock.advance(0.2)
        return ADDRESSES

    memory = AddressMemory(setting.clock, [FileNotebook(setting.path)], slowly)
    memory.changed()
    setting.clock.advance(DELAY)
    memory.changed()
    (call,) = setting.clock.getDelayedCalls()
    assert call.getTime() - setting.clock.seconds() > 5


def test_two_places(setting: Setting) -> None:
    """Each has the list for itself; the first that has one is read, one that fails is left out."""
    kept = os.memfd_create("test")
    gone = FileNotebook(setting.path.parent / "gone" / "registered")
    memory = MemoryNotebook(os.dup(kept))
    setting.addresses = ADDRESSES
    AddressMemory(
        setting.clock, [memory, gone, FileNotebook(setting.path)], lambda: setting.addresses
    ).freeze()
    memory.close()
    assert setting.another().read() == ADDRESSES
    setting.path.write_text("net.tcp://+/other")
    both = [MemoryNotebook(kept), FileNotebook(setting.path)]
    assert AddressMemory(setting.clock, both, list).read() == ADDRESSES
    both[0].write("")
    assert [str(one) for one in AddressMemory(setting.clock, both, list).read()] == [
        str(parse_base_address("net.tcp://+/other"))
    ]
    both[0].close()  # type: ignore[union-attr]
