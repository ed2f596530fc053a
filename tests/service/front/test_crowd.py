"""netshare.service.front.crowd: who goes when there are too many."""

from __future__ import annotations

import random

import pytest

from netshare.service.front.crowd import Crowd, client_of


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
        ("no:address", "no:address"),
    ],
)
def test_clients(host: str, client: str) -> None:
    """An IPv6 client is the network that one customer has, not one of its addresses."""
    assert client_of(host) == client


def test_the_heaviest() -> None:
    """The oldest of the client with the most; of equal clients, of that which got there first."""
    crowd: Crowd[str] = Crowd()
    assert crowd.heaviest() is None
    for entry in ("a1", "b1", "b2", "a2", "c1"):
        crowd.add(entry, entry[0])
    assert crowd.heaviest() == "b1"
    crowd.discard("b1")
    assert crowd.heaviest() == "a1"
    crowd.discard("a2")
    assert crowd.heaviest() == "c1"  # all have one now: the first to have had only one
    assert len(crowd) == 3


def test_counts() -> None:
    """Adding tells how many the client has; discarding what is not there does nothing."""
    crowd: Crowd[int] = Crowd()
    assert [crowd.add(number, "a") for number in range(3)] == [1, 2, 3]
    assert crowd.add(9, "b") == 1
    crowd.discard(7)
    crowd.discard(9)
    assert sorted(crowd) == [0, 1, 2]


def test_against_counting() -> None:
    """After any changes it is a client with the most, and the oldest of it."""
    choice = random.Random(9)
    crowd: Crowd[int] = Crowd()
    plain: dict[int, str] = {}
    for number in range(3000):
        if plain and choice.random() < 0.5:
            gone = choice.choice(list(plain))
            crowd.discard(gone)
            del plain[gone]
        else:
            plain[number] = choice.choice("abcdefgh")
            crowd.add(number, plain[number])
        heaviest = crowd.heaviest()
        if not plain:
            assert heaviest is None
            continue
        assert heaviest is not None
        counts = {c: list(plain.values()).count(c) for c in plain.values()}
        client = plain[heaviest]
        assert counts[client] == max(counts.values())
        assert heaviest == min(n for n, c in plain.items() if c == client)
