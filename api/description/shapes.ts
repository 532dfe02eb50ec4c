import { z } from 'zod'
import { contentField, contentShape } from '../../domain/content.ts'
import { itemOf, itemShape } from '../../domain/item-body.ts'
import type { Json } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import { type Identity, pathOf, type Resource } from '../../domain/resource.ts'
import type { JsonSchema, Shape } from './operation.ts'

/** The JSON Schema of what a shape takes; none of ours changes what goes through it. */
export const jsonSchemaOf = (shape: z.ZodType): JsonSchema => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape)
  return schema
}

export const shapeOf = (name: string, shape: z.ZodType, ...examples: readonly Json[]): Shape => ({
  name,
  schema: () => jsonSchemaOf(shape),
  examples,
})

/** The same without null: the field must be given. */
const given = (schema: unknown): unknown => {
  const { anyOf, ...rest } = schema as { anyOf?: readonly { type?: string }[] }
  const others = anyOf?.filter(({ type }) => type !== 'null') ?? []
  return others.length === 1 ? { ...others[0], ...rest } : schema
}

/** Which item the example of a resource is. */
export const exampleIdentity = ({ ownerField, examples }: Resource): Identity => {
  const { id } = examples.item
  return ownerField === undefined ? { id } : { owner: people.examples.item.id, id }
}

export const examplePath = (resource: Resource): string => pathOf(resource, exampleIdentity(resource))

const capitalised = (noun: string): string => `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`

/** An item as it is answered, as it is made or put, and a merge patch of it. */
export interface ItemShapes {
  readonly shown: Shape
  readonly made: Shape
  readonly patch: Shape
}

export const itemShapes = (resource: Resource): ItemShapes => {
  const { noun, about, required, idRule, ownerField, secretField, contentFact, examples } = resource
  const content = { [contentField]: { ...jsonSchemaOf(contentShape), readOnly: true } }
  const identity = ['id', ...(ownerField === undefined ? [] : [ownerField])]
  const schemaOf = (as: 'shown' | 'made' | 'patch') => () => {
    const { properties, ...rest } = jsonSchemaOf(itemShape(resource))
    const isShown = as === 'shown'
    // Only who makes an item may say null for what the path says.
    const type = as === 'made' ? ['string', 'null'] : 'string'
    const id = { type, description: isShown ? idRule : `${idRule}, as in the path` }
    const book = { type, description: isShown ? people.idRule : `${people.idRule}, as in the path` }
    const all: Record<string, unknown> = {
      id,
      ...(ownerField === undefined ? {} : { [ownerField]: book }),
      ...Object(properties),
      ...(isShown && contentFact !== undefined ? content : {}),
    }
    for (const field of required) all[field] = given(all[field])
    const needed = { shown: [...identity, ...required], made: required, patch: [] }[as]
    return { ...rest, description: about, properties: all, required: needed }
  }
  const made = schemaOf('made')
  const withSecret = () => {
    const { properties, ...rest } = made() as JsonSchema
    const secret = {
      type: ['string', 'null'],
      writeOnly: true,
      description:
        'Clear text, or a bcrypt hash from root. Only when it is made, by whoever may set passwords.',
    }
    return { ...rest, properties: { ...Object(properties), [secretField ?? '']: secret } }
  }
  const name = capitalised(noun)
  return {
    shown: {
      name,
      schema: schemaOf('shown'),
      examples: [itemOf(resource, exampleIdentity(resource), examples.item)],
    },
    made: {
      name: `New${name}`,
      schema: secretField === undefined ? made : withSecret,
      examples: [examples.item],
    },
    patch: { name: `${name}Patch`, schema: schemaOf('patch'), examples: [examples.change] },
  }
}
