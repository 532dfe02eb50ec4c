import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { engineCounts } from './test/support/engine-counts.ts'
import { LongestFirst } from './test/support/longest-first.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    experimental: { viteModuleRunner: 'Deno' in globalThis },
    reporters: ['default', engineCounts],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A process for each file would load all modules again, which takes longer than the cases of most files.
    isolate: false,
    // Many tests wait for processes, not for the processor.
    maxWorkers: 3,
    // Hundreds of cases start a process, most of which would compile all sources anew, and Node's compiler of TypeScript.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('./node_modules/.cache/compile', import.meta.url)) },
    sequence: { sequencer: LongestFirst },
  },
})
