# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a TLS certificate says of itself: until when it is valid, and for which names, and whether a key belongs to it. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class Certificate:
    """`since`, `until`: epoch seconds. `alternative`: the names are where browsers look for them."""

    until: float
    names: tuple[str, ...]
    since: float = 0.0
    alternative: bool = True

    def expired(self, now: float) -> str:
        """`expired at DATE (N days ago)`, or nothing."""
        if now <= self.until:
            return ""
        when = datetime.datetime.fromtimestamp(self.until, datetime.UTC)
        return f"expired at {when:%Y-%m-%d %H:%M} UTC ({(now - self.until) / 86400:.1f} days ago)"

    def covers(self, host: str) -> bool:
        """True when the certificate is for this host; a wildcard stands for one label."""
        parent = "*." + host.partition(".")[2]
        return any(name.lower() in (host.lower(), parent.lower()) for name in self.names)


def read(data: bytes) -> Certificate | None:
    """The first certificate of a PEM file, or one in DER; None for anything else."""
    try:
        from cryptography import x509  # ansible-core needs the package, too; here, because most runs read no certificate
    except ImportError:
        return None
    try:
        found = x509.load_pem_x509_certificates(data)[0] if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
        names, alternative = _names(found)
        return Certificate(found.not_valid_after_utc.timestamp(), tuple(names), found.not_valid_before_utc.timestamp(), alternative)
    except (ValueError, TypeError, IndexError):
        return None


def pair(certificate: bytes, key: bytes) -> str:
    """Why a server cannot use both, as the end of a sentence that begins with `tls.crt` or `tls.key`; empty when it can, or it is not known."""
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return ""
    try:
        chain = x509.load_pem_x509_certificates(certificate)
    except ValueError:
        return "tls.crt contains no certificate in PEM (swapped with tls.key, base64 twice, or without line breaks)"
    try:
        public = load_pem_private_key(key, None).public_key()
    except TypeError:
        return "tls.key is encrypted with a password"
    except (ValueError, UnsupportedAlgorithm):
        return "tls.key contains no private key in PEM (swapped with tls.crt, base64 twice, or without line breaks)"
    try:
        place = next((number for number, found in enumerate(chain, 1) if found.public_key() == public), 0)
    except (ValueError, UnsupportedAlgorithm):
        return ""
    if not place:
        return "tls.key does not belong to tls.crt"
    return f"tls.crt contains the certificate of tls.key at position {place}, but this certificate must be the first" if place > 1 else ""


def _names(certificate: x509.Certificate) -> tuple[Sequence[str], bool]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [*found.get_values_for_type(x509.DNSName), *(str(a) for a in found.get_values_for_type(x509.IPAddress))], True
    except x509.ExtensionNotFound:
        return [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)], False
