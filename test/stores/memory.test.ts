import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { memoryCheckpoints } from '../../stores/memory/checkpoints.ts'
import { memoryDeliveryStore } from '../../stores/memory/delivery-store.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { memoryLeases } from '../../stores/memory/leases.ts'
import { memoryMessageBodies } from '../../stores/memory/message-bodies.ts'
import { memoryReadStore } from '../../stores/memory/read-store.ts'
import { authStoreContract } from '../contracts/auth-store.ts'
import { checkpointsContract } from '../contracts/checkpoints.ts'
import { deliveryStoreContract } from '../contracts/delivery-store.ts'
import { encryptionContract } from '../contracts/encryption.ts'
import { eventFeedContract } from '../contracts/event-feed.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { generationsContract } from '../contracts/generations.ts'
import { keyStoreContract } from '../contracts/key-store.ts'
import { leasesContract } from '../contracts/leases.ts'
import { messageBodiesContract } from '../contracts/message-bodies.ts'
import { readStoreContract } from '../contracts/read-store.ts'

eventLogContract('memory', async () => memoryLog())
encryptionContract('memory', async () => memoryLog())
eventFeedContract('memory', async () => memoryLog())
readStoreContract('memory', async () => ({ ...memoryReadStore(), close: async () => {} }))
generationsContract('memory', async () => ({ ...memoryReadStore(), close: async () => {} }))
leasesContract('memory', async () => ({ leases: memoryLeases(), close: async () => {} }))
checkpointsContract('memory', async () => ({ checkpoints: memoryCheckpoints(), close: async () => {} }))
authStoreContract('memory', async () => ({ ...memoryAuthStore(), close: async () => {} }))
messageBodiesContract('memory', async () => ({ bodies: memoryMessageBodies(), close: async () => {} }))
deliveryStoreContract('memory', async () => ({
  deliveries: memoryDeliveryStore(),
  close: async () => {},
}))
keyStoreContract('memory', async () => ({ ...memoryAuthStore(), close: async () => {} }))
