import { accept, type Decider, reject } from './decider.ts'
import { type DomainEvent, isOneOf } from './event.ts'
import { parseInstant } from './instant.ts'
import { type Envelope, type KeptBody, messageEvents, parseEnvelope } from './message-shapes.ts'
import { invalid } from './rejection.ts'

type MessageEventType = keyof typeof messageEvents
export type MessageEvent = DomainEvent<MessageEventType>
export const messageEventTypes = Object.keys(messageEvents) as readonly MessageEventType[]
export const isMessageEvent = isOneOf(messageEventTypes)

/** The events after which a recipient has a message to get. */
export const arrivalEventTypes = ['MessageSent', 'MessageContentStored'] as const satisfies MessageEventType[]

export const messageStream = (id: string): string => `message-${id}`

/** How far a message is for one recipient. */
export const recipientStates = ['queued', 'delivered', 'acknowledged', 'expired'] as const
export type RecipientState = (typeof recipientStates)[number]

export type MessageState =
  | { readonly is: 'absent' }
  /** `incomplete`: the bytes of its body have not arrived. */
  | {
      readonly is: 'incomplete' | 'complete'
      readonly envelope: Envelope
      readonly states: ReadonlyMap<string, RecipientState>
    }

export type MessageCommand =
  | { readonly _tag: 'Send'; readonly envelope: Envelope }
  | {
      readonly _tag: 'StoreContent'
      readonly sender: string
      readonly contentType: string
      readonly body: KeptBody
    }
  | { readonly _tag: 'Deliver'; readonly recipient: string }
  | { readonly _tag: 'Acknowledge'; readonly recipient: string }
  | { readonly _tag: 'Expire'; readonly now: string }

type Present = Exclude<MessageState, { is: 'absent' }>

const what = 'message'

/** Whether its time has come, at a time that `parseInstant` reads. */
export const hasExpired = ({ expires }: Pick<Envelope, 'expires'>, now: string): boolean =>
  expires !== undefined && expires <= (parseInstant(now) ?? now)

/** Whether there is nothing left to be done for a recipient. */
export const isSettled = (state: RecipientState): boolean => state === 'acknowledged' || state === 'expired'

/** Whether no recipient is still to be given it. */
export const isClosed = ({ states }: Present): boolean => [...states.values()].every(isSettled)

const withStates = (state: Present, changed: Iterable<readonly [string, RecipientState]>): Present => ({
  ...state,
  states: new Map([...state.states, ...changed]),
})

const openRecipients = ({ states }: Present): readonly string[] =>
  [...states].flatMap(([recipient, state]) => (isSettled(state) ? [] : [recipient]))

const textIn = (data: DomainEvent['data'], field: string): string => {
  const value = data[field]
  return typeof value === 'string' ? value : ''
}

const evolvePresent = (state: Present, { type, data }: MessageEvent): Present => {
  switch (type) {
    case 'MessageSent':
      return state
    case 'MessageContentStored': {
      const { contentType, body } = messageEvents.MessageContentStored.parse(data)
      return { ...state, is: 'complete', envelope: { ...state.envelope, contentType, body } }
    }
    case 'MessageDelivered': {
      const recipient = textIn(data, 'recipient')
      return state.states.get(recipient) === 'queued' ? withStates(state, [[recipient, 'delivered']]) : state
    }
    case 'MessageAcknowledged':
      return withStates(state, [[textIn(data, 'recipient'), 'acknowledged']])
    case 'MessageExpired': {
      const { recipients } = messageEvents.MessageExpired.parse(data)
      return withStates(
        state,
        recipients.map(recipient => [recipient, 'expired'] as const),
      )
    }
  }
}

/** The rules of a message: sent once, given to each recipient until it acknowledges it or the message expires. */
export const messageDecider: Decider<MessageCommand, MessageState> = {
  initial: { is: 'absent' },

  evolve: (state, event) => {
    if (!isMessageEvent(event)) return state
    if (state.is !== 'absent') return evolvePresent(state, event)
    const envelope = event.type === 'MessageSent' ? parseEnvelope(event.data) : undefined
    if (envelope === undefined) return state
    return {
      is: envelope.body === undefined ? 'incomplete' : 'complete',
      envelope,
      states: new Map(envelope.to.map(recipient => [recipient, 'queued'])),
    }
  },

  decide: (command, state) => {
    if (command._tag === 'Send') {
      if (state.is !== 'absent') return reject({ _tag: 'ExistsWithOtherContent', what })
      return hasExpired(command.envelope, command.envelope.sentAt)
        ? reject(invalid({ pointer: '/expires', detail: 'must be in the future' }))
        : accept({ type: 'MessageSent', data: command.envelope })
    }
    if (state.is === 'absent') return reject({ _tag: 'NeverWas', what })
    const { envelope, states } = state
    switch (command._tag) {
      case 'StoreContent': {
        const { sender, contentType, body } = command
        if (sender !== envelope.from)
          return reject(states.has(sender) ? notTheSender : { _tag: 'NeverWas', what })
        if (envelope.content !== true)
          return reject({ _tag: 'WrongState', detail: 'This message was sent with its body.' })
        if (state.is === 'incomplete')
          return accept({ type: 'MessageContentStored', data: { to: envelope.to, contentType, body } })
        return envelope.body?.sha256 === body.sha256 && envelope.contentType === contentType
          ? accept()
          : reject({ _tag: 'ExistsWithOtherContent', what: 'content' })
      }
      case 'Deliver':
        return states.get(command.recipient) === 'queued' && state.is === 'complete'
          ? accept({ type: 'MessageDelivered', data: { recipient: command.recipient } })
          : accept()
      case 'Acknowledge': {
        const { recipient } = command
        const before = states.get(recipient)
        if (before === undefined || state.is === 'incomplete')
          return reject(recipient === envelope.from ? notARecipient : { _tag: 'NeverWas', what })
        // Whoever acknowledges has it, also where it expired in the meantime.
        return before === 'acknowledged'
          ? accept()
          : accept({ type: 'MessageAcknowledged', data: { recipient } })
      }
      case 'Expire': {
        const recipients = openRecipients(state)
        return hasExpired(envelope, command.now) && recipients.length > 0
          ? accept({ type: 'MessageExpired', data: { recipients } })
          : accept()
      }
    }
  },

  subject: () => undefined,
}

const notTheSender = {
  _tag: 'FieldNotAllowed',
  field: 'content',
  detail: 'Only the sender gives a message its content.',
} as const

const notARecipient = {
  _tag: 'FieldNotAllowed',
  field: 'id',
  detail: 'A message is acknowledged by its recipients. GET shows the state of each.',
} as const

/** How far it is for each recipient at a time that `parseInstant` reads: it may have expired before that was recorded. */
export const statesAt = ({ envelope, states }: Present, now: string): ReadonlyMap<string, RecipientState> =>
  hasExpired(envelope, now)
    ? new Map([...states].map(([recipient, state]) => [recipient, isSettled(state) ? state : 'expired']))
    : states
