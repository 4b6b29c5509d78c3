// SPDX-License-Identifier: Apache-2.0
import { enumDesc, fileDesc, messageDesc } from "@bufbuild/protobuf/codegenv2";
/**
 * Describes the file grpc/testing/messages.proto.
 */
export const file_grpc_testing_messages = /*@__PURE__*/ fileDesc("ChtncnBjL3Rlc3RpbmcvbWVzc2FnZXMucHJvdG8SDGdycGMudGVzdGluZyIaCglCb29sVmFsdWUSDQoFdmFsdWUYASABKAgiQAoHUGF5bG9hZBInCgR0eXBlGAEgASgOMhkuZ3JwYy50ZXN0aW5nLlBheWxvYWRUeXBlEgwKBGJvZHkYAiABKAwiKwoKRWNob1N0YXR1cxIMCgRjb2RlGAEgASgFEg8KB21lc3NhZ2UYAiABKAkiwwMKDVNpbXBsZVJlcXVlc3QSMAoNcmVzcG9uc2VfdHlwZRgBIAEoDjIZLmdycGMudGVzdGluZy5QYXlsb2FkVHlwZRIVCg1yZXNwb25zZV9zaXplGAIgASgFEiYKB3BheWxvYWQYAyABKAsyFS5ncnBjLnRlc3RpbmcuUGF5bG9hZBIVCg1maWxsX3VzZXJuYW1lGAQgASgIEhgKEGZpbGxfb2F1dGhfc2NvcGUYBSABKAgSNAoTcmVzcG9uc2VfY29tcHJlc3NlZBgGIAEoCzIXLmdycGMudGVzdGluZy5Cb29sVmFsdWUSMQoPcmVzcG9uc2Vfc3RhdHVzGAcgASgLMhguZ3JwYy50ZXN0aW5nLkVjaG9TdGF0dXMSMgoRZXhwZWN0X2NvbXByZXNzZWQYCCABKAsyFy5ncnBjLnRlc3RpbmcuQm9vbFZhbHVlEhYKDmZpbGxfc2VydmVyX2lkGAkgASgIEh4KFmZpbGxfZ3JwY2xiX3JvdXRlX3R5cGUYCiABKAgSOwoVb3JjYV9wZXJfcXVlcnlfcmVwb3J0GAsgASgLMhwuZ3JwYy50ZXN0aW5nLlRlc3RPcmNhUmVwb3J0Ir4BCg5TaW1wbGVSZXNwb25zZRImCgdwYXlsb2FkGAEgASgLMhUuZ3JwYy50ZXN0aW5nLlBheWxvYWQSEAoIdXNlcm5hbWUYAiABKAkSEwoLb2F1dGhfc2NvcGUYAyABKAkSEQoJc2VydmVyX2lkGAQgASgJEjgKEWdycGNsYl9yb3V0ZV90eXBlGAUgASgOMh0uZ3JwYy50ZXN0aW5nLkdycGNsYlJvdXRlVHlwZRIQCghob3N0bmFtZRgGIAEoCSJ3ChlTdHJlYW1pbmdJbnB1dENhbGxSZXF1ZXN0EiYKB3BheWxvYWQYASABKAsyFS5ncnBjLnRlc3RpbmcuUGF5bG9hZBIyChFleHBlY3RfY29tcHJlc3NlZBgCIAEoCzIXLmdycGMudGVzdGluZy5Cb29sVmFsdWUiPQoaU3RyZWFtaW5nSW5wdXRDYWxsUmVzcG9uc2USHwoXYWdncmVnYXRlZF9wYXlsb2FkX3NpemUYASABKAUinwEKElJlc3BvbnNlUGFyYW1ldGVycxIMCgRzaXplGAEgASgFEhMKC2ludGVydmFsX3VzGAIgASgFEisKCmNvbXByZXNzZWQYAyABKAsyFy5ncnBjLnRlc3RpbmcuQm9vbFZhbHVlEjkKGGZpbGxfcGVlcl9zb2NrZXRfYWRkcmVzcxgEIAEoCzIXLmdycGMudGVzdGluZy5Cb29sVmFsdWUinwIKGlN0cmVhbWluZ091dHB1dENhbGxSZXF1ZXN0EjAKDXJlc3BvbnNlX3R5cGUYASABKA4yGS5ncnBjLnRlc3RpbmcuUGF5bG9hZFR5cGUSPQoTcmVzcG9uc2VfcGFyYW1ldGVycxgCIAMoCzIgLmdycGMudGVzdGluZy5SZXNwb25zZVBhcmFtZXRlcnMSJgoHcGF5bG9hZBgDIAEoCzIVLmdycGMudGVzdGluZy5QYXlsb2FkEjEKD3Jlc3BvbnNlX3N0YXR1cxgHIAEoCzIYLmdycGMudGVzdGluZy5FY2hvU3RhdHVzEjUKD29yY2Ffb29iX3JlcG9ydBgIIAEoCzIcLmdycGMudGVzdGluZy5UZXN0T3JjYVJlcG9ydCJiChtTdHJlYW1pbmdPdXRwdXRDYWxsUmVzcG9uc2USJgoHcGF5bG9hZBgBIAEoCzIVLmdycGMudGVzdGluZy5QYXlsb2FkEhsKE3BlZXJfc29ja2V0X2FkZHJlc3MYAiABKAkitgIKDlRlc3RPcmNhUmVwb3J0EhcKD2NwdV91dGlsaXphdGlvbhgBIAEoARIaChJtZW1vcnlfdXRpbGl6YXRpb24YAiABKAESQwoMcmVxdWVzdF9jb3N0GAMgAygLMi0uZ3JwYy50ZXN0aW5nLlRlc3RPcmNhUmVwb3J0LlJlcXVlc3RDb3N0RW50cnkSQgoLdXRpbGl6YXRpb24YBCADKAsyLS5ncnBjLnRlc3RpbmcuVGVzdE9yY2FSZXBvcnQuVXRpbGl6YXRpb25FbnRyeRoyChBSZXF1ZXN0Q29zdEVudHJ5EgsKA2tleRgBIAEoCRINCgV2YWx1ZRgCIAEoAToCOAEaMgoQVXRpbGl6YXRpb25FbnRyeRILCgNrZXkYASABKAkSDQoFdmFsdWUYAiABKAE6AjgBKh8KC1BheWxvYWRUeXBlEhAKDENPTVBSRVNTQUJMRRAAKm8KD0dycGNsYlJvdXRlVHlwZRIdChlHUlBDTEJfUk9VVEVfVFlQRV9VTktOT1dOEAASHgoaR1JQQ0xCX1JPVVRFX1RZUEVfRkFMTEJBQ0sQARIdChlHUlBDTEJfUk9VVEVfVFlQRV9CQUNLRU5EEAJiBnByb3RvMw");
/**
 * Describes the message grpc.testing.BoolValue.
 * Use `create(BoolValueSchema)` to create a new message.
 */
