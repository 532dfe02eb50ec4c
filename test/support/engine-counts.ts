import type { Reporter, TestCase } from 'vitest/node'

const serverOf: Readonly<Record<string, () => string>> = {
  memory: () => 'in the process',
  SQLite: () => 'in a file',
  MongoDB: () => process.env.TEST_MONGODB_URL || process.env.TEST_MONGODB_SERVER || 'no server',
  EventStoreDB: () =>
    process.env.TEST_EVENTSTORE_URL ||
    process.env.TEST_EVENTSTORE_SERVER ||
    'the stand-in of test/support/eventstoredb',
}

/** An address without who logs in there. */
const withoutSecrets = (text: string): string => text.replace(/\/\/[^@/]*@/, '//')

/** A test that was skipped, and why: its suite's name says it, or the test itself. */
const skippedAs = (test: TestCase): string => {
  const result = test.result()
  return result.state === 'skipped' && result.note !== undefined
    ? `${test.fullName} (skipped: ${result.note})`
    : test.fullName.replace(/(\(skipped: [^)]*\)).*/, '$1')
}

/** Says at the end of a run how many cases ran on each engine, and what was skipped. */
export const engineCounts: Reporter = {
  onTestRunEnd: modules => {
    const tests = modules.flatMap(module => [...module.children.allTests()])
    const lines = Object.entries(serverOf).map(([engine, server]) => {
      const own = tests.filter(({ fullName }) => fullName.includes(engine))
      const ran = own.filter(test => ['passed', 'failed'].includes(test.result().state)).length
      const counts = `${String(ran).padStart(5)} ran ${String(own.length - ran).padStart(4)} skipped`
      return `${engine.padStart(13)} ${counts}   ${withoutSecrets(server())}`
    })
    const skipped = Map.groupBy(
      tests.filter(test => test.result().state === 'skipped'),
      skippedAs,
    )
    console.log(`\nCases by engine\n${lines.join('\n')}\n`)
    if (skipped.size > 0)
      console.log(
        `Skipped\n${[...skipped].map(([what, { length }]) => `${String(length).padStart(5)} ${what}`).join('\n')}\n`,
      )
  },
}
