#!/usr/bin/env node
// Decrypts a session that mod_session_crypto encrypted for a certificate.
//
//   export SESSION_CERTIFICATE_FILE=FILE SESSION_KEY_FILE=FILE
//   certificate.mjs open [PURPOSE] <token >session
//
// The files are PEM: the certificate first in its file, and its private key
// without a passphrase. A token that is refused, or has expired, ends the program
// with status 1 and a reason.
//
// Needs jose, version 5 or 6 (npm install jose).

import { constants, createHash, createPrivateKey, verify, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { compactDecrypt, errors } from "jose";

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
    privateKey: createPrivateKey(readFileSync(process.env.SESSION_KEY_FILE)),
    curve: curve?.[0],
    digest: curve?.[1] ?? "sha256",
    // With a curve, the form of JWS: r and s, one after the other.
    verifier: curve
      ? { key: publicKey, dsaEncoding: "ieee-p1363" }
      : { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  };
}

function headerPattern({ id, curve }, purpose) {
  const alg = curve ? String.raw`ECDH-ES\+A256KW` : "RSA-OAEP(?:-256)?";
  const aud = purpose ? `,"aud":"${purpose}"`.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&") : "";
  const epk = curve ? String.raw`,"epk":\{"kty":"EC","crv":"${curve}","x":"[\w-]+","y":"[\w-]+"\}` : "";
  const members = `"alg":"(${alg})","enc":"(A(?:128|192|256)GCM)","kid":"${id}"${aud}${epk}`;
  return new RegExp(String.raw`^(\{${members}),"sig":"([\w-]+)"\}$`);
}

async function openSession(token, purpose, certificate) {
  if (!/^[\w-]+(\.[\w-]+){4}$/.test(token)) throw new Refused("not a token");
  const [encoded, encryptedKey] = token.split(".");
  const header = Buffer.from(encoded, "base64url").toString("latin1");
  // The token chooses nothing: its header must be the agreed one, to the letter.
  const match = headerPattern(certificate, purpose).exec(header);
  if (!match) throw new Refused("another certificate, purpose or algorithm");
  const [, unsigned, alg, enc, sig] = match;
  // Anybody can encrypt for a certificate. Only the signature proves that httpd did it.
  const signed = Buffer.from(`${Buffer.from(unsigned + "}").toString("base64url")}.${encryptedKey}`);
  if (!verify(certificate.digest, signed, certificate.verifier, Buffer.from(sig, "base64url"))) {
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

async function main(action, purpose) {
  if (action !== "open") throw new Refused("say what: open [PURPOSE]");
  const token = readFileSync(0, "latin1").trim();
  process.stdout.write(await openSession(token, purpose, readCertificate()));
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
