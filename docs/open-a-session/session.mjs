#!/usr/bin/env node
// Decrypts a session that mod_session_crypto encrypted as a JWE, or encrypts one.
//
//   SESSION_PASSPHRASE_FILE=FILE session.mjs open [PURPOSE] <token >session
//   SESSION_PASSPHRASE_FILE=FILE session.mjs make ENC [PURPOSE] <session >token
//
// FILE has one passphrase a line, unquoted: the first encrypts, each decrypts.
// ENC is A128GCM, A192GCM or A256GCM. A token that is refused, or has expired, ends
// the program with status 1 and a reason.
//
// Needs jose, version 5 or 6 (npm install jose).

import { createHmac, pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader, errors } from "jose";

const KEY_LENGTH = new Map([["A128GCM", 16], ["A192GCM", 24], ["A256GCM", 32]]);

class Refused extends Error {}

function readPassphrases() {
  const text = readFileSync(process.env.SESSION_PASSPHRASE_FILE, "latin1");
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  return lines.map((line) => Buffer.from(line, "latin1"));
}

// The slow step (a fifth of a second): do it once, when the application starts.
function masterKey(passphrase) {
  return pbkdf2Sync(passphrase, "mod_session_crypto JWE 1", 600_000, 32, "sha256");
}

// HKDF-Expand (RFC 5869, section 2.3) of no more than one block.
function expand(master, info, length) {
  const block = createHmac("sha256", master).update(info).update("\x01").digest();
  return block.subarray(0, length);
}

function keyId(master) {
  return expand(master, "kid", 6).toString("base64url");
}

function dayKey(master, enc, day) {
  const info = Buffer.concat([Buffer.from(`enc\0${enc}\0`), Buffer.alloc(4)]);
  info.writeUInt32BE(day, info.length - 4);
  return expand(master, info, KEY_LENGTH.get(enc));
}

// Members come in any order.
function isSame(one, other) {
  const sorted = (members) => JSON.stringify(Object.entries(members).sort());
  return sorted(one) === sorted(other);
}

function header(enc, kid, purpose) {
  return { alg: "dir", enc, kid, ...(purpose ? { aud: purpose } : {}) };
}

async function openSession(token, purpose, masters) {
  let given;
  try {
    given = decodeProtectedHeader(token);
  } catch {
    throw new Refused("not a token");
  }
  const { enc, kid } = given;
  const match = /^([\w-]{8})\.(\d{1,10})$/.exec(kid);
  if (!match || !KEY_LENGTH.has(enc)) throw new Refused("not a header of a session");
  // The token chooses nothing: its whole header must be the agreed one.
  if (!isSame(given, header(enc, kid, purpose))) {
    throw new Refused("another purpose or another algorithm");
  }
  const [identity, day] = [match[1], Number(match[2])];
  const master = masters.find((master) => keyId(master) === identity);
  if (!master || day >= 2 ** 32) throw new Refused("no passphrase has this key id");
  let session;
  try {
    const opened = await compactDecrypt(token, dayKey(master, enc, day), {
      keyManagementAlgorithms: ["dir"],
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

async function makeToken(session, enc, purpose, master) {
  const day = Math.floor(Date.now() / 86_400_000);
  return new CompactEncrypt(session)
    .setProtectedHeader(header(enc, `${keyId(master)}.${day}`, purpose))
    .encrypt(dayKey(master, enc, day));
}

async function main(action, ...args) {
  const masters = readPassphrases().map(masterKey);
  if (action === "open") {
    const token = readFileSync(0, "latin1").trim();
    process.stdout.write(await openSession(token, args[0], masters));
  } else if (action === "make") {
    process.stdout.write(await makeToken(readFileSync(0), args[0], args[1], masters[0]));
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
