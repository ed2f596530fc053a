"""``netshare decode``: what was on the wire, made readable."""
