import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Folders whose files start processes, and therefore take longest. */
const longest = ['/test/e2e/', '/test/cli/']

const rank = ({ moduleId }: TestSpecification): number => {
  const found = longest.findIndex(folder => moduleId.includes(folder))
  return found === -1 ? longest.length : found
}

/**
 * Begins with the files that take longest, so that at the end no worker is still at one while the others have nothing to
 * do. Vitest orders by the durations of the last run, but where there was none by the sizes of the files, which say little.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}
