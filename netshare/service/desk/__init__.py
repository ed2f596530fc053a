"""
The registration desk: the service's side of the control socket.

- :mod:`.protocol`: one connection, of a worker or of the ``netshare`` command
- :mod:`.flow`: reading from it stops while its answers are not read
- :mod:`.requests`: reading what a worker asks for
- :mod:`.accounts`: who may register which addresses
- :mod:`.budget`: what one user may have at the control socket
- :mod:`.registry`: what is registered, and by which worker
- :mod:`.draining`: letting a worker go; :mod:`.departures`: those that are about to be gone
- :mod:`.management`: what operators may do to workers
- :mod:`.memory`: what was registered, over a restart
- :mod:`.returns`: connections that workers give back
- :mod:`.status`: the answers to ``netshare list``, ``who`` and ``stats``
"""
