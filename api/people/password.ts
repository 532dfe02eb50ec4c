import { z } from 'zod'
import * as E from '#fp/Either'
import { passwordProblem } from '../../auth/password-hash.ts'
import type { Outcome } from '../../commands/handle.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import type { ItemState } from '../../domain/item.ts'
import { member } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { html, json, settles } from '../description/operation.ts'
import { shapeOf } from '../description/shapes.ts'
import { isForm } from '../http/body.ts'
import { type Call, type Handle, pathParameter } from '../http/call.ts'
import { parametersOf } from '../http/parameters.ts'
import { type Failure, problemAnswer } from '../http/problem.ts'
import type { Route } from '../http/route.ts'
import { writeAnswer } from '../http/write-answers.ts'
import { noSuch } from '../resources/item-identity.ts'
import { formToken, isFormToken } from './form-token.ts'
import { passwordForm, passwordNotSet, passwordSet } from './password-page.ts'
import { type PersonChange, personChange } from './person-change.ts'

const route = '/password/:id'
const formMilliseconds = 3_600_000

const passwordText = z
  .string({ error: 'must be a text' })
  .superRefine((clear, { addIssue }) => {
    const problem = passwordProblem(clear)
    if (problem !== undefined) addIssue({ code: 'custom', message: problem.detail })
  })
  .meta({ minLength: 6, maxLength: 64, writeOnly: true })

const passwordShape = z.strictObject({ password: passwordText })
const formShape = z
  .strictObject({
    token: z.string().meta({ description: 'From the page of GET; good for an hour.' }),
    password: passwordText,
    repeated: z.string({ error: 'must be a text' }).meta({ writeOnly: true }),
  })
  .refine(({ password, repeated }) => password === repeated, {
    path: ['repeated'],
    error: 'must be the same as the first',
  })

const notOfThisForm: Failure = {
  _tag: 'FieldNotAllowed',
  field: 'token',
  detail: 'The form is older than an hour, or is not one that this hub gave you. Fill it in again.',
}

/** `/password/{id}`: as JSON, and as a page with a form for a browser. */
export const passwordRoute = (dependencies: ApiDependencies): Route => {
  const { people: useCases, formKey } = dependencies
  const change = personChange(dependencies)

  const perform: PersonChange<{ readonly password: string }>['perform'] = (
    { preconditions, ...write },
    { password },
  ) => useCases.setPassword(write, password, preconditions)

  const settled = (call: Call, id: string, outcome: Outcome<ItemState>) =>
    writeAnswer(dependencies, call, outcome, { model: people.name, path: `/people/${id}`, shows: 'nothing' })

  const tokenFor = ({ principal }: Call, id: string): string =>
    formToken(formKey, principal, id, Date.now() + formMilliseconds)

  const page: Handle = async call => {
    const parameters = parametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const id = parseAccount(pathParameter(call, 'id'))
    return id === undefined ? E.left(noSuch(people)) : E.right(passwordForm(id, tokenFor(call, id)))
  }

  const postJson = change({ route, shape: passwordShape, perform, answer: settled })

  const runForm = change({
    route,
    shape: formShape,
    body: 'form',
    refusal: ({ principal }, id, sent) => {
      const token = member(sent, 'token')
      return typeof token === 'string' && isFormToken(formKey, principal, id, token, Date.now())
        ? undefined
        : notOfThisForm
    },
    perform,
    answer: async (call, id, outcome) => passwordSet(id, (await settled(call, id, outcome)).headers),
  })

  const postForm: Handle = async call => {
    const answer = await runForm(call)
    if (E.isRight(answer)) return answer
    const { left } = answer
    // What is wrong with the hub is told as everywhere, and logged with its cause.
    if (problemAnswer(left).status >= 500) return answer
    const id = parseAccount(pathParameter(call, 'id'))
    const canBeFilledIn = left === notOfThisForm || left._tag === 'Invalid' || left._tag === 'BodyTooLarge'
    return E.right(
      passwordNotSet(left, canBeFilledIn && id !== undefined ? { id, token: tokenFor(call, id) } : undefined),
    )
  }

  return {
    path: route,
    parameters: { id: { rule: people.idRule, example: people.examples.item.id } },
    operations: {
      GET: {
        handle: page,
        summary: 'Show the form that sets a password',
        description: 'A page for a browser, without script. Its form is posted to the same path.',
        query: {},
        answers: { 200: { type: html } },
        refuses: [404],
      },
      POST: {
        handle: call => (isForm(call.request) ? postForm(call) : postJson(call)),
        summary: 'Set a password',
        description:
          'Six characters to 64 bytes. The old one opens nothing from then on. The form of GET is answered with a page.',
        body: {
          ...json(shapeOf('Password', passwordShape, { password: 'gnusolidario' })),
          form: shapeOf('PasswordForm', formShape),
        },
        ...settles,
        answers: { ...settles.answers, 200: { type: html, headers: ['Thalamus-Position'] } },
        refuses: [404, 410],
        refusesWithPages: true,
      },
    },
  }
}
