"""
Real WCF programs to test against, and their drivers for tests on Twisted's reactor.

:mod:`tests.peers.programs` finds and builds the programs, :mod:`tests.peers.drivers` runs them,
:mod:`tests.peers.fixtures` hands them to pytest. README.rst says what each program can do.
"""
