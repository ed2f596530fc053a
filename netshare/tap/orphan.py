"""
Becomes another program in a process whose parent has ended: a service manager takes only such a
one for the main process of a service that it has not started itself. Run as a program, with the
descriptor on which to say the number of that process, and its command line.
"""

import os
import sys


def main(descriptor: int, arguments: list[str]) -> None:
    """
    :param descriptor: it stays open in the new process, so that its end is seen there
    :param arguments: the program and what it is told
    """
    pid = os.fork()
    if pid:
        os.write(descriptor, b"%d\n" % pid)
        os._exit(0)
    os.execv(arguments[0], arguments)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
