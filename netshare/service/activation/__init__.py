"""
Worker processes that the service starts itself.

- :mod:`netshare.service.activation.spec`: what to start
- :mod:`netshare.service.activation.surroundings`: what they have of the service's own
- :mod:`netshare.service.activation.supervision`: starting, restarting, ending
"""
