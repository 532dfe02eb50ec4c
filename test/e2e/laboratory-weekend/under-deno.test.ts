import { embedded, servers } from '../../support/engines.ts'
import { weekend } from './weekend.ts'

for (const combination of [embedded, servers]) weekend('deno', combination)
