/** Runs work on the relay's file. What it throws names the file where that is damaged. */
export type OnFile = <A>(work: () => A | Promise<A>) => Promise<A>
