"""What one user may have at the control socket, and what happens beyond that."""

from __future__ import annotations

from netshare.service.desk.budget import (
    MOST_LINKS,
    MOST_UNCLAIMED,
    MOST_UNFINISHED,
    MOST_UNREAD,
    MOST_UNREGISTERED,
    Allowance,
    Budgets,
)


class Link:
    """A link that knows why it was cut."""

    def __init__(self, budgets: Budgets, uid: int = 4001, exempt: bool = False) -> None:
        self.reason = ""
        self.allowance: Allowance = budgets.enter(self, uid, exempt)

    def cut(self, reason: str) -> None:
        self.reason = self.reason or reason


def test_the_oldest_that_registered_nothing_gives_way() -> None:
    """A crowd of idle links keeps no new one out, and those that registered stay."""
    budgets = Budgets()
    worker = Link(budgets)
    worker.allowance.register()
    links = [Link(budgets) for _ in range(MOST_UNREGISTERED + 2)]
    assert [bool(link.reason) for link in links] == [True] * 2 + [False] * MOST_UNREGISTERED
    assert not worker.reason


def test_users_have_budgets_of_their_own() -> None:
    """One user's crowd costs another one nothing; root is not counted."""
    budgets = Budgets()
    other = Link(budgets, 4002)
    links = [Link(budgets) for _ in range(MOST_UNREGISTERED + 50)]
    trusted = [Link(budgets, 0, exempt=True) for _ in range(MOST_UNREGISTERED + 50)]
    assert not other.reason
    assert sum(bool(link.reason) for link in links) == 50
    assert not any(link.reason for link in trusted)


def test_links_in_all() -> None:
    """There is a limit for links that registered, too."""
    budgets = Budgets()
    for _ in range(MOST_LINKS):
        Link(budgets).allowance.register()
    assert "more than" in Link(budgets).reason


def test_descriptors_before_the_first_registration() -> None:
    """Nothing that such a link may say takes one."""
    for exempt in (False, True):
        link = Link(Budgets(), exempt=exempt)
        link.allowance.holds(unclaimed=1, unfinished=0)
        assert "registered nothing" in link.reason


def test_descriptors_of_all_links() -> None:
    """The links of a user share one limit."""
    budgets = Budgets()
    one, other = Link(budgets), Link(budgets)
    for link in (one, other):
        link.allowance.register()
        link.allowance.holds(MOST_UNCLAIMED // 2, 0)
        assert not link.reason
    one.allowance.holds(MOST_UNCLAIMED // 2 + 1, 0)
    assert one.reason
    one.allowance.leave()
    other.allowance.holds(MOST_UNCLAIMED, 0)
    assert not other.reason


def test_bytes_of_all_links() -> None:
    """So do the bytes of boxes that are not complete."""
    budgets = Budgets()
    one, other = Link(budgets), Link(budgets)
    one.allowance.holds(0, MOST_UNFINISHED)
    assert not one.reason
    other.allowance.holds(0, 0)
    other.allowance.holds(0, 1)
    assert (one.reason, bool(other.reason)) == ("", True)


def test_links_that_are_not_read() -> None:
    """Of too many of one user the one that has not been read for longest goes."""
    budgets = Budgets()
    links = []
    for _ in range(MOST_UNREAD + 2):
        links.append(Link(budgets))
        links[-1].allowance.register()
    other = Link(budgets, 4002)
    for link in (other, *links[:MOST_UNREAD]):
        link.allowance.congested(True)
    links[0].allowance.congested(False)
    links[MOST_UNREAD].allowance.congested(True)
    assert not any(link.reason for link in links)
    links[-1].allowance.congested(True)
    assert [number for number, link in enumerate(links) if link.reason] == [1]
    assert "do not read" in links[1].reason
    assert not other.reason


def test_nothing_is_left() -> None:
    """A user whose last link is gone is forgotten."""
    budgets = Budgets()
    link = Link(budgets)
    link.allowance.holds(0, 100)
    link.allowance.leave()
    assert budgets._users == {}
