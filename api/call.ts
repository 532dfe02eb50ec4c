import type { Request, Response } from 'express'
import type { TaskEither } from '#fp/TaskEither'
import type { Access, Principal } from '../auth/policy.ts'
import type { Actor } from '../domain/event.ts'
import type { Answer } from './answer.ts'
import type { Failure } from './problem.ts'

/** One request by somebody known. */
export interface Call {
  readonly request: Request
  readonly response: Response
  readonly principal: Principal
  readonly actor: Actor
  readonly requestId: string
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Operation {
  /** What the caller must be permitted; any one of these is enough. */
  readonly access: (call: Call) => readonly Access[]
  readonly handle: (call: Call) => TaskEither<Failure, Answer>
}

export interface Route {
  /** An Express path; the log names it instead of the request's. */
  readonly path: string
  readonly operations: Partial<Readonly<Record<Method, Operation>>>
}

/** A parameter of the route's path. */
export const pathParameter = ({ request }: Call, name: string): string => {
  const value = request.params[name]
  return typeof value === 'string' ? value : ''
}
