/** The stores of a hub, as metrics name them. */
export type StoreName = 'log' | 'reads' | 'credentials' | 'contents' | 'deliveries' | 'bodies'

/** What a client waits for while its request is no work. */
export type WaitingFor = 'feed' | 'inbox' | 'stream'

export interface AnswerMeasured {
  readonly method: string
  /** The route's pattern, never a path. */
  readonly route: string
  readonly status: number
  /** Without the time in which the hub waited for the client, or for something to come. */
  readonly seconds: number
}

export interface AppendMeasured {
  readonly outcome: 'stored' | 'conflict' | 'failed'
  readonly events: number
  readonly seconds: number
}

export interface DeliveryMeasured {
  /** Taken with 2xx, refused with another status, or there was no answer. */
  readonly outcome: 'taken' | 'refused' | 'failed'
  readonly seconds: number
}

/** How far a read model is behind the log. */
export interface ModelLag {
  readonly model: string
  readonly events: number
  /** Since the first event that it lacks was recorded. */
  readonly seconds: number
}

/** What is looked up when somebody asks for the metrics. Times are in seconds, memory in bytes. */
export interface Watched {
  readonly modelLags: () => Promise<readonly ModelLag[]>
  readonly standingAge: () => number
  /** Transactions of the event log of this process. */
  readonly logCommits: () => number
  /** Memory that bodies and answers under way hold. */
  readonly memoryHeld: () => number
  readonly requestsAtWork: () => number
  readonly requestsWaiting: () => number
}

/**
 * What a hub counts of itself. Nothing that is handed over names a person, a node or a path: each label has few values.
 * Nothing here fails or takes long.
 */
export interface Metrics {
  readonly answered: (answer: AnswerMeasured) => void
  /** A request was refused because there was too much to do: of its caller, or of all. */
  readonly refused: (because: 'caller' | 'process') => void
  readonly appended: (append: AppendMeasured) => void
  readonly storeFailed: (store: StoreName) => void
  /** Somebody's password or client secret was wrong, or was not looked at because others had been. */
  readonly guessed: (of: 'person' | 'node', outcome: 'wrong' | 'refused') => void
  readonly tokenIssued: () => void
  /** A slow hash is asked for. `ends` is called once, also where it was refused and never began. */
  readonly slowHash: () => { readonly begins: () => void; readonly ends: () => void }
  /** A long poll or a stream has begun; the function it gives is called once when it ends. */
  readonly waitingFor: (what: WaitingFor) => () => void
  /** An upload has begun, likewise. */
  readonly uploading: () => () => void
  readonly delivered: (delivery: DeliveryMeasured) => void
  readonly deadLetters: (number: number) => void
  /** Adds what is looked up each time. */
  readonly watch: (watched: Partial<Watched>) => void
  /** All of it in the text format of Prometheus. */
  readonly exposition: () => Promise<{ readonly type: string; readonly text: string }>
}

const nothing = (): void => {}

/** For commands that end soon: nobody asks them. */
export const unmeasured: Metrics = {
  answered: nothing,
  refused: nothing,
  appended: nothing,
  storeFailed: nothing,
  guessed: nothing,
  tokenIssued: nothing,
  slowHash: () => ({ begins: nothing, ends: nothing }),
  waitingFor: () => nothing,
  uploading: () => nothing,
  delivered: nothing,
  deadLetters: nothing,
  watch: nothing,
  exposition: async () => ({ type: 'text/plain', text: '' }),
}
