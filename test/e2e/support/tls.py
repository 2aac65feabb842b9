"""Real TLS: a throw-away authority, real servers (openssl, nginx), real clients (curl, openssl,
gnutls-cli). Every server answers GET /who with its own name and has a certificate of its own."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from support import net

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=240,
                          **more)


class Authority:
    """Signs certificates into a directory of its own."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-ca-"))
        self.ca = self.dir / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.dir / "ca.key", "-out", self.ca, "-days", "2", "-subj",
                "/CN=sni-router test authority", "-addext", "basicConstraints=critical,CA:TRUE")

    def leaf(self, label, *names):
        """Certificate and key (one file) for these names, with `label` as common name."""
        path = self.dir / f"{label}.pem"
        request = self.dir / f"{label}.csr"
        extensions = self.dir / f"{label}.ext"
        extensions.write_text("subjectAltName=" + ",".join("DNS:" + name for name in names))
        key = self.dir / f"{label}.key"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                key, "-out", request, "-subj", f"/CN={label}")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.dir / "ca.key",
                "-CAcreateserial", "-out", path, "-days", "2", "-extfile", extensions)
        path.write_text(path.read_text() + key.read_text())
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)


class OpensslServer:
    """`openssl s_server` on a port it picks itself; serves the file `who`."""

    def __init__(self, label, pem, *options):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-srv-"))
        (self.dir / "who").write_text(label + "\n")
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(pem), "-WWW", *options],
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.port = None
        for line in self.process.stdout:
            if match := re.match(r"ACCEPT .*:(\d+)", line):
                self.port = int(match.group(1))
                break
        assert self.port, "openssl s_server did not start"
        self.text = f"127.0.0.1:{self.port}"
        self.drain = threading.Thread(target=self.process.stdout.read, daemon=True)
        self.drain.start()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.drain.join()
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class NginxServer:
    """nginx with one https server per label, each on a port of its own (`texts[label]`)."""

    def __init__(self, leaves, files=None):
        for attempt in range(5):
            self._start(leaves, files)
            if self._up():
                return
            self.close()
        raise AssertionError("nginx did not start")

    def _start(self, leaves, files):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-nginx-"))
        self.dir.chmod(0o755)
        self.ports = {label: net.free_port() for label in leaves}
        self.texts = {label: f"127.0.0.1:{port}" for label, port in self.ports.items()}
        servers = "".join(f"""
            server {{
                listen 127.0.0.1:{self.ports[label]} ssl;
                ssl_certificate {pem}; ssl_certificate_key {pem};
                location = /who {{ return 200 "{label}\\n"; }}
                location / {{ root {files or self.dir}; }}
            }}""" for label, pem in leaves.items())
        (self.dir / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {self.dir}/pid; error_log {self.dir}/error.log;
            events {{ }}
            http {{
                access_log off; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1;
                client_body_temp_path {self.dir}/a; proxy_temp_path {self.dir}/b;
                fastcgi_temp_path {self.dir}/c; uwsgi_temp_path {self.dir}/d;
                scgi_temp_path {self.dir}/e; {servers}
            }}""")
        self.process = subprocess.Popen([NGINX, "-p", str(self.dir), "-c", "nginx.conf"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def _up(self):
        def state():
            if self.process.poll() is not None:
                return "ended"
            return all(net.accepts(("127.0.0.1", port)) for port in self.ports.values()) and "up"
        return net.wait_until("nginx", state) == "up"

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **more)


# Clients. Each asks GET /who for `name` at (host, port), verifies the certificate for that name
# against the authority, and returns the CompletedProcess. `version` is "1.2" or "1.3".

def curl(address, name, version, ca, *options, path="who"):
    host, port = address
    return _run(["curl", "--silent", "--show-error", "--max-time", "120", "--http1.1",
                 "--cacert", str(ca), f"--tlsv{version}", "--tls-max", version,
                 "--connect-to", f"{name}:443:{host}:{port}", *options, f"https://{name}/{path}"],
                stdin=subprocess.DEVNULL)


def s_client(address, name, version, ca, *options):
    host, port = address
    server_name = ["-servername", name] if name else ["-noservername"]
    verify = ["-verify_hostname", name.rstrip(".")] if name else []
    return _run(["openssl", "s_client", "-connect", f"{host}:{port}", *server_name, "-CAfile",
                 str(ca), *verify, "-verify_return_error", "-ign_eof", "-tls" +
                 version.replace(".", "_"), *options], input="GET /who HTTP/1.0\r\n\r\n")


def gnutls_cli(address, name, version, ca, *options):
    """Its standard input stays open until it ends, since it leaves when that ends."""
    host, port = address
    command = ["gnutls-cli", "--port", str(port), "--sni-hostname", name, "--verify-hostname", name,
               "--x509cafile", str(ca), "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}",
               *options, host]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"GET /who HTTP/1.0\r\n\r\n")
        return _run(command, stdin=theirs)


CLIENTS = {"curl": curl, "openssl s_client": s_client, "gnutls-cli": gnutls_cli}
