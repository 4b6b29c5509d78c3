/**
 * How a channel or one of its connections stands (gRPC connectivity semantics and API). `SHUTDOWN` is final.
 */
export type Connectivity = 'IDLE' | 'CONNECTING' | 'READY' | 'TRANSIENT_FAILURE' | 'SHUTDOWN'
