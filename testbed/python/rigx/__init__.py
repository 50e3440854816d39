"""Drive rigx's capsules and testbeds from Python.

`rigx.capsule` starts capsules, `rigx.testbed` connects them and breaks the
connections on purpose. rigx puts this package on ``PYTHONPATH`` of every
script, test and testbed that it runs; it needs Python 3.8 and nothing else.

The work is done by rigx itself. These modules talk to it over a socket that
only you can open, so whatever a script started is gone when the script ends,
however it ends.
"""

from ._control import Error

Error.__module__ = __name__  # its name in tracebacks

__all__ = ["Error"]
