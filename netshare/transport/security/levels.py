"""What a secure stream protects messages against, in WCF's words."""

from __future__ import annotations

from enum import Enum


class ProtectionLevel(Enum):
    """``System.Net.Security.ProtectionLevel``."""

    #: The client is known, messages are not protected.
    NONE = "None"
    #: Messages cannot be changed on their way.
    SIGN = "Sign"
    #: Nor can they be read.
    ENCRYPT_AND_SIGN = "EncryptAndSign"
