// The clients that are registered: one for each way to authenticate, and some for what tokens may be like.

import * as crypto from 'node:crypto';

/** Signatures that a client may make with a private key (RFC 7518 §3.1, RFC 8037). */
export const ASYMMETRIC = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA',
];
/** And with its secret. */
export const SYMMETRIC = ['HS256', 'HS384', 'HS512'];

/**
 * Each character that form-urlencoding gives a meaning to (RFC 6749 Appendix B): `%&` is none of its escapes, so that
 * who does not encode is found out. In a secret also the colon, which Basic splits at (RFC 7617 §2).
 */
const RESERVED = ' %&%41+/?=#"\\~*-._@';

/** What the name of a client says about its tokens. */
export function traits(name) {
  return { lifetime: name.startsWith('short') ? 5 : 600, needsNonce: name.endsWith('nonce') };
}

/**
 * The metadata of all clients (RFC 7591 §2), what each of them needs to know, by its name, and their keys.
 *
 * @param certificates PEM of those that are registered by themselves, by the name of their client
 */
export function makeClients(certificates) {
  const clients = [];
  const credentials = {};
  const keys = {};
  const register = (name, method, metadata = {}, secrets = {}) => {
    const { client_id = name, client_secret } = metadata;
    clients.push({
      client_id,
      client_name: name,
      token_endpoint_auth_method: method,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      ...metadata,
    });
    credentials[name] = { id: client_id, secret: client_secret, ...secrets };
  };
  const withSecret = (name, method, metadata) => register(name, method, { client_secret: secret(), ...metadata });

  withSecret('basic', 'client_secret_basic');
  withSecret('short', 'client_secret_basic');
  withSecret('post', 'client_secret_post');
  for (const method of ['basic', 'post']) {
    withSecret(`${method}-reserved`, `client_secret_${method}`, {
      client_id: `${method}${RESERVED}`,
      client_secret: `${secret()}:${RESERVED}`,
    });
  }
  for (const alg of SYMMETRIC) {
    withSecret(`secret-${alg}`, 'client_secret_jwt', { token_endpoint_auth_signing_alg: alg });
  }
  const withKey = (name, alg) => {
    const { privateKey, publicKey } = keyPair(alg);
    const jwk = { ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg}-1` };
    keys[name] = { alg, privateKey };
    register(name, 'private_key_jwt', { token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk] } }, {
      pem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      jwk: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg, kid: jwk.kid }),
    });
  };
  for (const alg of ASYMMETRIC) withKey(`key-${alg}`, alg);
  withKey('key-nonce', 'ES256');
  withSecret('dpop', 'client_secret_basic', { dpop_bound_access_tokens: true });
  withSecret('dpop-nonce', 'client_secret_basic', { dpop_bound_access_tokens: true });
  register('none', 'none');
  register('tls', 'tls_client_auth', { tls_client_auth_subject_dn: 'CN=tls' });
  register('tls-bound', 'tls_client_auth', {
    tls_client_auth_subject_dn: 'CN=tls',
    tls_client_certificate_bound_access_tokens: true,
  });
  if (certificates['self-signed']) {
    const certificate = new crypto.X509Certificate(certificates['self-signed']);
    const jwk = { ...certificate.publicKey.export({ format: 'jwk' }), x5c: [certificate.raw.toString('base64')] };
    register('self-signed', 'self_signed_tls_client_auth', { jwks: { keys: [jwk] } });
  }
  return { clients, credentials, keys };
}

/** Long enough for HS512. */
function secret() {
  return crypto.randomBytes(48).toString('base64url');
}

let rsa;

function keyPair(alg) {
  switch (alg) {
    case 'ES256': return crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384': return crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ES512': return crypto.generateKeyPairSync('ec', { namedCurve: 'P-521' });
    case 'EdDSA': return crypto.generateKeyPairSync('ed25519');
    // One for all: they take long to make.
    default: return rsa ??= crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}
