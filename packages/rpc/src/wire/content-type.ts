const grpcType = 'application/grpc'

/** `application/grpc`, alone or followed by a subtype or parameters. */
export function isGrpcContentType(contentType: string): boolean {
  if (contentType === grpcType) return true
  const text = contentType.toLowerCase()
  if (!text.startsWith(grpcType)) return false
  const next = text.charCodeAt(grpcType.length)
  // nothing, '+', ';' or ' '
  return text.length === grpcType.length || next === 43 || next === 59 || next === 32
}

/** Whether the messages of such a content type are protobuf. */
export function isProtoContentType(contentType: string): boolean {
  return !contentType.includes('+') || /^application\/grpc\+proto(?:$|[; ])/iu.test(contentType)
}
