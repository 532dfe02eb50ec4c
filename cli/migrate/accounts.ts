import type { Row } from './tables.ts'

/** Of accounts that differ only in case, the one that comes first is taken. Of the others it remembers that they were not. */
export const makeAccounts = () => {
  let first: { readonly account: string; readonly key: string } | undefined
  const left = new Set<string>()
  return {
    /** Why a row cannot be taken because of its person; undefined where it can. */
    problemOf: ({ table, key, columns }: Row): string | undefined => {
      const { ownerField, subjectField } = table.resource
      if (subjectField === 'id') {
        const account = key.toUpperCase()
        if (first?.account !== account) first = { account, key }
        if (first.key === key) return undefined
        left.add(key)
        return 'the account differs only in case from another one, which counts'
      }
      const column = Object.entries(table.keys).find(
        ([, field]) => field === ownerField || field === subjectField,
      )?.[0]
      const person = column === undefined ? null : columns[column]
      return person !== null && person !== undefined && left.has(person)
        ? 'its person is an account that was not taken: it differs only in case from another one'
        : undefined
    },
  }
}

export type Accounts = ReturnType<typeof makeAccounts>
