import type { Actor } from '../domain/event.ts'
import { networkOf, widerNetworkOf } from './networks.ts'
import type { Lane } from './slow-work.ts'

/** For the credentials that a request presents: shared by network, so that nobody's guesses delay everybody else. */
export const loginLane = (address: string): Lane => [
  { name: 'logins', places: 200 },
  { name: widerNetworkOf(address), places: 16 },
  { name: networkOf(address), places: 8 },
]

/** For passwords that an authenticated caller sets or repeats. An operator's command has its process to itself. */
export const settingLane = ({ kind, id }: Actor): Lane =>
  kind === 'operator'
    ? [{ name: 'operator', places: 100 }]
    : [
        { name: 'setting', places: 32 },
        { name: `${kind} ${id}`, places: 8 },
      ]

/** For hashes that are replaced after the answer was given. */
export const rehashingLane: Lane = [{ name: 'rehashing', places: 100 }]
