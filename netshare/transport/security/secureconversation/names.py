"""Names of WS-Security 1.0, WS-Trust and WS-SecureConversation of February 2005."""

from __future__ import annotations

from typing import Final

_WSS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"

#: WS-Security: ``o`` in what WCF writes.
WSSE: Final = _WSS + "wssecurity-secext-1.0.xsd"
#: Its utilities, Id and Timestamp: ``u``.
WSU: Final = _WSS + "wssecurity-utility-1.0.xsd"
#: XML signatures.
DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
#: WS-Trust: ``t``.
TRUST: Final = "http://schemas.xmlsoap.org/ws/2005/02/trust"
#: WS-SecureConversation: ``c``.
SC: Final = "http://schemas.xmlsoap.org/ws/2005/02/sc"

X509_VALUE_TYPE: Final = _WSS + "x509-token-profile-1.0#X509v3"
PASSWORD_TEXT: Final = _WSS + "username-token-profile-1.0#PasswordText"
SCT_TOKEN_TYPE: Final = SC + "/sct"
NONCE: Final = TRUST + "/Nonce"
COMPUTED_KEY: Final = TRUST + "/CK/PSHA1"

ISSUE: Final = TRUST + "/Issue"
RENEW: Final = TRUST + "/Renew"
CANCEL: Final = TRUST + "/Cancel"

#: The actions of requests, and those of their answers.
ISSUE_ACTION: Final = TRUST + "/RST/SCT"
RENEW_ACTION: Final = TRUST + "/RST/SCT/Renew"
CANCEL_ACTION: Final = TRUST + "/RST/SCT/Cancel"
ANSWER_ACTIONS: Final = {
    ISSUE_ACTION: TRUST + "/RSTR/SCT",
    RENEW_ACTION: TRUST + "/RSTR/SCT/Renew",
    CANCEL_ACTION: TRUST + "/RSTR/SCT/Cancel",
}

#: The actions of both sides while they negotiate a context with Windows credentials.
NEGOTIATE_ACTION: Final = TRUST + "/RST/Issue"
NEGOTIATE_ANSWER_ACTION: Final = TRUST + "/RSTR/Issue"
SPNEGO: Final = TRUST + "/spnego"
BASE64_BINARY: Final = _WSS + "soap-message-security-1.0#Base64Binary"
#: Encryption. How the key of a negotiated context is: by the wrap function of GSSAPI.
XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"
GSS_WRAP: Final = "http://schemas.xmlsoap.org/2005/02/trust/spnego#GSS_Wrap"

EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA1: Final = DSIG + "sha1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
HMAC_SHA1: Final = DSIG + "hmac-sha1"
HMAC_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
RSA_SHA1: Final = DSIG + "rsa-sha1"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
