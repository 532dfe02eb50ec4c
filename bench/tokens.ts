import { z } from 'zod'
import type { MeasuredServer } from './load.ts'
import { basic } from './stores.ts'

/** How a node asks for an access token. */
export const tokenForm = {
  method: 'POST' as const,
  path: '/oidc/token',
  body: 'grant_type=client_credentials',
  type: { 'Content-Type': 'application/x-www-form-urlencoded' },
}

export const tokenOf = async (hub: MeasuredServer, node: string, clientSecret: string): Promise<string> => {
  const answer = await fetch(`${hub.url}${tokenForm.path}`, {
    method: tokenForm.method,
    headers: { ...basic(node, clientSecret), ...tokenForm.type },
    body: tokenForm.body,
  })
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
}
