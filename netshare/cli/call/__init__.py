"""``netshare call``: a request of one's own, and its reply."""
