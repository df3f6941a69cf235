// The service's own JavaScript SDK at a rehearsal vault.
//
// usage: node sdk.mjs SDK STATE kek NAME       makes a key exchange key
//        node sdk.mjs SDK STATE keys PACKAGES  imports the packages that PACKAGES
//                                              lists, as JSON, and uses the keys
//
// SDK is the folder with node_modules. NODE_EXTRA_CA_CERTS names the vault's CA,
// STATE/ca.pem. Every check is counted; the first one that fails ends the program.

import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [sdk, state, command, argument] = process.argv.slice(2);
const { CryptographyClient, KeyClient } = createRequire(join(resolve(sdk), "package.json"))("@azure/keyvault-keys");

let checked = 0;

function check(what, good) {
  if (!good) {
    console.error(`sdk.mjs: ${what}`);
    process.exit(1);
  }
  checked++;
}

// refused checks that call fails with the HTTP status.
async function refused(what, status, call) {
  const error = await call().then(() => undefined, (e) => e);
  check(`${what}: ${error ?? "was not refused"}`, error?.statusCode === status);
}

// credential has the token already.
const credential = (token) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) });
const text = (name) => readFileSync(join(state, name), "utf8").trim();
const options = { disableChallengeResourceVerification: true, retryOptions: { maxRetries: 0 } };
const client = (token = text("token")) => new KeyClient(text("url"), credential(token), options);

async function makeKEK(name) {
  const expiresOn = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);
  const kek = await client().createRsaKey(name, { hsm: true, keySize: 2048, keyOps: ["import"], expiresOn });
  check("type of the KEK", kek.keyType === "RSA-HSM" && kek.key.n.length === 256);
  check("operations of the KEK", kek.keyOperations.join() === "import");
  check("expiry of the KEK", kek.properties.expiresOn.getTime() === expiresOn.getTime());
  check("the KEK read again", (await client().getKey(name)).id === kek.id);
  // A Managed HSM refuses a token without a body, on which this SDK fails by itself.
  const error = await client("of another vault").getKey(name).then(() => undefined, (e) => e);
  check("a wrong token", error !== undefined);
}

const sorted = (list) => [...list].sort().join();

async function listed(pages) {
  const all = [];
  for await (const one of pages) all.push(one);
  return all;
}

async function useKeys(packages) {
  const vault = client();
  for (const one of packages) await useKey(vault, one);
  const names = (await listed(vault.listPropertiesOfKeys())).map((k) => k.name);
  check("the list of keys", packages.every((p) => names.includes(p.name)));
  const other = packages.find((p) => p.kty !== packages[0].kty);
  await refused("a package of another type", 400, () => imported(vault, { ...packages[0], blob: other.blob, name: "wrong" }));
  await refused("a name that nothing holds", 404, () => vault.getKey("wrong"));
}

function imported(vault, { name, blob, kty, crv, ops }) {
  const jwk = { kty, crv, keyOps: ops, t: readFileSync(blob) };
  return vault.importKey(name, jwk, { hardwareProtected: true, tags: { by: "the JavaScript SDK" } });
}

async function useKey(vault, one) {
  const { name } = one;
  const key = await imported(vault, one);
  check(`${name}: type and operations`, key.keyType === one.kty && sorted(key.keyOperations) === sorted(one.ops));
  check(`${name}: tags`, key.properties.tags.by === "the JavaScript SDK");
  check(`${name}: public key`, same(key.key, one));
  await prove(key, one);

  const { version } = key.properties;
  await vault.updateKeyProperties(name, version, { enabled: false });
  await refused(`${name}: a disabled key`, 403, () => prove(key, one));
  await vault.updateKeyProperties(name, version, { enabled: true });

  const second = await imported(vault, one);
  const versions = (await listed(vault.listPropertiesOfKeyVersions(name))).map((v) => v.version);
  check(`${name}: two versions`, sorted(versions) === sorted([version, second.properties.version]));

  const poll = { intervalInMs: 50 };
  const gone = await (await vault.beginDeleteKey(name, poll)).pollUntilDone();
  check(`${name}: deleted`, gone.properties.recoveryId.endsWith(`/deletedkeys/${name}`));
  await refused(`${name}: a deleted key`, 404, () => vault.getKey(name));
  await refused(`${name}: a deleted name`, 409, () => imported(vault, one));
  const back = await (await vault.beginRecoverDeletedKey(name, poll)).pollUntilDone();
  check(`${name}: recovered`, back.id === second.id);
}

// same reports whether the vault shows the public key of the package, an AES
// key none.
function same(jwk, one) {
  if (!one.public) return jwk.n === undefined && jwk.x === undefined && jwk.k === undefined;
  const ours = createPublicKey(one.public).export({ format: "jwk" });
  const base64url = (octets) => Buffer.from(octets).toString("base64url");
  if (ours.n) return base64url(jwk.n) === ours.n && base64url(jwk.e) === ours.e;
  return jwk.crv === one.crv && base64url(jwk.x) === ours.x && base64url(jwk.y) === ours.y;
}

const signatures = {
  "RSA-HSM": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  "P-256": ["ES256"], "P-384": ["ES384"], "P-521": ["ES512"], "P-256K": ["ES256K"],
};

// prove has the vault use the key.
async function prove(key, one) {
  const crypto = new CryptographyClient(key.id, credential(text("token")), options);
  if (one.kty === "oct-HSM") return encrypts(crypto, one);
  for (const algorithm of signatures[one.crv ?? one.kty]) await signs(crypto, one.name, algorithm);
}

async function signs(crypto, name, algorithm) {
  const hash = algorithm.endsWith("K") ? "sha256" : "sha" + algorithm.slice(2);
  const digest = createHash(hash).update("sign this").digest();
  const { result } = await crypto.sign(algorithm, digest);
  const broken = Uint8Array.from(result);
  broken[0] ^= 1;
  check(`${name}: ${algorithm}`, (await crypto.verify(algorithm, digest, result)).result);
  check(`${name}: ${algorithm}, broken`, !(await crypto.verify(algorithm, digest, broken)).result);
}

async function encrypts(crypto, { name, bits, check_value: wanted }) {
  const zero = new Uint8Array(16);
  const sealed = await crypto.encrypt({ algorithm: `A${bits}CBC`, plaintext: zero, iv: zero });
  check(`${name}: check value`, Buffer.from(sealed.result).toString("hex") === wanted);
  const opened = await crypto.decrypt({ algorithm: `A${bits}CBC`, ciphertext: sealed.result, iv: zero });
  check(`${name}: CBC`, Buffer.from(opened.result).equals(Buffer.from(zero)));
  const wrapped = await crypto.wrapKey(`A${bits}KW`, Buffer.alloc(32, 7));
  const back = await crypto.unwrapKey(`A${bits}KW`, wrapped.result);
  check(`${name}: KW`, Buffer.from(back.result).equals(Buffer.alloc(32, 7)));
}

if (command === "kek") await makeKEK(argument);
else await useKeys(JSON.parse(readFileSync(argument, "utf8")));
console.log(`${checked} of ${checked}`);
