#!/usr/bin/env node
// Decrypts a session that mod_session_crypto encrypted under a JWK Set, or encrypts one.
//
//   SESSION_KEY_SET_FILE=FILE key-set.mjs open [PURPOSE] <token >session
//   SESSION_KEY_SET_FILE=FILE key-set.mjs make ENC [PURPOSE] <session >token
//
// FILE is the JWK Set of SessionCryptoKeyFile. ENC is A128GCM, A192GCM or A256GCM. A
// token that is refused, or has expired, ends the program with status 1 and a reason.
//
// Needs jose, version 5 or 6 (npm install jose).

import { readFileSync } from "node:fs";
import {
  calculateJwkThumbprint, compactDecrypt, CompactEncrypt, decodeProtectedHeader, errors,
} from "jose";

const ALG = new Map([[16, "A128KW"], [24, "A192KW"], [32, "A256KW"]]);
const ENC = ["A128GCM", "A192GCM", "A256GCM"];

class Refused extends Error {}

// Read it again when it changes: keys come and go without a restart.
async function readKeys() {
  const { keys } = JSON.parse(readFileSync(process.env.SESSION_KEY_SET_FILE, "utf8"));
  return Promise.all(keys.map(async ({ kty, k, kid, nbf = 0, exp = Infinity }) => {
    const bytes = Buffer.from(k, "base64url");
    const id = kid ?? await calculateJwkThumbprint({ kty, k });
    return { bytes, id, alg: ALG.get(bytes.length), begins: nbf, ends: exp };
  }));
}

function header({ alg, id }, enc, purpose) {
  return { alg, enc, kid: id, ...(purpose ? { aud: purpose } : {}) };
}

// Members come in any order.
function isSame(one, other) {
  const sorted = (members) => JSON.stringify(Object.entries(members).sort());
  return sorted(one) === sorted(other);
}

async function openSession(token, purpose, keys) {
  let given;
  try {
    given = decodeProtectedHeader(token);
  } catch {
    throw new Refused("not a token");
  }
  const now = Date.now() / 1000;
  const key = keys.find(({ id, ends }) => id === given.kid && now < ends);
  if (!key) throw new Refused("no key has this key id");
  // The token chooses nothing: its whole header must be the agreed one.
  if (!ENC.includes(given.enc) || !isSame(given, header(key, given.enc, purpose))) {
    throw new Refused("another purpose or another algorithm");
  }
  let session;
  try {
    const opened = await compactDecrypt(token, key.bytes, {
      keyManagementAlgorithms: [key.alg],
      contentEncryptionAlgorithms: [given.enc],
    });
    session = Buffer.from(opened.plaintext);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new Refused("the encrypted key or the tag is wrong");
    throw error;
  }
  // In microseconds since 1970. An application must check it, as mod_session does.
  const expiry = new URLSearchParams(session.toString("latin1")).get("expiry");
  if (expiry !== null && Number(expiry) < Date.now() * 1000) throw new Refused("expired");
  return session;
}

async function makeToken(session, enc, purpose, keys) {
  const now = Date.now() / 1000;
  const begun = keys.filter(({ begins, ends }) => begins <= now && now < ends);
  // The newest; of two that begin together, the later one in the file.
  const key = begun.reduce((best, next) => (next.begins >= best.begins ? next : best));
  return new CompactEncrypt(session)
    .setProtectedHeader(header(key, enc, purpose))
    .encrypt(key.bytes);
}

async function main(action, ...args) {
  const keys = await readKeys();
  if (action === "open") {
    const token = readFileSync(0, "latin1").trim();
    process.stdout.write(await openSession(token, args[0], keys));
  } else if (action === "make") {
    process.stdout.write(await makeToken(readFileSync(0), args[0], args[1], keys));
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
