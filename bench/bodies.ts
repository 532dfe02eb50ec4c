/** `npm run bench:bodies`: what a body of 1 MiB costs the event loop, against parsing and writing it alone. */
import * as E from '#fp/Either'
import { creatingBody } from '../commands/item-requests.ts'
import { parseJson, takeObject } from '../commands/json-text.ts'
import type { Preconditions } from '../domain/item.ts'
import { invalidParts } from '../domain/item-body.ts'
import { itemDecider } from '../domain/item-decider.ts'
import { type JsonObject, jsonText } from '../domain/json.ts'
import { pages } from '../domain/pages.ts'
import { bodyShapes } from './body-shapes.ts'

const rounds = 7
const identity = { owner: 'ESPGNU777ORG', id: 'p1' }
const decider = itemDecider(pages, identity)
const preconditions: Preconditions = {}

const bodyOf = (bytes: Buffer): JsonObject => {
  const parsed = parseJson(bytes, 'body')
  if (E.isLeft(parsed)) throw new Error(parsed.left._tag)
  const object = takeObject(parsed.right)
  if (E.isLeft(object)) throw new Error(JSON.stringify(object.left).slice(0, 200))
  return object.right
}

/** Everything that POST does to a body between its last byte and the append. */
const create = (bytes: Buffer) => {
  const json = bodyOf(bytes)
  const body = creatingBody(pages, identity, { bytes, json })
  if (E.isLeft(body)) throw new Error(body.left._tag)
  const decision = decider.decide({ _tag: 'Create', body: body.right, preconditions }, decider.initial)
  if (E.isLeft(decision)) throw new Error(decision.left._tag)
  const state = decision.right.reduce(decider.evolve, decider.initial)
  if (state.is !== 'present') throw new Error('nothing was created')
  jsonText(state.item)
  return state
}

/** The same of PATCH: `before` is the item. */
const change = (bytes: Buffer, before: ReturnType<typeof create>) => {
  const patch = bodyOf(bytes)
  const errors = invalidParts(pages, identity, patch, true)
  if (errors.length > 0) throw new Error(JSON.stringify(errors))
  const decision = decider.decide({ _tag: 'Patch', patch, preconditions }, before)
  if (E.isLeft(decision)) throw new Error(decision.left._tag)
  const state = decision.right.reduce(decider.evolve, before)
  if (state.is === 'present') jsonText(state.item)
}

const milliseconds = (work: () => unknown): number => {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
}

const row = (cells: readonly (string | number)[]): void => {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

row(['shape', 'parse and write', 'POST', 'PATCH, all of it', 'PATCH, nothing new'])
row(['---', '---', '---', '---', '---'])
for (const [name, text] of Object.entries(bodyShapes)) {
  const bytes = Buffer.from(text)
  const bare = milliseconds(() => JSON.stringify(JSON.parse(bytes.toString('utf8'))))
  const empty = create(Buffer.from('{"info":"before"}'))
  const same = create(bytes)
  const ratio = (work: () => unknown) => (milliseconds(work) / bare).toFixed(1)
  row([
    name,
    `${bare.toFixed(1)} ms`,
    ratio(() => create(bytes)),
    ratio(() => change(bytes, empty)),
    ratio(() => change(bytes, same)),
  ])
}
