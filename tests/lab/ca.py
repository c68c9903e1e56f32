"""A certificate authority that lives as long as a lab, and the certificates it issues."""
import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class Certificate:
    """PEM files: `chain` holds the certificate, `key` its key; `ca` is what a peer must trust."""

    def __init__(self, chain, key, ca):
        self.chain, self.key, self.ca = str(chain), str(key), str(ca)

    def context(self, side):
        """For one who shows this certificate and demands one of the same CA; whose name it holds is for others to judge."""
        context = ssl.SSLContext(side)
        context.check_hostname = False
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.chain, self.key)
        return context


class CertificateAuthority:
    def __init__(self, folder, name="parley test CA", parent=None, is_ca=True):
        """`parent`: this one is an intermediate, and its file is no root. `is_ca`: it may sign others."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._count = 0
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            (parent or self)._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(key_id, critical=False)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .sign((parent or self)._key, hashes.SHA256())
        )
        self._key_id = key_id
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, public_key, days=30, starts=None):
        now = datetime.datetime.utcnow()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=starts if starts is not None else -1 if days > 0 else -40))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def self_signed(self, *names, days=30):
        """A certificate that nobody has signed but itself: its own file is `ca`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        now = datetime.datetime.utcnow()
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=40)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._count += 1
        return self._write(f"{self._count:02}-self-{names[0]}", certificate, key, issuer=b"", ca=None)

    def issue(self, *names, common_name=None, usages=(SERVER, CLIENT), days=30, key_type="ec", starts=None,
              with_issuer=False):
        """A certificate whose subjectAltName holds `names` (DNS names or addresses); days < 0 makes an expired one, `starts` says
        in how many days it becomes valid. `with_issuer`: the chain holds this CA's own certificate too."""
        self._count += 1
        key = rsa.generate_private_key(65537, 2048) if key_type == "rsa" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or names[0])])
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        builder = (
            self._builder(subject, key.public_key(), days, starts)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_id), critical=False)
            .add_extension(x509.KeyUsage(True, False, key_type == "rsa", False, False, False, False, False, False), critical=True)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return self._write(f"{self._count:02}-{names[0] if names else common_name}".replace("\0", "NUL"), certificate, key,
                           issuer=self.file.read_bytes() if with_issuer else b"", ca=self.file)

    def _write(self, name, certificate, key, issuer, ca):
        chain, key_file = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + issuer)
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        key_file.chmod(0o600)
        return Certificate(chain, key_file, ca or chain)
