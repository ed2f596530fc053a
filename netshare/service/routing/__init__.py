"""
Where a via leads.

- :mod:`.tree`: the addresses, and which of several gets a via
- :mod:`.router`: looks arrivals up in the tree, and remembers what it found
- :mod:`.grace`: after a start, connections wait for an address that is not there yet
- :mod:`.routes`: to a Factory in this process, to a fault
- :mod:`.relay`: to a server that knows nothing of sharing
"""
