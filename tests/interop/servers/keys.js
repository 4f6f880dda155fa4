// Prints new keys to sign with, one for each algorithm, as a list of JWKs; with the argument pem, one for RS256 as PEM.
const { generateKeyPairSync, randomUUID } = require('node:crypto');

const key = (alg, kind, options) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  kid: randomUUID(),
  use: 'sig',
  alg,
});

if (process.argv[2] === 'pem') {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  console.log(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  process.exit();
}

const keys = [
  key('RS256', 'rsa', { modulusLength: 2048 }),
  key('ES256', 'ec', { namedCurve: 'P-256' }),
  key('EdDSA', 'ed25519'),
];
console.log(JSON.stringify(keys));
