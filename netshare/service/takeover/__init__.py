"""
Take-over: another process goes on as the service, and no client or worker notices.

- :mod:`.messages`: records (:mod:`netshare.service.records`) as messages; without I/O
- :mod:`.channel`: the socket that the messages and their descriptors travel on
- :mod:`.giving`: the process that has been the service until now
- :mod:`.taking`: the process that will be

The state of each thing is given, and taken up again, by the object that owns it: a port, a link, a
lane, what is undecided and what waits each have ``handed_over``, ``let_go`` and ``resume``, or
some of these. What is here knows the order, and the way back: until the old process has said
"yours" nothing has happened, and it serves on when the new one fails.
"""
