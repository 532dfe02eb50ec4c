import type { webcrypto } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { Client } from './client.ts'
import { clientOf } from './client.ts'

/** How a node proves who it is. */
export type Proof = oauth.ClientAuth

/** A secret as nodes send it; the library encodes it as RFC 6749 says. */
export const bySecret = (secret: string): Proof => oauth.ClientSecretBasic(secret)

export const byKey = ({ privateKey: key, kid }: KeyPair): Proof => oauth.PrivateKeyJwt({ key, kid })

export interface KeyPair {
  readonly privateKey: webcrypto.CryptoKey
  readonly publicJwk: { readonly [member: string]: string }
  readonly kid: string
}

/** A new Ed25519 key pair of a node. */
export const keyPair = async (kid: string): Promise<KeyPair> => {
  const { privateKey, publicKey } = await oauth.generateKeyPair('Ed25519', { extractable: true })
  const { kty = '', crv = '', x = '' } = await crypto.subtle.exportKey('jwk', publicKey)
  return { privateKey, publicJwk: { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }, kid }
}

/** What the hub says of its provider, looked up as clients do. */
export const discover = async (url: string): Promise<oauth.AuthorizationServer> => {
  const issuer = new URL(`${url}/oidc`)
  const answer = await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true })
  return oauth.processDiscoveryResponse(issuer, answer)
}

/** The answer of the token endpoint, good or bad. */
export const requestToken = async (
  url: string,
  clientId: string,
  proof: Proof,
  parameters: Readonly<Record<string, string>> = {},
  dpop?: oauth.DPoPHandle,
): Promise<Response> =>
  oauth.clientCredentialsGrantRequest(
    await discover(url),
    { client_id: clientId },
    proof,
    new URLSearchParams(parameters),
    { [oauth.allowInsecureRequests]: true, ...(dpop === undefined ? {} : { DPoP: dpop }) },
  )

/** An access token, by client credentials over HTTP. */
export const tokenOf = async (
  url: string,
  clientId: string,
  proof: Proof,
  scope?: string,
): Promise<string> => {
  const answer = await requestToken(url, clientId, proof, scope === undefined ? {} : { scope })
  const granted = await oauth.processClientCredentialsResponse(
    await discover(url),
    { client_id: clientId },
    answer,
  )
  return granted.access_token
}

export const withToken = (url: string, token: string): Client => clientOf(url, `Bearer ${token}`)

/** Enrolls a node as `manager` and gives its secret. */
export const enroll = async (
  manager: Client,
  clientId: string,
  scopes: readonly string[],
): Promise<string> => {
  const reply = await manager.post('/nodes', { client_id: clientId, name: `Node ${clientId}`, scopes })
  const { json } = reply
  if (reply.status !== 201 || typeof json !== 'object' || json === null || !('client_secret' in json))
    throw new Error(`the node was not enrolled: ${reply.text}`)
  return String(json.client_secret)
}

/** A node with these scopes, and its requests with a token for all of them. */
export const enrolledNode = async (
  url: string,
  manager: Client,
  clientId: string,
  scopes: readonly string[],
): Promise<Client> => {
  const secret = await enroll(manager, clientId, scopes)
  return withToken(url, await tokenOf(url, clientId, bySecret(secret)))
}
