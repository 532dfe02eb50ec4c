import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import { oneRequestAtATime } from './one-request-at-a-time.ts'

const idleMilliseconds = 120_000
const keepAliveMilliseconds = 75_000
const longestRequestMilliseconds = 1_860_000

/**
 * Of TLS 1.2 only suites with forward secrecy and authenticated encryption (RFC 9325, section 4.2); those of TLS 1.3 all
 * have both.
 */
const cipherSuites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':')

/** A certificate and its private key, in PEM. */
export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

const secureOptions = { minVersion: 'TLSv1.2', ciphers: cipherSuites } as const

/**
 * Serves another certificate from the next connection on; those that are open go on with theirs. Throws, and changes nothing,
 * where the key is not the certificate's.
 */
export const setCertificate = (server: Server, tls: CertificateAndKey): void => {
  if (server instanceof SecureServer) server.setSecureContext({ ...tls, ...secureOptions })
}

/** An HTTP server, or an HTTPS server with a certificate and its key. */
export const makeServer = (tls: CertificateAndKey | undefined, answer: RequestListener): Server => {
  const listener = oneRequestAtATime(answer)
  const server =
    tls === undefined ? createServer(listener) : createSecureServer({ ...tls, ...secureOptions }, listener)
  server.keepAliveTimeout = keepAliveMilliseconds
  // A client that sends nothing for so long is gone. While an answer is sent, `respond` sets a shorter limit.
  server.timeout = idleMilliseconds
  // Whoever reads the body asks for it, and limits its time.
  server.on('checkContinue', listener)
  server.on('checkExpectation', listener)
  server.requestTimeout = longestRequestMilliseconds
  return server
}
