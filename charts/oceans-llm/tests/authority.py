# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for one test. authority.py HOST...: for each the PEM texts, as JSON."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def _signed(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(text))
    return x509.DNSName(text)


def certificates(host: str) -> tuple[str, str, str]:
    """PEM texts: an authority, a server's certificate that it signed, and the server's key."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _signed("tests", authority, "tests", authority, x509.BasicConstraints(ca=True, path_length=0))
    certificate = _signed(host, server, "tests", authority, x509.SubjectAlternativeName([_host(host)]))
    key = server.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.public_bytes(serialization.Encoding.PEM).decode(), certificate.public_bytes(serialization.Encoding.PEM).decode(), key.decode()


if __name__ == "__main__":
    json.dump([dict(zip(("ca", "certificate", "key"), certificates(host), strict=True)) for host in sys.argv[1:]], sys.stdout)
