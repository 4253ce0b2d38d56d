// The authorization server: oidc-provider, with everything switched on that clients of this grant may use.

import * as crypto from 'node:crypto';

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { Provider, errors } from 'oidc-provider';

import { ASYMMETRIC, SYMMETRIC, traits } from './clients.mjs';

/** The APIs that tokens may be asked for (RFC 8707), and what their tokens are like. */
const RESOURCES = {
  'https://opaque.example.com/': { scope: 'read', accessTokenFormat: 'opaque' },
  'https://jwt.example.com/': {
    scope: 'read write', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
  },
};

/** The provider, and the public key of the access tokens that are JWTs. */
export function makeProvider({ issuer, mtls, clients, journal }) {
  const signature = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const provider = new Provider(issuer, {
    adapter: Memory,
    clients: clients.filter((client) => mtls || !client.token_endpoint_auth_method.includes('tls')),
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt',
      'none',
      ...(mtls ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []),
    ],
    // There are no ID tokens here, but there would have to be an RSA key for the default.
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: [crypto.randomBytes(32).toString('hex')] },
    discovery: mtls ? { mtls_endpoint_aliases: { token_endpoint: `${mtls}/token` } } : {},
    enabledJWA: {
      clientAuthSigningAlgValues: [...SYMMETRIC, ...ASYMMETRIC],
      dPoPSigningAlgValues: ASYMMETRIC,
      idTokenSigningAlgValues: ['ES256'],
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        nonceSecret: crypto.randomBytes(32),
        requireNonce: (ctx) => traits(ctx.oidc.client.clientName).needsNonce,
      },
      introspection: {
        enabled: true,
        allowedPolicy: (ctx, client, token) => token.clientId === client.clientId,
      },
      mTLS: {
        enabled: Boolean(mtls),
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: (ctx) => certificateOf(ctx.req),
        certificateAuthorized: (ctx) => ctx.req.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) => (
          property === 'tls_client_auth_subject_dn' && certificateOf(ctx.req).subject === expected
        ),
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => {
          if (!RESOURCES[resource]) throw new errors.InvalidTarget();
          return RESOURCES[resource];
        },
      },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    jwks: { keys: [{ ...signature.privateKey.export({ format: 'jwk' }), use: 'sig' }] },
    responseTypes: [],
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: (ctx, token, client) => traits(client.clientName).lifetime },
  });
  provider.on('grant.success', (ctx) => {
    const token = ctx.oidc.entities.ClientCredentials;
    const asked = [authentication(ctx, issuer), connection(ctx, mtls), nonce(ctx)].filter(Boolean);
    journal.issued(ctx.req, token.jti, { client: ctx.oidc.client.clientName, asked: asked.join(', ') });
  });
  provider.on('grant.error', (ctx, error) => journal.of(ctx.req).token_errors.push(error.error));
  provider.on('server_error', (ctx, error) => console.error(error));
  return { provider, publicKey: signature.publicKey };
}

/** How the client authenticated, by the request and not by what is registered. */
function authentication(ctx, issuer) {
  const { params, body } = ctx.oidc;
  const { authorization } = ctx.req.headers;
  if (authorization) return 'client_secret_basic';
  if (body.client_secret) return 'client_secret_post';
  if (params.client_assertion) {
    const { alg } = decodeProtectedHeader(params.client_assertion);
    const { aud } = decodeJwt(params.client_assertion);
    const method = SYMMETRIC.includes(alg) ? 'client_secret_jwt' : 'private_key_jwt';
    return `${method} ${alg} for the ${aud === issuer ? 'issuer' : 'endpoint'}`;
  }
  if (!certificateOf(ctx.req)) return 'none';
  return ctx.req.socket.authorized ? 'tls_client_auth' : 'self_signed_tls_client_auth';
}

/** How the token endpoint was reached. */
function connection(ctx, mtls) {
  const { encrypted, localPort } = ctx.req.socket;
  if (!encrypted) return undefined;
  return localPort === Number(new URL(mtls).port) ? 'TLS at the alias' : 'TLS';
}

/** Whether the proof for the token endpoint has one (RFC 9449 §8). */
function nonce(ctx) {
  const { dpop } = ctx.req.headers;
  return dpop && decodeJwt(dpop).nonce ? 'nonce' : undefined;
}

export function certificateOf(request) {
  return request.socket.getPeerX509Certificate?.();
}

/** What the server remembers of tokens and of used `jti`: all of it, for as long as it runs. */
class Memory {
  #items = new Map();

  async upsert(id, payload) {
    this.#items.set(id, payload);
  }

  async find(id) {
    return this.#items.get(id);
  }

  async destroy(id) {
    this.#items.delete(id);
  }
}
