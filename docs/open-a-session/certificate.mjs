#!/usr/bin/env node
// Decrypts a session that mod_session_crypto encrypted for a certificate, or encrypts one.
//
//   export SESSION_CERTIFICATE_FILE=FILE SESSION_KEY_FILE=FILE
//   certificate.mjs open [PURPOSE] <token >session
//   certificate.mjs make ENC [PURPOSE] <session >token
//
// The files are PEM: the certificate first in its file, and its private key
// without a passphrase. ENC is A128GCM, A192GCM or A256GCM. A token that is refused, or
// has expired, ends the program with status 1 and a reason.
//
// Needs jose, version 5 or 6 (npm install jose).

import {
  constants, createCipheriv, createHash, createPrivateKey, randomBytes, sign, verify, X509Certificate,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { compactDecrypt, CompactEncrypt, errors } from "jose";

const KEY_LENGTH = new Map([["A128GCM", 16], ["A192GCM", 24], ["A256GCM", 32]]);

// The curve's name, and the digest of its signatures.
const CURVES = new Map([
  ["prime256v1", ["P-256", "sha256"]],
  ["secp384r1", ["P-384", "sha384"]],
  ["secp521r1", ["P-521", "sha512"]],
]);

class Refused extends Error {}

function readCertificate() {
  const certificate = new X509Certificate(readFileSync(process.env.SESSION_CERTIFICATE_FILE));
  const { publicKey } = certificate;
  const curve = CURVES.get(publicKey.asymmetricKeyDetails.namedCurve);
  return {
    id: createHash("sha256").update(certificate.raw).digest("base64url"),
    publicKey,
    privateKey: createPrivateKey(readFileSync(process.env.SESSION_KEY_FILE)),
    algs: curve ? ["ECDH-ES+A256KW"] : ["RSA-OAEP-256", "RSA-OAEP"],
    curve: curve?.[0],
    digest: curve?.[1] ?? "sha256",
    // With a curve, the form of JWS: r and s, one after the other.
    signature: curve
      ? { dsaEncoding: "ieee-p1363" }
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  };
}

function header({ id }, alg, enc, purpose) {
  return { alg, enc, kid: id, ...(purpose ? { aud: purpose } : {}) };
}

// Members come in any order.
function isSame(one, other) {
  const sorted = (members) => JSON.stringify(Object.entries(members).sort());
  return sorted(one) === sorted(other);
}

async function openSession(token, purpose, certificate) {
  if (!/^[\w-]+(\.[\w-]+){4}$/.test(token)) throw new Refused("not a token");
  const [encoded, encryptedKey] = token.split(".");
  const text = Buffer.from(encoded, "base64url").toString("latin1");
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    throw new Refused("not a token");
  }
  // The token chooses nothing: its whole header must be the agreed one.
  const { sig, epk, ...members } = given;
  const { alg, enc } = members;
  const agreed = certificate.algs.includes(alg) && KEY_LENGTH.has(enc) && epk?.crv === certificate.curve;
  if (!sig || !agreed || !isSame(members, header(certificate, alg, enc, purpose))) {
    throw new Refused("another certificate, purpose or algorithm");
  }
  // Anybody can encrypt for a certificate. Only the signature proves that httpd did it.
  const unsigned = text.replace(/,"sig":"[^"]*"|"sig":"[^"]*",/, "");
  const signed = Buffer.from(`${Buffer.from(unsigned).toString("base64url")}.${encryptedKey}`);
  const verifier = { key: certificate.publicKey, ...certificate.signature };
  if (!verify(certificate.digest, signed, verifier, Buffer.from(sig, "base64url"))) {
    throw new Refused("the signature is wrong");
  }
  let session;
  try {
    const opened = await compactDecrypt(token, certificate.privateKey, {
      keyManagementAlgorithms: [alg],
      contentEncryptionAlgorithms: [enc],
    });
    session = Buffer.from(opened.plaintext);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new Refused("the tag is wrong");
    throw error;
  }
  // In microseconds since 1970. An application must check it, as mod_session does.
  const expiry = new URLSearchParams(session.toString("latin1")).get("expiry");
  if (expiry !== null && Number(expiry) < Date.now() * 1000) throw new Refused("expired");
  return session;
}

async function makeToken(session, enc, purpose, certificate) {
  // The library encrypts a key of our own for the certificate. The rest of this first
  // token is thrown away, because its header has no signature yet.
  const key = randomBytes(KEY_LENGTH.get(enc));
  const first = await new CompactEncrypt(Buffer.from("-"))
    .setProtectedHeader(header(certificate, certificate.algs[0], enc, purpose))
    .setContentEncryptionKey(key)
    .encrypt(certificate.publicKey);
  const [unsigned, encryptedKey] = first.split(".");
  const signer = { key: certificate.privateKey, ...certificate.signature };
  const sig = sign(certificate.digest, Buffer.from(`${unsigned}.${encryptedKey}`), signer);
  const members = JSON.parse(Buffer.from(unsigned, "base64url").toString("latin1"));
  const text = JSON.stringify({ ...members, sig: sig.toString("base64url") });
  const encoded = Buffer.from(text).toString("base64url");
  const nonce = randomBytes(12);
  const cipher = createCipheriv(`aes-${8 * key.length}-gcm`, key, nonce).setAAD(Buffer.from(encoded));
  const ciphertext = Buffer.concat([cipher.update(session), cipher.final()]);
  const rest = [nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString("base64url"));
  return [encoded, encryptedKey, ...rest].join(".");
}

async function main(action, ...args) {
  const certificate = readCertificate();
  if (action === "open") {
    const token = readFileSync(0, "latin1").trim();
    process.stdout.write(await openSession(token, args[0], certificate));
  } else if (action === "make") {
    process.stdout.write(await makeToken(readFileSync(0), args[0], args[1], certificate));
  } else {
    throw new Refused("say what: open [PURPOSE], or make ENC [PURPOSE]");
  }
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
