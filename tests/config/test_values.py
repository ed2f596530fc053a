"""What a configuration comes to."""

from __future__ import annotations

from netshare.config import QUOTA_NAMES, Configuration, configure
from netshare.service.quotas import Quotas


def test_an_empty_configuration() -> None:
    """Nothing said is a service with its defaults."""
    made = Configuration()
    assert made.quotas == Quotas()
    assert (made.listen, made.workers, made.relays) == ((), (), ())


def test_where_it_is_written_makes_no_difference() -> None:
    """Two configurations that say the same are equal, wherever they say it."""
    assert Configuration(origins={"a": "b"}) == Configuration()


def test_quotas_are_options() -> None:
    """Every quota can be set by its name."""
    assert set(QUOTA_NAMES) == set(Quotas.__dataclass_fields__)


def test_who_may_register() -> None:
    """Users, groups and reservations are told in words."""
    rows = [
        {"address": "net.tcp://+/a", "users": ["root"], "groups": ["root"]},
        {"address": "net.tcp://+/b"},
    ]
    made = configure({"allow-user": ["root"], "allow-group": ["4242"]}, {"reservation": rows})
    assert made.who_may_register() == {
        "allow-user": ["root"],
        "allow-group": ["4242"],
        "reservation": ["net.tcp://+/a for root, root", "net.tcp://+/b for root only"],
    }
