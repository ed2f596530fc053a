"""
Worker processes that the service starts itself.

- :mod:`netshare.service.activation.spec`: what to start
- :mod:`netshare.service.activation.isolation`: as whom, where and with what it runs
- :mod:`netshare.service.activation.launcher`: the program that a process begins as
- :mod:`netshare.service.activation.surroundings`: what they have of the service's own
- :mod:`netshare.service.activation.process`: starting a process
- :mod:`netshare.service.activation.units`: workers that are units of systemd
- :mod:`netshare.service.activation.generation`: one process, from its start to its end
- :mod:`netshare.service.activation.worker`: one process after the other
- :mod:`netshare.service.activation.ondemand`: when that begins with the first connection
- :mod:`netshare.service.activation.recycling`: when one is replaced though nothing is wrong
- :mod:`netshare.service.activation.files`: files whose change is a reason for that
- :mod:`netshare.service.activation.pool`: how many there are, where that is not fixed
- :mod:`netshare.service.activation.supervision`: all workers of a service

How a process comes about and what is decided about it meet in :mod:`.interfaces` only.
"""
