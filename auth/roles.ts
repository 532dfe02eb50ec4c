import { z } from 'zod'

const methods = ['GET', 'POST', 'PATCH', 'DELETE'] as const
export type RoleMethod = (typeof methods)[number]

/** What a role may do: endpoints per method, to everything (`global`) or only to what is about its holder. */
export interface Role {
  readonly global: boolean
  readonly endpoints: Readonly<Record<RoleMethod, readonly string[]>>
}

export type Roles = ReadonlyMap<string, Role>

const endpoints = z.array(z.string()).default([])

/** The original's `roles.cfg`: a list of roles, `global` being the text "True" or "False". */
const file = z.array(
  z.strictObject({
    role: z.string().min(1).max(200),
    permissions: z.strictObject({
      GET: endpoints,
      POST: endpoints,
      PATCH: endpoints,
      DELETE: endpoints,
      global: z.union([z.enum(['True', 'False']).transform(text => text === 'True'), z.boolean()]),
    }),
  }),
)

/** Reads roles in the original's format; gives what is wrong with the file instead. */
export const parseRoles = (text: string): Roles | { readonly problems: readonly string[] } => {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return { problems: ['is not JSON'] }
  }
  const parsed = file.safeParse(content)
  if (!parsed.success)
    return { problems: parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`) }
  const names = parsed.data.map(({ role }) => role)
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) return { problems: [`defines the role ${repeated} twice`] }
  return new Map(
    parsed.data.map(({ role, permissions: { global, ...granted } }) => [
      role,
      { global, endpoints: granted },
    ]),
  )
}
