// An authorization server that is not ours (oidc-provider, certified by the OpenID Foundation) and an API beside
// it, on free ports of this machine, for the tests in `../tests`. What is said over the pipes:
//
// - stdin, the first line: `{}`, or with TLS
//   `{"tls": {"ca": PEM, "certificate": PEM, "key": PEM}, "client_certificates": {"self-signed": PEM}}`.
// - stdout, one line: where everything is, and the clients with their credentials.
// - stdin closed: the end. So nothing is left behind, however the tests end.

import * as http from 'node:http';
import * as https from 'node:https';
import * as readline from 'node:readline';

import { Api } from './api.mjs';
import { makeClients } from './clients.mjs';
import { Journal } from './journal.mjs';
import { makeProvider } from './provider.mjs';

// What the provider has to say is for people: stdout is for one line of ours.
console.info = console.error;

const lines = readline.createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
const settings = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));

const TENANT = '/tenant';
const { clients, credentials, keys } = makeClients(settings.client_certificates ?? {});
const journal = new Journal();
const ready = { clients: credentials, plain: await servePlain() };
if (settings.tls) ready.tls = await serveTls(settings.tls);
process.stdout.write(`${JSON.stringify(ready)}\n`);

/** Without TLS, and at the root of its origin. */
async function servePlain() {
  const server = await listen(http.createServer());
  const apiServer = await listen(http.createServer());
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const { provider, publicKey } = makeProvider({ issuer, clients, journal });
  server.on('request', provider.callback());
  const origin = `http://127.0.0.1:${apiServer.address().port}`;
  apiServer.on('request', new Api({ origin, issuer, provider, publicKey, journal, keys }).handler());
  return { issuer, api: origin };
}

/**
 * With TLS, and below a path, as a server of several tenants is. There, certificates of clients are asked for on
 * a port of their own (RFC 8705 §5); that of the API always asks.
 */
async function serveTls({ ca, certificate: cert, key }) {
  const asking = { ca, cert, key, requestCert: true, rejectUnauthorized: false };
  const server = await listen(https.createServer({ cert, key }));
  const mtlsServer = await listen(https.createServer(asking));
  const apiServer = await listen(https.createServer(asking));
  const issuer = `https://localhost:${server.address().port}${TENANT}`;
  const mtls = `https://localhost:${mtlsServer.address().port}${TENANT}`;
  const { provider, publicKey } = makeProvider({ issuer, mtls, clients, journal });
  for (const each of [server, mtlsServer]) each.on('request', below(TENANT, provider.callback()));
  const origin = `https://localhost:${apiServer.address().port}`;
  apiServer.on('request', new Api({ origin, issuer, provider, publicKey, journal, keys }).handler());
  return { issuer, mtls, api: origin };
}

/** Hands on what is below a path, and knows nothing else. */
function below(path, handle) {
  return (request, response) => {
    if (!request.url.startsWith(`${path}/`)) {
      response.writeHead(404).end();
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(path.length);
    handle(request, response);
  };
}

async function listen(server) {
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}
