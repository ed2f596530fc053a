"""One word for each way in which a connection can end."""

from __future__ import annotations

from netshare.outcomes import Outcome


def test_words_are_unique() -> None:
    """Each outcome has a word of its own that fits a log and a name of a metric."""
    words = [outcome.value for outcome in Outcome]
    assert len(set(words)) == len(words)
    assert all(word == word.lower() and " " not in word for word in words)


def test_served() -> None:
    """Three outcomes mean that the connection reached a server."""
    assert {outcome.value for outcome in Outcome if outcome.served} == {
        "handed-over",
        "local",
        "relayed",
    }
