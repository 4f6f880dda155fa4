// Makes a DPoP proof (RFC 9449) with the library jose, as a client in JavaScript would. Reads one JSON object: alg, method, url, and, where
// they are known, key, token and nonce. Writes one: the key, to be given the next time, and the proof.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';

const { alg, method, url, key, token, nonce } = JSON.parse(readFileSync(0, 'utf8'));
const pair = key ? undefined : await generateKeyPair(alg, { extractable: true });
const own = key ?? (await exportJWK(pair.privateKey));
const { kty, crv, x, y, n, e } = own;
const hash = token && createHash('sha256').update(token).digest('base64url');
const proof = await new SignJWT({ htm: method, htu: url, jti: randomUUID(), ath: hash, nonce })
  .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: { kty, crv, x, y, n, e } })
  .setIssuedAt()
  .sign(await importJWK(own, alg));
console.log(JSON.stringify({ key: own, proof }));
