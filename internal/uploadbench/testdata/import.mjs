// Imports packages with the service's own JavaScript SDK, one after another.
//
// usage: node import.mjs SDK STATE PACKAGES
//
// SDK is the folder with node_modules. NODE_EXTRA_CA_CERTS names the vault's CA.
// PACKAGES is a JSON list of name and blob, the path of a .byok of a P-256 key.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [sdk, state, packages] = process.argv.slice(2);
const { KeyClient } = createRequire(join(resolve(sdk), "package.json"))("@azure/keyvault-keys");

const text = (name) => readFileSync(join(state, name), "utf8").trim();
const credential = { getToken: async () => ({ token: text("token"), expiresOnTimestamp: Date.now() + 3_600_000 }) };
const vault = new KeyClient(text("url"), credential, { disableChallengeResourceVerification: true });

for (const { name, blob } of JSON.parse(readFileSync(packages, "utf8"))) {
  const jwk = { kty: "EC-HSM", crv: "P-256", keyOps: ["sign", "verify"], t: readFileSync(blob) };
  await vault.importKey(name, jwk, { hardwareProtected: true });
}
