"""Real clients reach the right real server through the router, with its certificate verified.

Must-show: real clients (curl, openssl s_client and gnutls-cli, TLS 1.2 and 1.3) against real TLS
servers (openssl, nginx); each name its own backend and certificate; an unknown name gets the
unrecognized_name alert.
"""

import unittest

from support import hello, net, tls
from support.router import Router, routing

# Which server stands behind which patterns; every label has a certificate for its own names only.
NAMES = {
    "shop": ["shop.test"],                             # openssl s_server
    "blog": ["blog.test"],                             # nginx
    "apps": ["*.apps.test"],                           # nginx, one label more
    "deep": ["*.deep.test", "*.b.deep.test"],          # nginx, behind **.deep.test
    "special": ["special.apps.test"],                  # openssl, an exact name below a wildcard
    "acme": ["shop.test"],                             # openssl, shop.test with ALPN acme-tls/1
}
OPENSSL = ("shop", "special", "acme")
# (name asked for, label that must answer)
EXPECTED = [
    ("shop.test", "shop"),
    ("SHOP.Test", "shop"),
    ("blog.test", "blog"),
    ("a.apps.test", "apps"),
    ("zz-9.apps.test", "apps"),
    ("special.apps.test", "special"),
    ("a.deep.test", "deep"),
    ("a.b.deep.test", "deep"),
]
UNKNOWN = ["unknown.test", "apps.test", "a.b.apps.test", "deep.test", "test", "xshop.test"]


class RoutesRealTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority = cls.enterClassContext(tls.Authority())
        leaves = {label: cls.authority.leaf(label, *names) for label, names in NAMES.items()}
        servers = {label: cls.enterClassContext(tls.OpensslServer(label, leaves[label], *(
            ["-alpn", "acme-tls/1"] if label == "acme" else []))).text for label in OPENSSL}
        nginx = cls.enterClassContext(tls.NginxServer(
            {label: pem for label, pem in leaves.items() if label not in OPENSSL}))
        servers |= nginx.texts
        config = routing({"shop.test": servers["shop"], "blog.test": servers["blog"],
                          "*.apps.test": servers["apps"], "**.deep.test": servers["deep"],
                          "special.apps.test": servers["special"]})
        config["backends"]["acme"] = {"servers": [servers["acme"]]}
        config["routes"].append({"host": "shop.test", "alpn": ["acme-tls/1"], "backend": "acme"})
        cls.router = Router(config)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.router.stop()
        finally:
            cls.router.kill()

    def test_every_client_and_version_reaches_the_right_server(self):
        for client, ask in tls.CLIENTS.items():
            for version in ("1.2", "1.3"):
                for name, label in EXPECTED:
                    with self.subTest(client=client, version=version, name=name):
                        # The tools differ in the case they verify with; the name sent keeps its.
                        done = ask(self.router.address(), name, version, self.authority.ca)
                        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                        self.assertIn(label, done.stdout.splitlines())

    def test_unknown_names_get_the_alert_in_every_client(self):
        seen = {"curl": "unrecognized name", "openssl s_client": "SSL alert number 112",
                "gnutls-cli": "[112]"}
        for client, ask in tls.CLIENTS.items():
            for version in ("1.2", "1.3"):
                for name in UNKNOWN:
                    with self.subTest(client=client, version=version, name=name):
                        done = ask(self.router.address(), name, version, self.authority.ca)
                        self.assertNotEqual(done.returncode, 0)
                        self.assertIn(seen[client], done.stderr + done.stdout)

    def test_alpn_chooses_the_other_server_of_the_same_name(self):
        address = self.router.address()
        for protocols, label in (("acme-tls/1", "acme"), ("h2,acme-tls/1", "acme"), ("h2", "shop"),
                                 ("acme-tls/10", "shop")):
            with self.subTest(alpn=protocols):
                done = tls.s_client(address, "shop.test", "1.3", self.authority.ca, "-alpn",
                                    protocols)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(label, done.stdout.splitlines())
                self.assertIn(f"CN = {label}\n", done.stderr)

    def test_trailing_dot_is_the_same_name(self):
        done = tls.s_client(self.router.address(), "shop.test.", "1.3", self.authority.ca)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("shop", done.stdout.splitlines())

    def test_no_server_name_gets_an_alert(self):
        done = tls.s_client(self.router.address(), None, "1.3", self.authority.ca)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"SSL alert number \d+")

    def test_what_is_not_tls_is_closed_without_a_byte(self):
        for label, data in (("plain HTTP", hello.PLAIN_HTTP), ("SSLv2 hello", hello.SSLV2),
                            ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"), ("zeros", bytes(64))):
            with self.subTest(label):
                with self.router.connect() as sock:
                    sock.sendall(data)
                    got, _ = net.ending(sock)
                    self.assertEqual(got, b"")

    def test_tls_end_to_end_is_the_backends_own_session(self):
        """The certificate that the client sees is the very one of the server."""
        done = tls.s_client(self.router.address(), "blog.test", "1.2", self.authority.ca,
                            "-showcerts")
        served = done.stdout.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
        own = (self.authority.dir / "blog.pem").read_text()
        self.assertIn(served.strip(), own)


if __name__ == "__main__":
    unittest.main(verbosity=2)