export const BoolValueSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 0);
/**
 * Describes the message grpc.testing.Payload.
 * Use `create(PayloadSchema)` to create a new message.
 */
export const PayloadSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 1);
/**
 * Describes the message grpc.testing.EchoStatus.
 * Use `create(EchoStatusSchema)` to create a new message.
 */
export const EchoStatusSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 2);
/**
 * Describes the message grpc.testing.SimpleRequest.
 * Use `create(SimpleRequestSchema)` to create a new message.
 */
export const SimpleRequestSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 3);
/**
 * Describes the message grpc.testing.SimpleResponse.
 * Use `create(SimpleResponseSchema)` to create a new message.
 */
export const SimpleResponseSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 4);
/**
 * Describes the message grpc.testing.StreamingInputCallRequest.
 * Use `create(StreamingInputCallRequestSchema)` to create a new message.
 */
export const StreamingInputCallRequestSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 5);
/**
 * Describes the message grpc.testing.StreamingInputCallResponse.
 * Use `create(StreamingInputCallResponseSchema)` to create a new message.
 */
export const StreamingInputCallResponseSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 6);
/**
 * Describes the message grpc.testing.ResponseParameters.
 * Use `create(ResponseParametersSchema)` to create a new message.
 */
export const ResponseParametersSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 7);
/**
 * Describes the message grpc.testing.StreamingOutputCallRequest.
 * Use `create(StreamingOutputCallRequestSchema)` to create a new message.
 */
export const StreamingOutputCallRequestSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 8);
/**
 * Describes the message grpc.testing.StreamingOutputCallResponse.
 * Use `create(StreamingOutputCallResponseSchema)` to create a new message.
 */
export const StreamingOutputCallResponseSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 9);
/**
 * Describes the message grpc.testing.TestOrcaReport.
 * Use `create(TestOrcaReportSchema)` to create a new message.
 */
export const TestOrcaReportSchema = /*@__PURE__*/ messageDesc(file_grpc_testing_messages, 10);
/**
 * @generated from enum grpc.testing.PayloadType
 */
export const PayloadType = {
    /**
     * @generated from enum value: COMPRESSABLE = 0;
     */
    COMPRESSABLE: 0,
};
/**
 * Describes the enum grpc.testing.PayloadType.
 */
export const PayloadTypeSchema = /*@__PURE__*/ enumDesc(file_grpc_testing_messages, 0);
/**
 * @generated from enum grpc.testing.GrpclbRouteType
 */
export const GrpclbRouteType = {
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_UNKNOWN = 0;
     */
    UNKNOWN: 0,
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_FALLBACK = 1;
     */
    FALLBACK: 1,
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_BACKEND = 2;
     */
    BACKEND: 2,
};
/**
 * Describes the enum grpc.testing.GrpclbRouteType.
 */
export const GrpclbRouteTypeSchema = /*@__PURE__*/ enumDesc(file_grpc_testing_messages, 1);
//# sourceMappingURL=messages_pb.js.map