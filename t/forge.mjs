#!/usr/bin/env node
// Forges tokens with a certificate, docs/wire-format.md and a JOSE library, which
// anybody can have. They are encrypted for the certificate's key as they should be,
// with a guess at `sig`. With the key as well, it makes a genuine token too.
//
//   forge.mjs ALG CERTIFICATE [KEY] <genuine-token
//
// prints lines `description: token`, for t/certificates-forged.t.

import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { CompactEncrypt } from "jose";

const [alg, certificateFile, keyFile] = process.argv.slice(2);
const pem = readFileSync(certificateFile);
const certificate = new crypto.X509Certificate(pem);
const { publicKey } = certificate;
const kid = crypto.createHash("sha256").update(certificate.raw).digest("base64url");
const genuine = readFileSync(0, "latin1").trim().split(".");
const genuineHeader = Buffer.from(genuine[0], "base64url").toString();
const genuineSignature = /"sig":"([^"]*)"/.exec(genuineHeader)[1];
const curve = publicKey.asymmetricKeyDetails.namedCurve;
const digest = { secp384r1: "sha384", secp521r1: "sha512" }[curve] ?? "sha256";
const size = Buffer.from(genuineSignature, "base64url").length;

// Encrypts with the library, which makes the encrypted key and the point. The header's
// `epk` keeps its place; the library orders the members of the point in its own way.
async function encrypt() {
  const contentKey = crypto.randomBytes(32);
  const header = { alg, enc: "A256GCM", kid, ...(curve ? { epk: undefined } : {}) };
  const token = await new CompactEncrypt(Buffer.from("user=mallory"))
    .setProtectedHeader(header)
    .setContentEncryptionKey(contentKey)
    .encrypt(publicKey);
  const [encoded, encryptedKey] = token.split(".");
  const made = JSON.parse(Buffer.from(encoded, "base64url"));
  if (curve) made.epk = (({ kty, crv, x, y }) => ({ kty, crv, x, y }))(made.epk);
  return { token, contentKey, encryptedKey, text: JSON.stringify(made) };
}

// Seals a session with another header, which is the associated data.
function seal(text, encryptedKey, contentKey) {
  const encoded = Buffer.from(text).toString("base64url");
  const nonce = crypto.randomBytes(12);
  const cipher = crypto.createCipheriv("aes-256-gcm", contentKey, nonce).setAAD(Buffer.from(encoded));
  const ciphertext = Buffer.concat([cipher.update("user=mallory"), cipher.final()]);
  const parts = [nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString("base64url"));
  return [encoded, encryptedKey, ...parts].join(".");
}

function sign(key, text) {
  const how = curve
    ? { key, dsaEncoding: "ieee-p1363" }
    : { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return crypto.sign(digest, Buffer.from(text), how).toString("base64url");
}

function newKey() {
  if (curve) return crypto.generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
  return crypto.generateKeyPairSync("rsa", { modulusLength: size * 8 }).privateKey;
}

function hmac(secret) {
  return (text) => crypto.createHmac(digest, secret).update(text).digest("base64url");
}

const number = (value) => Buffer.from([...Buffer.alloc(size - 1), value]).toString("base64url");
const half = Buffer.from([...Buffer.alloc(size / 2 - 1), 1]);
const own = newKey();
const guesses = {
  "an empty signature": () => "",
  "a random signature": () => crypto.randomBytes(size).toString("base64url"),
  "a signature of zero": () => number(0),
  "a signature of one": () => number(1),
  "a signature of one and one": () => Buffer.concat([half, half]).toString("base64url"),
  "the signature of a genuine token": () => genuineSignature,
  "a signature of an own key": (text) => sign(own, text),
  "an HMAC with the public key in PEM": hmac(publicKey.export({ type: "spki", format: "pem" })),
  "an HMAC with the public key in DER": hmac(publicKey.export({ type: "spki", format: "der" })),
  "an HMAC with the certificate in PEM": hmac(pem),
  "an HMAC with the certificate in DER": hmac(certificate.raw),
  "an HMAC with the certificate's id": hmac(kid),
  "an HMAC with nothing": hmac(""),
};
if (keyFile) guesses.genuine = (text) => sign(crypto.createPrivateKey(readFileSync(keyFile)), text);

const show = (name, token) => console.log(`${name}: ${token}`);
for (const [name, guess] of Object.entries(guesses)) {
  const { contentKey, encryptedKey, text } = await encrypt();
  const signature = guess(`${Buffer.from(text).toString("base64url")}.${encryptedKey}`);
  show(name, seal(text.replace(/\}$/, `,"sig":"${signature}"}`), encryptedKey, contentKey));
}
const { token, contentKey, encryptedKey, text } = await encrypt();
show("no signature, as the library has it", token);
show("no signature", seal(text, encryptedKey, contentKey));
show("a genuine header, an own encrypted key", seal(genuineHeader, encryptedKey, contentKey));
show("a genuine header and encrypted key, a random content key", seal(genuineHeader, genuine[1], contentKey));
show("a genuine header and encrypted key, a content key of zeros", seal(genuineHeader, genuine[1], Buffer.alloc(32)));
show("a genuine encrypted key, an own header", seal(text.replace(/\}$/, `,"sig":"${genuineSignature}"}`), genuine[1], contentKey));
