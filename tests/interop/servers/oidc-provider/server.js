// An authorization server made with oidc-provider, as its documentation does it: its own pages for signing in, and JWTs for some
// resources, opaque tokens for others.
//
//   node server.js PORT SECRET KEYS [URL..]    SECRET is that of each client; KEYS is a file with the keys to sign with, a list of JWKs, of
//                                              which the first one of each algorithm signs; to each URL goes a logout token when somebody
//                                              signs out: to the first for the client told-0, to the second for told-1, and so on
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, secret, keys, ...told] = process.argv.slice(2);
const scopes = 'tasks:write email:send';

// A resource is what a client asks a token for (RFC 8707), and the audience of that token.
const resources = {
  'urn:task-api': { audience: 'task-api' },
  'urn:brief': { audience: 'task-api', accessTokenTTL: 1 },
  'urn:another-api': { audience: 'another-api' },
  'urn:web': { audience: 'web' },
  'urn:opaque': { audience: 'task-api', accessTokenFormat: 'opaque' },
  'urn:another-opaque-api': { audience: 'another-api', accessTokenFormat: 'opaque' },
};

const client = (client_id, alg, more) => ({
  client_id,
  client_secret: secret,
  grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
  redirect_uris: ['http://127.0.0.1:1/callback'],
  id_token_signed_response_alg: alg,
  ...more,
});
// Clients that get no token that is not bound to a key of theirs (RFC 9449 section 5.2).
const bound = { dpop_bound_access_tokens: true };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    client('web', 'RS256'),
    client('signs-ES256', 'ES256'),
    client('signs-EdDSA', 'EdDSA'),
    client('bound', 'RS256', bound),
    client('bound-with-nonce', 'RS256', bound),
    // The API itself, which asks about tokens; where it wants them signed, the answers are (RFC 9701).
    client('task-api', 'RS256', { introspection_signed_response_alg: 'ES256' }),
    ...told.map((backchannel_logout_uri, index) =>
      client(`told-${index}`, 'RS256', { backchannel_logout_uri, backchannel_logout_session_required: true })),
  ],
  jwks: { keys: JSON.parse(readFileSync(keys, 'utf8')) },
  cookies: { keys: ['of-this-server'] },
  claims: { email: ['email'] },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, email: `${accountId}@example.com` }) }),
  // What a token is to say beside the usual.
  extraTokenClaims: (_, { accountId }) => ({ roles: accountId === 'root' ? ['admin'] : ['user'] }),
  issueRefreshToken: () => true,
  // What it sends of its own accord goes to no address of a private network, unless it is told to: here all are of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: (ctx) => ctx.oidc.client?.clientId === 'bound-with-nonce',
    },
    rpInitiatedLogout: {
      // Whoever comes here wants to sign out of everything.
      logoutSource: (ctx, form) => {
        ctx.body = form.replace('</form>', '<input type="hidden" name="logout" value="yes"/></form>');
      },
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource, { clientId }) => ({
        scope: scopes,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: clientId.startsWith('signs-') ? clientId.slice(6) : 'RS256' } },
        ...resources[resource],
      }),
    },
  },
});

provider.listen(Number(port), '127.0.0.1');
