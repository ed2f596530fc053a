"""
What a program uses to be behind a shared port.

- :mod:`netshare.control.commands`: the AMP vocabulary between worker and service
- :mod:`netshare.worker.link`: the link to the service, kept up and registered again
- :mod:`netshare.worker.endpoint`: the ``netshare:`` server endpoint
- :mod:`netshare.endpoints.client`: the ``nettcp:`` client endpoint
- :mod:`netshare.worker.child`: what runs in a worker process that the service started
"""
