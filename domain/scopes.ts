import { catalogue } from './catalogue.ts'

/** Every scope a node can hold. */
export const scopes: readonly string[] = [
  ...catalogue.flatMap(({ name }) => [`${name}:read`, `${name}:write`, `${name}:delete`]),
  'people:erase',
  'history:read',
  'audit:read',
  'feed:read',
  'nodes:read',
  'nodes:write',
  'messages:send',
  'messages:read',
  'subscriptions:write',
]

export const isScope = (text: string): boolean => scopes.includes(text)
