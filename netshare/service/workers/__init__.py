"""
Giving connections to worker processes, each at most once.

- :mod:`.route`: one address, its workers, and the connections that wait for one of them
- :mod:`.lanes`: the way to one worker: counted, capped, timed; connections as AMP commands
- :mod:`.fastlane`: the faster way: many connections to a message, on a socket of its own
- :mod:`.pipe`: the service's end of its socket, in the reactor
- :mod:`.backpressure`: when a crowd may wait in the kernel's queue instead
"""
