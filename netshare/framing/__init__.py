"""
[MC-NMF], the .NET Message Framing Protocol, without I/O.

Functions and classes here take bytes and return values; they know neither sockets nor Twisted
nor any other room of the house. Ordinary bad input is answered with a verdict, never an
exception.
"""
