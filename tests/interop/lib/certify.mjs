// Certificates for tests, made with openssl. It must not keep any.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

/** Makes certificates with openssl in a folder: authorities `ca.crt` and `other.crt`, and `own.crt` with `own.key` for 127.0.0.1. */
export function certify(folder) {
  const openssl = (...args) => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other"]) {
    openssl("req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.crt`, "-days", "2", "-subj", `/CN=${name}`);
  }
  openssl("req", ...key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=own");
  writeFileSync(path.join(folder, "own.cnf"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "own.crt", "-days", "2", "-extfile", "own.cnf");
}
