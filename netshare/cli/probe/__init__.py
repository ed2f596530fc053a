"""``netshare probe``: tries an address as a client would, and says what came of it."""
