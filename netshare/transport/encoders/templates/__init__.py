"""
Templates: most messages of a session are like one that was there before.

A client's requests to one operation, and the replies to them, have the same headers but for the
message's identifier. What reading makes of bytes depends on them, on the session's strings that
they refer to (which never change), and on nothing else: where the bytes are those of an earlier
message down to the arguments, so is all that was read of them, and the reader goes on from there
(:mod:`.reading`). In the same way a writer need not write again what it wrote before
(:mod:`.writing`). Sessions of the same kind begin with the same messages, and have templates for
those in common (:mod:`.shared`).

The invariant of all three: **with templates and without, the same messages and the same bytes, and
the same errors.** A template is a function of bytes and strings, never changed once it is made.
When anything behind it is unusual or wrong, the message is read or written again from its
beginning as if there were no templates, which alone complains. It is made for the second message
of a kind; how many there are is bounded, per session and altogether, whatever a peer sends.
Without templates the codec takes four times as long for a call.
"""

from netshare.transport.encoders.templates.reading import ReadTemplates, SharedReadTemplates
from netshare.transport.encoders.templates.shared import SharedTemplates
from netshare.transport.encoders.templates.writing import (
    OperationBody,
    SharedWriteTemplates,
    WriteTemplates,
)

__all__ = [
    "OperationBody",
    "ReadTemplates",
    "SharedReadTemplates",
    "SharedTemplates",
    "SharedWriteTemplates",
    "WriteTemplates",
]
