# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a TLS certificate says of itself: until when it is valid, and for which names. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

try:
    from cryptography import x509  # ansible-core needs the package, too
except ImportError:
    x509 = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Certificate:
    """`until`: epoch seconds."""

    until: float
    names: tuple[str, ...]

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
    if x509 is None:
        return None
    try:
        found = x509.load_pem_x509_certificates(data)[0] if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
        return Certificate(found.not_valid_after_utc.timestamp(), tuple(_names(found)))
    except (ValueError, TypeError, IndexError):
        return None


def _names(certificate: x509.Certificate) -> Sequence[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [*found.get_values_for_type(x509.DNSName), *(str(a) for a in found.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        return [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
