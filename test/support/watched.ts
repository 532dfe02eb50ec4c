import { type Client, sendingBy } from './client.ts'
import type { DocumentedOperation, OpenApi } from './openapi.ts'

/** Looks at what goes by, and compares it with the document. */
export interface Watch {
  /** The same client, looked at. */
  readonly over: (client: Client) => Client
  /** The statuses of every operation that was asked for. */
  readonly seen: () => Readonly<Record<string, readonly number[]>>
  /** What was answered that the document does not say. */
  readonly surprises: () => readonly string[]
}

const fits = (template: string, path: string): boolean => {
  const [parts, segments] = [template.split('/'), path.split('/')]
  return (
    parts.length === segments.length && parts.every((part, i) => part.startsWith('{') || part === segments[i])
  )
}

export const watch = (api: OpenApi): Watch => {
  const seen = new Map<string, Set<number>>(api.operations.map(({ name }) => [name, new Set()]))
  const surprises = new Set<string>()
  // A path without parameters is no example of one with them.
  const operations = api.operations.toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)
  const operationOf = (method: string, path: string): DocumentedOperation | undefined =>
    operations.find(one => one.method === method && fits(one.path, path.split('?')[0] ?? ''))
  return {
    over: client =>
      sendingBy(async (method, path, send) => {
        const reply = await client.send(method, path, send)
        const operation = operationOf(method, path)
        if (operation === undefined) surprises.add(`${method} ${path} is not in the document`)
        else {
          seen.get(operation.name)?.add(reply.status)
          for (const surprise of api.surprises(operation, reply))
            surprises.add(`${operation.name} ${path}: ${surprise}`)
        }
        return reply
      }),
    seen: () => Object.fromEntries([...seen].map(([name, statuses]) => [name, [...statuses].sort()])),
    surprises: () => [...surprises],
  }
}
