#!/usr/bin/env -S node --
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Half of a start is the compilation of the sources: Node keeps what came of it for the next one. It is kept beside the
// sources, where only those who may change these may write. Node's default, the folder for temporary files, would let any
// user of the machine put code there first. Where the folder cannot be written, a start is as without.
const folder = fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url))
// Deno and Node 20 have no such function.
module.enableCompileCache?.(folder)

await import('./program.ts')
