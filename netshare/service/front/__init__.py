"""
From the listening port to a connection whose via is known.

- :mod:`.ports`: which ports are open, and why
- :mod:`.accept`: a port that accepts in batches and reads the first bytes at once
- :mod:`.preamble`: a connection's first bytes, and where it goes by them
- :mod:`.newcomers`: connections that have said nothing yet, dealt with some at a time
- :mod:`.undecided`: reading on until the via is complete, where the preamble comes in pieces
- :mod:`.crowd`: which of those goes when there are too many
- :mod:`.arrival`: a connection whose via is known; it gets exactly one outcome
- :mod:`.turn`: what was accepted together is sent to workers together

The front writes nothing before a route has decided: the socket reaches its owner untouched.
"""
