export { createReflectionClient, type ReflectionClient } from './reflection-client.ts'
export { addReflection } from './reflection-server.ts'
