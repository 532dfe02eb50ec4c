import { setTimeout as pause } from 'node:timers/promises'
import gossipGrpc, { type IGossipServer } from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import gossipPb from '@eventstore/db-client/generated/gossip_pb.js'
import featuresGrpc, {
  type IServerFeaturesServer,
} from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import featuresPb from '@eventstore/db-client/generated/serverfeatures_pb.js'
import streamsGrpc, { type IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streamsPb from '@eventstore/db-client/generated/streams_pb.js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { type Engine, makeEngine } from './engine.ts'
import { failures, nameOf } from './messages.ts'
import { type AppendFault, serveAppend } from './serve-append.ts'
import { type ReadCall, serveRead } from './serve-read.ts'

/** The part of an EventStoreDB server that the hub uses, over the same wire, as version 23.10 was seen to behave. */
export interface StandIn {
  readonly engine: Engine
  readonly port: () => number
  /** Breaks every connection; events stay. */
  readonly kill: () => void
  readonly start: () => Promise<void>
  /** The next append fails so, once. */
  readonly failAppend: (fault: AppendFault) => void
  /** Drops every subscription. */
  readonly drop: (error: Error | 'ends') => void
  /** Milliseconds before each answer from now on. */
  readonly delay: (milliseconds: number) => void
  readonly subscriptions: () => number
  /** From where subscriptions were opened, those from the start left out. */
  readonly resumed: () => readonly bigint[]
  /** How often the client used the batch append, which this server does not have. */
  readonly batchAppends: () => number
}

/** Its events live as long as this object, or in a journal; port 0 takes a free one. */
export const startStandIn = async (
  options: { readonly journal?: string; readonly port?: number } = {},
): Promise<StandIn> => {
  const engine = makeEngine(options.journal)
  const calls = new Set<ReadCall>()
  const faults: AppendFault[] = []
  const resumed: bigint[] = []
  let server = new Server()
  let port = options.port ?? 0
  let milliseconds = 0
  let batchAppends = 0

  const services = (): Server => {
    const streams: IStreamsServer = {
      read: async (call: ReadCall) => {
        await pause(milliseconds)
        if (call.request.getOptions()?.hasSubscription()) {
          calls.add(call)
          const after = call.request.getOptions()?.getAll()?.getPosition()?.getCommitPosition()
          if (after !== undefined) resumed.push(BigInt(after))
          for (const event of ['cancelled', 'close', 'error']) call.on(event, () => calls.delete(call))
        }
        await serveRead(engine, call)
      },
      append: async (call, answer) => {
        await serveAppend(engine, call, answer, async () => {
          await pause(milliseconds)
          return faults.shift()
        })
      },
      delete: ({ request }, answer) => {
        engine.delete(nameOf(request.getOptions()?.getStreamIdentifier()))
        answer(null, new streamsPb.DeleteResp())
      },
      tombstone: ({ request }, answer) => {
        engine.tombstone(nameOf(request.getOptions()?.getStreamIdentifier()))
        answer(null, new streamsPb.TombstoneResp())
      },
      batchAppend: call => {
        batchAppends += 1
        call.emit('error', failures.handler())
      },
    }
    const features: IServerFeaturesServer = {
      getSupportedMethods: (_, answer) => {
        const methods = Object.values(streamsGrpc.StreamsService).map(({ path }) => {
          const [, service = '', method = ''] = path.toLowerCase().split('/')
          return new featuresPb.SupportedMethod().setServiceName(service).setMethodName(method)
        })
        answer(
          null,
          new featuresPb.SupportedMethods().setEventStoreServerVersion('23.10.0').setMethodsList(methods),
        )
      },
    }
    const gossip: IGossipServer = {
      read: (_, answer) => {
        const here = new gossipPb.EndPoint().setAddress('127.0.0.1').setPort(port)
        const member = new gossipPb.MemberInfo()
          .setState(gossipPb.MemberInfo.VNodeState.LEADER)
          .setIsAlive(true)
          .setHttpEndPoint(here)
        answer(null, new gossipPb.ClusterInfo().setMembersList([member]))
      },
    }
    // As a real server has it: calls beyond that wait.
    const made = new Server({ 'grpc.max_concurrent_streams': 100 })
    made.addService(streamsGrpc.StreamsService, streams)
    made.addService(featuresGrpc.ServerFeaturesService, features)
    made.addService(gossipGrpc.GossipService, gossip)
    return made
  }

  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server = services()
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
        port = bound
        if (error === null) resolve()
        else reject(error)
      })
    })

  await start()
  return {
    engine,
    port: () => port,
    start,
    kill: () => server.forceShutdown(),
    failAppend: fault => faults.push(fault),
    drop: error => {
      for (const call of [...calls])
        if (error === 'ends') call.end()
        else call.emit('error', error)
    },
    delay: time => {
      milliseconds = time
    },
    subscriptions: () => calls.size,
    resumed: () => resumed,
    batchAppends: () => batchAppends,
  }
}
