// Prints new keys to sign with, one for each algorithm, as a list of JWKs.
const { generateKeyPairSync, randomUUID } = require('node:crypto');

const key = (alg, kind, options) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  kid: randomUUID(),
  use: 'sig',
  alg,
});

const keys = [
  key('RS256', 'rsa', { modulusLength: 2048 }),
  key('ES256', 'ec', { namedCurve: 'P-256' }),
  key('EdDSA', 'ed25519'),
];
console.log(JSON.stringify(keys));
